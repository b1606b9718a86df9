import { ActionIcon, useComputedColorScheme } from "@mantine/core";
import { IconFocusCentered } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { hub, type Camera } from "../api";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { TownView } from "./town";
import styles from "./TownMap.module.css";

interface Props {
  cameras: Camera[];
  picked: string;
  onPick: (id: string) => void;
}

export default function TownMap({ cameras, picked, onPick }: Props) {
  const town = useQuery({ queryKey: ["map"], queryFn: hub.map, staleTime: Infinity });
  const scheme = useComputedColorScheme("dark");
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<TownView | null>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const first = useRef({ scheme, cameras, picked });
  first.current = { scheme, cameras, picked };
  const [trouble, setTrouble] = useState("");

  useEffect(() => {
    if (!town.data || !box.current) return;
    let made: TownView;
    try {
      made = new TownView(box.current, town.data, first.current.scheme, (id) => pick.current(id), setTrouble);
    } catch (error) {
      // no WebGL: the list of cameras stands beside
      setTrouble(`This browser can't draw the map (${error instanceof Error ? error.message : String(error)}).`);
      return;
    }
    view.current = made;
    made.setCameras(first.current.cameras);
    made.setPicked(first.current.picked);
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      made.close();
      view.current = null;
    };
  }, [town.data]);

  useEffect(() => view.current?.setScheme(scheme), [scheme]);
  useEffect(() => view.current?.setCameras(cameras), [cameras]);
  useEffect(() => view.current?.setPicked(picked), [picked]);

  if (town.isPending) return <Waiting what="Asking the hub for the map." why="It is slow to answer." />;
  if (town.error) return <Trouble error={town.error} again={() => void town.refetch()} />;
  return (
    <div className={styles.frame}>
      <div ref={box} className={styles.map} data-testid="map" />
      <ActionIcon
        className={styles.fit}
        variant="default"
        size={29}
        aria-label="Show every camera"
        title="Show every camera"
        onClick={() => view.current?.fit(true)}
      >
        <IconFocusCentered size={16} />
      </ActionIcon>
      {trouble ? (
        <div className={styles.trouble}>
          <Notice tone="amber" title="A part of the map is missing.">
            {trouble} The list of cameras is complete.
          </Notice>
        </div>
      ) : null}
    </div>
  );
}
