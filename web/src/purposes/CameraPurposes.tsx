// On a camera's page: what its pictures may be opened for, in the words that residents may read.

import { acceptedBy, useCameraPurposes, usePurposes } from "./purposes";
import styles from "./Purposes.module.css";

export function CameraPurposes({ camera }: { camera: string }) {
  const purposes = usePurposes();
  const lists = useCameraPurposes();
  if (!purposes.data || !lists.data) return null;
  const codes = acceptedBy(lists.data, camera);
  const shown = purposes.data.purposes.filter((each) => codes.includes(each.code) && each.state === "in_force" && each.actions.length > 0);
  return (
    <section data-testid="camera-purposes">
      <h3>What it may be used for</h3>
      {shown.length === 0 ? <p className={`quiet ${styles.none}`}>Nothing: no picture of it opens.</p> : null}
      <ul className={styles.onCamera}>
        {shown.map((each) => (
          <li key={each.code}>
            <p className="strong">{each.text}</p>
            <p className="quiet">{each.wording}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
