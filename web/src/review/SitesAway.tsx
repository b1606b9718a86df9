// Which site does not answer, where a chosen camera is its: the others are shown all the same.

import type { Away, Camera } from "../api";
import { Notice } from "../frame/Notice";
import styles from "./Review.module.css";

export function SitesAway({ away, chosen, names }: { away: Away[]; chosen: string[]; names: Map<string, Camera> }) {
  const told = away
    .map((each) => ({ ...each, cameras: each.cameras.filter((id) => chosen.includes(id)) }))
    .filter((each) => each.cameras.length > 0);
  if (told.length === 0) return null;
  return (
    <div className={styles.warn}>
      {told.map((each) => (
        <Notice key={each.site} tone="amber" title={`${each.name} is away.`} testId={`away-${each.site}`}>
          {each.cameras.map((id) => names.get(id)?.name ?? id).join(", ")}: asked again when it is back. It goes on recording.
        </Notice>
      ))}
    </div>
  );
}
