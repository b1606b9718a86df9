// On Now: the newest alarms that nobody has judged yet, three of them, of the last hour.

import { IconBellRinging } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { Time } from "../frame/Time";
import { rolesOf, useSession } from "../session";
import { HOUR } from "../time";
import { liveRules, reviewOf, RULE_READERS } from "./rules";
import styles from "./Rules.module.css";

export function NowAlarms({ name }: { name: (camera: string) => string }) {
  const { session } = useSession();
  const reads = rolesOf(session).some((role) => RULE_READERS.includes(role));
  const found = useQuery({ queryKey: ["alarms", "now"], queryFn: () => liveRules.alarms("open", 3), refetchInterval: 5_000, enabled: reads });
  const fresh = found.data?.alarms.filter((alarm) => found.data.now_us - alarm.time_us < HOUR) ?? [];
  if (fresh.length === 0) return null;
  return (
    <div className={styles.now} role="status" data-testid="now-alarms">
      <IconBellRinging size={16} aria-hidden />
      <ul>
        {fresh.map((alarm) => (
          <li key={alarm.id}>
            <Link to={reviewOf(alarm)}>
              <Time us={alarm.time_us} /> {name(alarm.camera)}: {alarm.words}
            </Link>
          </li>
        ))}
      </ul>
      <Link to="/rules">Judge</Link>
    </div>
  );
}
