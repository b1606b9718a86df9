import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { hub, lastTouchMs } from "../api";
import { Notice } from "../frame/Notice";
import styles from "./Login.module.css";

const WARN_MS = 90_000;

/** Says so before the hub ends a session in which nobody did anything; any touch goes on with it. */
export function IdleNotice({ idleUs }: { idleUs: number }) {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const look = () => setNear(Date.now() - lastTouchMs() > idleUs / 1000 - WARN_MS);
    const timer = window.setInterval(look, 5000);
    return () => window.clearInterval(timer);
  }, [idleUs]);
  useEffect(() => {
    if (!near) return;
    const stay = () => {
      setNear(false);
      void hub.session().catch(() => undefined);
    };
    const kinds = ["pointerdown", "keydown"] as const;
    for (const kind of kinds) window.addEventListener(kind, stay);
    return () => {
      for (const kind of kinds) window.removeEventListener(kind, stay);
    };
  }, [near]);
  if (!near) return null;
  return (
    <div className={styles.idle}>
      <Notice
        tone="amber"
        title="Are you still there?"
        testId="idle"
        action={<Button size="compact-sm">Stay signed in</Button>}
      >
        Nobody has touched this page for a while. It signs out soon, and the pictures stop.
      </Notice>
    </div>
  );
}
