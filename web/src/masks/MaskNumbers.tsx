// The same masks as numbers: everything that can be drawn can be typed.

import { ActionIcon, NumberInput, Tooltip } from "@mantine/core";
import { IconPlus, IconTrash, IconX } from "@tabler/icons-react";
import { area, moved, split, without, type Polygon } from "./polygon";
import styles from "./Masks.module.css";

interface Props {
  polygons: Polygon[];
  chosen: number;
  editable: boolean;
  onChange: (polygons: Polygon[]) => void;
  onChoose: (mask: number) => void;
}

const percent = (share: number) => Math.round(share * 1000) / 10;

export function MaskNumbers({ polygons, chosen, editable, onChange, onChoose }: Props) {
  if (polygons.length === 0) return <p className="quiet">No masks: everything that this camera sees may be shown.</p>;
  return (
    <div className={styles.masks}>
      {polygons.map((polygon, mask) => (
        <section key={mask} className={`panel ${styles.mask}`} data-chosen={mask === chosen || undefined} aria-label={`Mask ${mask + 1}`}>
          <header className={styles.maskHead}>
            <button type="button" className="link-button" onClick={() => onChoose(mask === chosen ? -1 : mask)} aria-expanded={mask === chosen}>
              Mask {mask + 1}
            </button>
            <span className="quiet">
              {polygon.length} corners, {(area(polygon) * 100).toFixed(1)} % of the picture
            </span>
            {editable ? (
              <Tooltip label="Take this mask away">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={26}
                  aria-label={`Take mask ${mask + 1} away`}
                  data-testid={`take-away-${mask}`}
                  onClick={() => onChange(polygons.filter((_, index) => index !== mask))}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Tooltip>
            ) : null}
          </header>
          {mask === chosen ? (
            <table className={styles.corners}>
              <thead>
                <tr>
                  <th scope="col">Corner</th>
                  <th scope="col">Across, %</th>
                  <th scope="col">Down, %</th>
                  <td />
                </tr>
              </thead>
              <tbody>
                {polygon.map(([x, y], at) => (
                  <tr key={at}>
                    <th scope="row">{at + 1}</th>
                    {([x, y] as const).map((share, axis) => (
                      <td key={axis}>
                        <NumberInput
                          size="xs"
                          w={84}
                          min={0}
                          max={100}
                          step={0.5}
                          decimalScale={1}
                          disabled={!editable}
                          aria-label={`Mask ${mask + 1}, corner ${at + 1}, ${axis === 0 ? "across" : "down"}`}
                          value={percent(share)}
                          onChange={(value) => {
                            if (typeof value !== "number") return;
                            onChange(moved(polygons, mask, at, axis === 0 ? value / 100 : x, axis === 1 ? value / 100 : y));
                          }}
                        />
                      </td>
                    ))}
                    <td>
                      {editable ? (
                        <span className={styles.acts}>
                          <ActionIcon variant="subtle" color="gray" size={24} aria-label="One more corner behind this one" onClick={() => onChange(split(polygons, mask, at))}>
                            <IconPlus size={14} />
                          </ActionIcon>
                          <ActionIcon variant="subtle" color="gray" size={24} aria-label="Without this corner" onClick={() => onChange(without(polygons, mask, at))}>
                            <IconX size={14} />
                          </ActionIcon>
                        </span>
                      ) : null}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : null}
        </section>
      ))}
    </div>
  );
}
