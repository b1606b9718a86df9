// What one may see and why, what one asked for, how it ended, and what the log says about oneself with the checkpoint that proves it.

import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { hub } from "../api";
import { BREAKERS } from "../approvals/approvals";
import { useAsked } from "../approvals/RequestNews";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { MyConflicts } from "../conflicts/MyConflicts";
import { MyProposals } from "../proposals/MyProposals";
import { rolesOf, useSession } from "../session";
import { BreakGlass } from "./BreakGlass";
import { MyGrants } from "./MyGrants";
import { Endings, MyRequests } from "./MyRequests";
import styles from "./Access.module.css";

export default function AccessPage() {
  const { session } = useSession();
  const asked = useAsked();
  const audit = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) => hub.audit(pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    refetchOnMount: "always",
  });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const entries = audit.data?.pages.flatMap((page) => page.entries) ?? [];
  const point = audit.data?.pages[0]?.checkpoint;
  const all = cameras.data?.cameras ?? [];
  return (
    <div className="page">
      <div className="inner">
        <div className={styles.titled}>
          <div>
            <h1>My access</h1>
            <p className="lead">
              What you may see now and why, what you asked for, and everything you have done that left a mark. Nobody can change or remove an entry, you and the
              administrators included.
            </p>
          </div>
          <Button component={Link} to="/access/ask" data-testid="ask-access">
            Ask for access
          </Button>
        </div>

        <h2 className={styles.head}>What you may see now</h2>
        <MyGrants cameras={all} />
        {asked ? (
          <>
            <h2 className={styles.head}>What you asked for</h2>
            <MyRequests cameras={all} />
          </>
        ) : null}
        <MyProposals />
        <Endings cameras={all} />
        {asked && rolesOf(session).some((role) => BREAKERS.includes(role)) ? <BreakGlass cameras={all} /> : null}

        <MyConflicts cameras={all} />

        <h2 className={styles.head}>What the log says about you</h2>
        {point ? (
          <p className={styles.point} data-testid="checkpoint">
            The log has <strong>{point.size.toLocaleString("en-GB")}</strong> entries. Signed at <Time us={point.signed_us} day />. Root{" "}
            <span className="mono">{point.root}</span>{" "}
            <a href="/log/checkpoint" className={styles.link}>
              The signed checkpoint
            </a>
          </p>
        ) : null}
        {audit.isPending ? <Waiting what="Asking the log." why="The hub is slow to answer." /> : null}
        {audit.error ? <Trouble error={audit.error} again={() => void audit.refetch()} /> : null}
        {audit.data && entries.length === 0 ? <Empty title="No entry yet">Your first look, export or refusal will stand here.</Empty> : null}
        {entries.length > 0 ? (
          <div className="panel table-box">
            <table className="table" data-testid="audit">
              <thead>
                <tr>
                  <th scope="col" className={`number ${styles.entry}`}>
                    Entry
                  </th>
                  <th scope="col">Time</th>
                  <th scope="col">What</th>
                  <th scope="col" className={styles.kind}>
                    Kind
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.index}>
                    <td className={`number ${styles.entry}`}>{entry.index}</td>
                    <td>
                      <Time us={entry.time_us} day />
                    </td>
                    <td className="wide">
                      {Object.keys(entry.facts ?? {}).length > 0 ? (
                        <details>
                          <summary className={styles.summary}>{entry.summary}</summary>
                          <dl className={styles.facts}>
                            {Object.entries(entry.facts).map(([key, value]) => (
                              <div key={key}>
                                <dt>{key.replaceAll("_", " ")}</dt>
                                <dd className="mono">
                                  {key.endsWith("_us") && typeof value === "number" ? <Time us={value} day /> : typeof value === "string" ? value : JSON.stringify(value)}
                                </dd>
                              </div>
                            ))}
                          </dl>
                        </details>
                      ) : (
                        entry.summary
                      )}
                    </td>
                    <td className={`mono ${styles.kind}`}>{entry.kind}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
        {audit.hasNextPage ? (
          <Button mt={8} variant="default" loading={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
            Older entries
          </Button>
        ) : null}
      </div>
    </div>
  );
}
