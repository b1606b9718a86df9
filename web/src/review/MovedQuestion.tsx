import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { hub, type Movement } from "../api";
import { clock } from "../time";
import styles from "./Review.module.css";

interface Props {
  grant: string;
  cameras: { id: string; name: string }[];
  from: number;
  to: number;
  go: (us: number) => void;
}

/** Did anything move between the marks? Asked camera by camera; each answer says what it rests on. */
export function MovedQuestion({ grant, cameras, from, to, go }: Props) {
  const [found, setFound] = useState<{ name: string; movement: Movement | null; problem: string }[]>([]);
  const [asking, setAsking] = useState("");
  const key = `${from} ${to} ${cameras.map((camera) => camera.id).join(",")}`;
  useEffect(() => setFound([]), [key]);
  const ask = async (): Promise<void> => {
    setFound([]);
    for (const camera of cameras) {
      setAsking(camera.name);
      try {
        const movement = await hub.moved({ grant, camera: camera.id, from_us: Math.floor(from), to_us: Math.ceil(to) });
        setFound((old) => [...old, { name: camera.name, movement, problem: "" }]);
      } catch (error) {
        setFound((old) => [...old, { name: camera.name, movement: null, problem: (error as Error).message }]);
      }
    }
    setAsking("");
  };
  return (
    <div className={styles.moved} data-testid="moved">
      <Button size="compact-xs" variant="default" onClick={() => void ask()} loading={asking !== ""} data-testid="moved-ask">
        Did anything move?
      </Button>
      {found.map(({ name, movement, problem }) => (
        <p key={name} className={styles.movedAnswer} data-testid="moved-answer" data-answer={movement?.answer}>
          <strong>
            {name}:
          </strong>{" "}
          {movement ? movement.text : problem}{" "}
          {movement?.moved.slice(0, 8).map((each) => (
            <button key={each.start_us} type="button" className="link-button" onClick={() => go(each.start_us)}>
              {clock(each.start_us)}
            </button>
          ))}
        </p>
      ))}
    </div>
  );
}
