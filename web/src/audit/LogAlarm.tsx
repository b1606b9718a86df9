// The hub compares its database with the log's tree while it runs; what does not fit is said here, to everybody.

import { useQuery } from "@tanstack/react-query";
import { Notice } from "../frame/Notice";
import { dayClock } from "../time";
import { log } from "./audit";

export function LogAlarm() {
  const found = useQuery({ queryKey: ["audit", "alarms"], queryFn: log.alarms, refetchInterval: 30_000 });
  const alarms = found.data?.alarms ?? [];
  if (alarms.length === 0) return null;
  return (
    <Notice tone="red" title="The hub's database was altered behind its back." testId="log-alarm">
      <ul>
        {alarms.slice(0, 5).map((each) => (
          <li key={`${each.what} ${each.name}`}>
            {each.text} Noticed {dayClock(each.since_us)}.
          </li>
        ))}
      </ul>
      {alarms.length > 5 ? <p>And {alarms.length - 5} more.</p> : null}
      <p>The data protection officer has been told. Keep the database as it is, and do not restart the hub before somebody has looked.</p>
    </Notice>
  );
}
