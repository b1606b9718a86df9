import { ActionIcon, Button, Select, TextInput, Tooltip } from "@mantine/core";
import {
  IconBracketsContain,
  IconChevronLeft,
  IconChevronRight,
  IconDownload,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
  IconPlayerTrackNext,
  IconPlayerTrackPrev,
  IconX,
  IconZoomIn,
  IconZoomOut,
} from "@tabler/icons-react";
import { useState, type FormEvent, type ReactNode, type RefObject } from "react";
import { hubNowUs } from "../api";
import { DAY, parseTime, span as sayspan } from "../time";
import { FRAME_US, RATES, type PlayerView, type ReviewPlayer } from "./player";
import type { Marks } from "./timeline";
import styles from "./Review.module.css";

interface Props {
  player: ReviewPlayer | null;
  playing: PlayerView | null;
  timeElement: RefObject<HTMLSpanElement | null>;
  dayElement: RefObject<HTMLSpanElement | null>;
  at: () => number;
  go: (us: number, how?: { push?: boolean }) => void;
  jump: (forward: boolean) => void;
  marks: Marks;
  setMark: (which: "in" | "out") => void;
  clearMarks: () => void;
  openExport: () => void;
  zoom: (factor: number) => void;
  wholeDay: () => void;
  pan: (share: number) => void;
  span: number;
}

function Act({ label, keys, testId, onClick, children }: { label: string; keys?: string; testId?: string; onClick: () => void; children: ReactNode }) {
  return (
    <Tooltip label={keys ? `${label} (${keys})` : label}>
      <ActionIcon variant="subtle" color="gray" size={32} aria-label={label} data-testid={testId} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

const speed = (rate: number): string => `${rate}×`;

export function Transport(props: Props) {
  const { player, playing, marks } = props;
  const rate = playing?.rate ?? 1;
  const marked = marks.in !== null && marks.out !== null ? marks.out - marks.in : null;
  return (
    <div className={styles.transport} role="group" aria-label="Playing">
      <div className={styles.when}>
        <span ref={props.timeElement} className={styles.clock} data-testid="review-time" />
        <span ref={props.dayElement} className={styles.clockDay} />
      </div>
      <div className={styles.acts}>
        <Act label="Recording before" keys="[" testId="previous-recording" onClick={() => props.jump(false)}>
          <IconPlayerTrackPrev size={18} />
        </Act>
        <Act label="One frame back" keys="," testId="frame-back" onClick={() => player?.step(-FRAME_US)}>
          <IconPlayerSkipBack size={18} />
        </Act>
        <Tooltip label={playing?.playing ? "Pause (space)" : "Play (space)"}>
          <ActionIcon
            size={38}
            radius={19}
            variant="filled"
            aria-label={playing?.playing ? "Pause" : "Play"}
            data-testid="play"
            data-playing={playing?.playing || undefined}
            onClick={() => player?.toggle()}
          >
            {playing?.playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
          </ActionIcon>
        </Tooltip>
        <Act label="One frame on" keys="." testId="frame-on" onClick={() => player?.step(FRAME_US)}>
          <IconPlayerSkipForward size={18} />
        </Act>
        <Act label="Next recording" keys="]" testId="next-recording" onClick={() => props.jump(true)}>
          <IconPlayerTrackNext size={18} />
        </Act>
        <Select
          size="xs"
          w={88}
          aria-label="Speed"
          data-testid="rate"
          allowDeselect={false}
          comboboxProps={{ width: 110, transitionProps: { duration: 100 } }}
          value={String(rate)}
          data={[...(rate < 0 ? [{ value: String(rate), label: `${speed(-rate)} back` }] : []), ...RATES.map((each) => ({ value: String(each), label: speed(each) }))]}
          onChange={(value) => value && player?.setRate(Number(value))}
        />
      </div>
      <GoTo at={props.at} go={props.go} />
      <div className={styles.acts}>
        <Button size="compact-sm" h={30} variant="default" onClick={() => props.setMark("in")} data-testid="mark-in" title="Mark in (I)">
          In
        </Button>
        <Button size="compact-sm" h={30} variant="default" onClick={() => props.setMark("out")} data-testid="mark-out" title="Mark out (O)">
          Out
        </Button>
        {marks.in !== null || marks.out !== null ? (
          <span className={styles.marked} data-testid="marked-span">
            {marked !== null ? sayspan(marked) : marks.in !== null ? "from In" : "to Out"}
            <ActionIcon variant="subtle" color="gray" size={24} aria-label="Clear the marks" onClick={props.clearMarks}>
              <IconX size={14} />
            </ActionIcon>
          </span>
        ) : null}
        <Button
          size="compact-sm"
          h={30}
          variant={marked !== null ? "filled" : "default"}
          leftSection={<IconDownload size={15} />}
          onClick={props.openExport}
          data-testid="export-open"
        >
          Export
        </Button>
      </div>
      <div className={`${styles.acts} ${styles.zoom}`}>
        <Act label="Timeline back" keys="Page up" testId="pan-back" onClick={() => props.pan(-0.5)}>
          <IconChevronLeft size={18} />
        </Act>
        <Act label="Zoom out" keys="-" testId="zoom-out" onClick={() => props.zoom(0.5)}>
          <IconZoomOut size={18} />
        </Act>
        <span className={styles.span} data-testid="zoom-span">
          {props.span >= DAY * 1.01 ? sayspan(props.span) : props.span === DAY ? "24 h" : sayspan(props.span)}
        </span>
        <Act label="Zoom in" keys="+" testId="zoom-in" onClick={() => props.zoom(2)}>
          <IconZoomIn size={18} />
        </Act>
        <Act label="The whole day" keys="0" testId="zoom-day" onClick={props.wholeDay}>
          <IconBracketsContain size={18} />
        </Act>
        <Act label="Timeline on" keys="Page down" testId="pan-on" onClick={() => props.pan(0.5)}>
          <IconChevronRight size={18} />
        </Act>
      </div>
    </div>
  );
}

function GoTo({ at, go }: { at: () => number; go: Props["go"] }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const us = parseTime(text, at(), hubNowUs());
    if (us === null) {
      setWrong(true);
      return;
    }
    setWrong(false);
    setText("");
    go(us, { push: true });
    (document.activeElement as HTMLElement | null)?.blur();
  };
  return (
    <form onSubmit={submit} className={styles.goto} data-testid="go-to">
      <TextInput
        id="go-to-time"
        size="xs"
        w={170}
        placeholder="Go to 21:03:12"
        aria-label="Go to a time, such as 21:03:12, yesterday 21:03 or +30"
        title="Such as 21:03:12, yesterday 21:03, 2026-11-20 21:03 or +30"
        value={text}
        error={wrong}
        aria-invalid={wrong}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <span className="visually-hidden" role="alert">
        {wrong ? "This time can't be read. Write it like 21:03:12." : ""}
      </span>
    </form>
  );
}

