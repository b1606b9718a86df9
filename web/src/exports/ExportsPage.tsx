import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { hub } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { span as sayspan } from "../time";
import { Cancel, Digest, Download, ExportState, KindNote, ResumedNote, Verify } from "./ExportCard";
import { useExports } from "./useExports";
import styles from "./Exports.module.css";

export default function ExportsPage() {
  const exports = useExports();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const navigate = useNavigate();
  const name = (id: string): string => cameras.data?.cameras.find((camera) => camera.id === id)?.name ?? id;
  return (
    <div className="page">
      <div className="inner">
        <h1>Exports</h1>
        <p className="lead">Footage that left the store. Each one stands in the log with who made it, when, and under which access.</p>
        {exports.error ? <Trouble error={exports.error} again={() => void exports.refetch()} /> : null}
        {exports.isPending ? <Waiting what="Asking for the exports." why="The hub is slow to answer." /> : null}
        {exports.data?.length === 0 ? (
          <Empty
            title="Nothing has been exported"
            action={
              <Button variant="default" onClick={() => void navigate("/review")}>
                Go to review
              </Button>
            }
          >
            In review, mark the first moment with I and the last with O, then press Export.
          </Empty>
        ) : null}
        {exports.data && exports.data.length > 0 ? (
          <>
            <ul className={styles.list}>
              {exports.data.map((each) => (
                <li key={each.id} className={`panel ${styles.item}`} data-testid={`export-${each.id}`} data-state={each.state}>
                  <div className={styles.itemHead}>
                    <span className={styles.cardName}>{each.name}</span>
                    <ExportState export_={each} />
                  </div>
                  <KindNote export_={each} />
                  <ResumedNote export_={each} />
                  <dl className={styles.facts}>
                    <div>
                      <dt>Footage</dt>
                      <dd>
                        <Time us={each.start_us} day /> to <Time us={each.end_us} day />, {sayspan(each.end_us - each.start_us)}
                      </dd>
                    </div>
                    <div>
                      <dt>Cameras</dt>
                      <dd>{each.cameras.map(name).join(", ")}</dd>
                    </div>
                    <div>
                      <dt>Made</dt>
                      <dd>
                        <Time us={each.made_us} day /> by {each.made_by}
                      </dd>
                    </div>
                    {each.state === "ready" ? (
                      <div>
                        <dt>SHA-256</dt>
                        <dd>
                          <Digest sha256={each.sha256} />
                        </dd>
                      </div>
                    ) : null}
                    {each.message ? (
                      <div>
                        <dt>Message</dt>
                        <dd>{each.message}</dd>
                      </div>
                    ) : null}
                  </dl>
                  {each.state === "ready" ? <Download export_={each} /> : null}
                  {each.state === "working" ? <Cancel export_={each} /> : null}
                </li>
              ))}
            </ul>
            <Verify />
          </>
        ) : null}
      </div>
    </div>
  );
}
