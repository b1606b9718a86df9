import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { dpo } from "./dpo";
import styles from "./Dpo.module.css";

export function PurposesTab() {
  const feed = useQuery({ queryKey: ["dpo", "purposes"], queryFn: dpo.purposes, retry: 1 });
  const entries = feed.data?.entries ?? [];
  return (
    <>
      <p className="quiet">
        Every change of what footage may be opened for, and of what a camera is for. A change that you did not make is worth a question; you make yours under{" "}
        <Link to="/purposes">Purposes</Link>.
      </p>
      {feed.error ? <Trouble error={feed.error} again={() => void feed.refetch()} /> : null}
      {feed.isPending ? <Waiting what="Reading the log." why="It is long." /> : null}
      {feed.data && entries.length === 0 ? <Empty title="Nothing was changed">Purposes stand as they were installed.</Empty> : null}
      <ol className={styles.entries}>
        {entries.map((entry) => (
          <li key={entry.index}>
            <span className="quiet">
              {entry.index} · <Time us={entry.time_us} day /> · {entry.person}
            </span>
            <span>{entry.summary}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
