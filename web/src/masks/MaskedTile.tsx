// The picture below the masks: what the person's own access shows of the camera now. Without one there is none.

import { useEffect, useRef } from "react";
import { LivePlayer } from "../live/player";
import { LiveTile } from "../live/tile";
import { ViewerMark } from "../mark/ViewerMark";
import { useGrant } from "../session";
import styles from "./Masks.module.css";

const WITHOUT = "No picture without access. Masks can be drawn by their numbers, or over the picture once your access opens it.";

export function MaskedTile({ camera, without = WITHOUT }: { camera: string; without?: string }) {
  const { grant, again } = useGrant();
  const box = useRef<HTMLDivElement>(null);
  const id = grant && grant.actions.includes("live") && (grant.cameras.length === 0 || grant.cameras.includes(camera)) ? grant.id : "";
  useEffect(() => {
    if (!id || !box.current) return;
    const player = new LivePlayer(id, again);
    const close = player.open(new LiveTile(camera, "sub"), box.current);
    return () => {
      close();
      player.close();
    };
  }, [id, camera, again]);
  return (
    <>
      <div ref={box} className={styles.video} />
      {id ? (
        <ViewerMark seed={camera} />
      ) : (
        <p className={styles.noPicture}>{without}</p>
      )}
    </>
  );
}
