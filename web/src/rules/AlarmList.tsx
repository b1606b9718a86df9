// What rules raised, newest first: a masked picture where the person's access opens one, and the buttons to judge.

import { Button, SegmentedControl } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlayerTrackNext } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { useGrant } from "../session";
import { KIND_WORDS, liveRules, reviewOf, type Alarm, type Verdict } from "./rules";
import styles from "./Rules.module.css";

const VERDICTS: { value: Verdict; label: string }[] = [
  { value: "true", label: "It was right" },
  { value: "false", label: "It was wrong" },
  { value: "unclear", label: "Can't tell" },
];
const JUDGED: Record<Verdict, string> = { true: "right", false: "wrong", unclear: "can't be told" };

export function AlarmList({ mayJudge, nameOf }: { mayJudge: boolean; nameOf: (camera: string) => string }) {
  const [which, setWhich] = useState("open");
  const client = useQueryClient();
  const found = useQuery({ queryKey: ["alarms", which], queryFn: () => liveRules.alarms(which === "all" ? "" : which), refetchInterval: 5_000 });
  const judge = useMutation({
    mutationFn: ({ id, verdict }: { id: string; verdict: Verdict }) => liveRules.judge(id, verdict, ""),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["alarms"] });
      void client.invalidateQueries({ queryKey: ["rules"] });
    },
    onError: (error: Error) => notifications.show({ title: "That could not be kept", message: error.message, color: "red" }),
  });
  return (
    <section className={styles.section} aria-label="Alarms">
      <div className={styles.head}>
        <h2>Alarms</h2>
        <SegmentedControl
          size="xs"
          value={which}
          onChange={setWhich}
          data={[
            { value: "open", label: "To judge" },
            { value: "all", label: "All" },
          ]}
          aria-label="Which alarms"
        />
      </div>
      {found.isPending ? <Waiting what="Asking for alarms." why="The hub is slow to answer." /> : null}
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.data?.alarms.length === 0 ? (
        <Empty title={which === "open" ? "Nothing to judge" : "No rule has raised anything yet"}>
          A rule that is new only counts for a week before it may raise an alarm.
        </Empty>
      ) : null}
      <ul className={styles.alarms} data-testid="alarms">
        {found.data?.alarms.map((alarm) => (
          <AlarmCard key={alarm.id} alarm={alarm} name={nameOf(alarm.camera)} judge={mayJudge ? (verdict) => judge.mutate({ id: alarm.id, verdict }) : null} />
        ))}
      </ul>
    </section>
  );
}

function AlarmCard({ alarm, name, judge }: { alarm: Alarm; name: string; judge: ((verdict: Verdict) => void) | null }) {
  return (
    <li className={`panel ${styles.alarm}`} data-testid={`alarm-${alarm.id}`}>
      <AlarmPicture alarm={alarm} />
      <div className={styles.said}>
        <span className={styles.title}>
          <span className="strong">{name}</span>
          <span className="quiet">
            <Time us={alarm.time_us} day />
          </span>
        </span>
        <span>{alarm.words}</span>
        <span className="quiet">
          {alarm.rule_name} · {KIND_WORDS[alarm.kind]}
          {alarm.kind === "tamper" ? "" : ` · confidence ${Math.round(alarm.confidence * 100)} %`}
        </span>
        <span className={styles.acts}>
          <Button component={Link} to={reviewOf(alarm)} size="compact-sm" variant="default" leftSection={<IconPlayerTrackNext size={14} />}>
            Review
          </Button>
          {alarm.verdict ? (
            <span className="quiet">
              Judged {JUDGED[alarm.verdict]} by {alarm.judged_by}, <Time us={alarm.judged_us} day />
            </span>
          ) : judge ? (
            VERDICTS.map((each) => (
              <Button key={each.value} size="compact-sm" variant="default" data-testid={`judge-${each.value}`} onClick={() => judge(each.value)}>
                {each.label}
              </Button>
            ))
          ) : null}
        </span>
      </div>
    </li>
  );
}

/** Masked at the site. Without access to this moment there is none, and the card says so. */
function AlarmPicture({ alarm }: { alarm: Alarm }) {
  const { grant } = useGrant();
  const [failed, setFailed] = useState(false);
  const covers =
    grant !== null &&
    grant.actions.includes("playback") &&
    (grant.cameras.length === 0 || grant.cameras.includes(alarm.camera)) &&
    grant.from_us <= alarm.time_us &&
    alarm.time_us < grant.to_us;
  if (alarm.kind === "tamper") return <div className={styles.noPicture}>About the picture itself</div>;
  if (!covers) return <div className={styles.noPicture}>Needs access to this moment</div>;
  if (failed) return <div className={styles.noPicture}>No picture yet</div>;
  return <img className={styles.picture} src={liveRules.picture(alarm.id, grant.id)} alt="" loading="lazy" onError={() => setFailed(true)} />;
}
