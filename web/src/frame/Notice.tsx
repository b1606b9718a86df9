// What went wrong, or what is missing: what happened, what it means, what to do.

import { Button, Loader } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useEffect, useState, type ReactNode } from "react";
import { HubError } from "../api";
import styles from "./Notice.module.css";

export function Notice({
  tone = "info",
  title,
  children,
  action,
  testId,
}: {
  tone?: "info" | "amber" | "red";
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  testId?: string;
}) {
  return (
    <div className={styles.notice} data-tone={tone} role={tone === "info" ? "status" : "alert"} data-testid={testId}>
      {tone === "info" ? <IconInfoCircle size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
      <div className={styles.words}>
        <p className={styles.title}>{title}</p>
        {children ? <div className={styles.body}>{children}</div> : null}
      </div>
      {action}
    </div>
  );
}

export function Trouble({ error, again, testId }: { error: Error; again?: () => void; testId?: string }) {
  return (
    <Notice
      tone="red"
      title={error.message}
      testId={testId}
      action={
        again ? (
          <Button size="compact-sm" variant="default" onClick={again}>
            Try again
          </Button>
        ) : undefined
      }
    >
      {error instanceof HubError ? error.advice : null}
    </Notice>
  );
}

/** An empty page teaches: one sentence, one button. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{title}</p>
      {children ? <p className="quiet">{children}</p> : null}
      {action}
    </div>
  );
}

/** Nothing for 400 ms, then what is being waited for, after 3 s why it may take long. */
export function Waiting({ what, why }: { what: string; why: string }) {
  const [stage, setStage] = useState(0);
  useEffect(() => {
    const first = window.setTimeout(() => setStage(1), 400);
    const second = window.setTimeout(() => setStage(2), 3000);
    return () => {
      window.clearTimeout(first);
      window.clearTimeout(second);
    };
  }, []);
  return (
    <div className={styles.waiting} role="status">
      {stage > 0 ? (
        <>
          <Loader size={16} color="gray" aria-hidden />
          <span>
            {what}
            {stage > 1 ? ` ${why}` : ""}
          </span>
        </>
      ) : null}
    </div>
  );
}
