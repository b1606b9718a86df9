import { useRef, type ReactNode } from "react";
import styles from "./Splitter.module.css";

interface Props {
  share: number;
  onShare: (share: number) => void;
  width: number;
  label: string;
  left: ReactNode;
  right: ReactNode;
}

const LEAST = 0.25;
const MOST = 0.8;

/** Two panes and a bar between them: drag it, or focus it and use the arrow keys. */
export function Splitter({ share, onShare, width, label, left, right }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const set = (next: number) => onShare(Math.round(Math.max(LEAST, Math.min(MOST, next)) * 1000) / 1000);
  return (
    <div className={styles.split} ref={box} style={{ gridTemplateColumns: `minmax(0, ${share}fr) 10px minmax(0, ${1 - share}fr)` }}>
      <div className={styles.pane}>{left}</div>
      <div
        className={styles.bar}
        role="separator"
        aria-orientation="vertical"
        aria-label={label}
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={LEAST * 100}
        aria-valuemax={MOST * 100}
        tabIndex={0}
        onKeyDown={(event) => {
          const step = event.shiftKey ? 0.1 : 0.02;
          if (event.key === "ArrowLeft") set(share - step);
          else if (event.key === "ArrowRight") set(share + step);
          else if (event.key === "Home") set(LEAST);
          else if (event.key === "End") set(MOST);
          else return;
          event.preventDefault();
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const area = box.current?.getBoundingClientRect();
          if (area && width > 0 && event.currentTarget.hasPointerCapture(event.pointerId))
            set((event.clientX - area.left) / area.width);
        }}
        onDoubleClick={() => set(0.64)}
      />
      <div className={styles.pane}>{right}</div>
    </div>
  );
}
