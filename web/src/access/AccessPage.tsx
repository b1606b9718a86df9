// What the log says about oneself: the accesses that stand, every act, and the checkpoint they are proved by.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { hub, type Grant } from "../api";
import { purposeOf } from "../frame/GrantChip";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { useGrant } from "../session";
import styles from "./Access.module.css";

export default function AccessPage() {
  const { grants, again } = useGrant();
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
  const total = cameras.data?.cameras.length ?? 0;
  const stop = async (grant: Grant) => {
    try {
      await hub.endGrant(grant.id);
    } catch (error) {
      notifications.show({ title: "It could not be ended", message: error instanceof Error ? error.message : "", color: "red" });
    }
    again();
  };
  return (
    <div className="page">
      <div className="inner">
        <h1>My access</h1>
        <p className="lead">What you may see now, and everything you have done that left a mark. Nobody can change or remove an entry, you and the administrators included.</p>

        <h2 className={styles.head}>What stands now</h2>
        {grants.length === 0 ? (
          <p className="quiet">Nothing. Pictures stay shut until you start a shift or ask for access for a case.</p>
        ) : (
          <div className="panel table-box">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Purpose</th>
                  <th scope="col">Case</th>
                  <th scope="col">Cameras</th>
                  <th scope="col">Allows</th>
                  <th scope="col">Footage from</th>
                  <th scope="col">Ends</th>
                  <th scope="col">Faces</th>
                  <th scope="col">
                    <span className="visually-hidden">Stop</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {grants.map((grant) => (
                  <tr key={grant.id}>
                    <td>{purposeOf(grant)}</td>
                    <td>{grant.case || "none"}</td>
                    <td>{grant.cameras.length >= total && total > 0 ? `all ${total}` : grant.cameras.length}</td>
                    <td>{grant.actions.join(", ")}</td>
                    <td>
                      <Time us={grant.from_us} day />
                    </td>
                    <td>
                      <Time us={grant.expires_us} day />
                    </td>
                    <td>{grant.masked ? "masked" : "not masked"}</td>
                    <td>
                      <Button size="compact-xs" variant="default" onClick={() => void stop(grant)}>
                        Stop
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}

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
