// Pictures need a purpose. One visible act starts a shift; a case asks for its own.

import { Button, Stack } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { AskFlow } from "../access/AskFlow";
import { usable } from "../access/ask";
import { TableNews } from "../access/TableNews";
import { hub } from "../api";
import { ACTION, usePurposes } from "../purposes/purposes";
import { rolesOf, useGrant, useSession } from "../session";
import { CaseForm } from "./CaseForm";
import { Notice, Trouble, Waiting } from "./Notice";
import styles from "./NeedGrant.module.css";

/** Shows `children` while a grant stands, otherwise how to get one. */
export function NeedGrant({ children, action }: { children: ReactNode; action: "live" | "playback" | "export" }) {
  const { grant, grants, waiting, error, again } = useGrant();
  if (waiting) return <Waiting what="Asking what you may see." why="The hub is slow to answer." />;
  if (error && !grant)
    return (
      <div className="page">
        <Trouble error={error} again={again} />
      </div>
    );
  if (!grant) return <AskPage />;
  if (!grant.actions.includes(action)) {
    const words = { live: "live pictures", playback: "recordings", export: "export" }[action];
    const fits = grants.some((each) => each.actions.includes(action));
    const can = grant.actions.map((each) => (ACTION[each] ?? each).toLowerCase()).join(", ");
    return (
      <div className="page">
        <Notice tone="amber" title={`“${grant.purpose_text}” does not open ${words}.`}>
          It opens {can}. {fits ? "Choose another access in the chip above, or ask for one." : "Ask for an access that does: it needs a case, and says first what it takes."}
        </Notice>
        <div className={styles.again}>
          <AskForms action={action} />
        </div>
      </div>
    );
  }
  return <>{children}</>;
}

function AskPage() {
  return (
    <div className={styles.page}>
      <div className={styles.card}>
        <h1 className={styles.title}>
          <IconShieldCheck size={22} aria-hidden /> Pictures need a purpose
        </h1>
        <p className={styles.lead}>
          Nobody sees a camera without saying why. What you look at, and when, is written into a log that others can check.
        </p>
        <div className={styles.news}>
          <TableNews />
        </div>
        <AskForms />
      </div>
    </div>
  );
}

function AskForms({ action = "" }: { action?: string }) {
  const { session } = useSession();
  const { again, choose, grants } = useGrant();
  const [params] = useSearchParams();
  const purposes = usePurposes();
  const roles = rolesOf(session);
  const [caseOpen, setCaseOpen] = useState(action !== "" || (roles.includes("investigator") && !roles.includes("operator")));
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  if (purposes.isPending) return <Waiting what="Asking what you may ask for." why="The hub is slow to answer." />;
  // Where the hub can't say, the simple form stands; what may be opened is the hub's to decide.
  const asked = purposes.data?.asked === true;
  const offered = usable(purposes.data?.purposes ?? []);
  const duty = (!asked || offered.some((each) => each.kind === "duty")) && !grants.some((each) => each.purpose === "duty");
  const cameras = (params.get("cameras") ?? "").split(",").filter(Boolean);

  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      const grant = await hub.ask({ purpose: "duty" });
      choose(grant.id);
      again();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Stack gap="md">
      {error ? <Trouble error={error} testId="grant-refused" /> : null}
      {duty ? (
        <div className={styles.duty}>
          <div>
            <p className={styles.what}>A duty shift</p>
            <p className="quiet">
              {asked
                ? "Live pictures of the cameras of your estate, until your shift ends. Recordings are asked for under a case."
                : "Live view, review and export for the cameras of your estate, until your shift ends."}
            </p>
          </div>
          <Button onClick={() => void start()} loading={busy} data-testid="start-shift" size="md">
            Start shift
          </Button>
        </div>
      ) : null}
      {caseOpen ? (
        asked ? (
          <AskFlow start={action ? { cameras, actions: [action] } : undefined} />
        ) : (
          <CaseForm />
        )
      ) : (
        <Button variant="default" onClick={() => setCaseOpen(true)} data-testid="case-access">
          Ask for access for a case
        </Button>
      )}
    </Stack>
  );
}
