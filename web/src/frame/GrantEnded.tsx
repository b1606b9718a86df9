// When an access is over before one stopped it: who ended it and why. The pictures are gone by then; the players see to that.

import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { endedWords } from "../access/ask";
import { hub, hubNowUs, type Grant } from "../api";
import { useGrant } from "../session";
import { purposeOf } from "./GrantChip";

const name = (grant: Grant): string => (grant.case ? `${purposeOf(grant)}, ${grant.case}` : purposeOf(grant));

function tell(grant: Grant, title: string, message: string, color: string): void {
  notifications.show({ id: `ended-${grant.id}`, title, message, color, autoClose: false, closeButtonProps: { "aria-label": "Close" } });
}

export function GrantEnded() {
  const { grants, waiting, error } = useGrant();
  const client = useQueryClient();
  const known = useRef<Grant[]>([]);
  useEffect(() => {
    if (waiting || error) return;
    const gone = known.current.filter((old) => grants.every((each) => each.id !== old.id));
    known.current = grants;
    const overdue = hubNowUs() + 1_000_000;
    for (const grant of gone)
      if (grant.expires_us <= overdue) tell(grant, `${name(grant)} is over`, "Its time has run out. Ask again if you still need it.", "gray");
    const early = gone.filter((grant) => grant.expires_us > overdue);
    if (early.length === 0) return;
    void client.invalidateQueries({ queryKey: ["ended"] });
    hub.endedGrants().then(
      (list) => {
        for (const grant of early) {
          const ended = list.find((each) => each.id === grant.id);
          if (ended && !ended.mine) tell(grant, `${name(grant)} was ended`, `${endedWords(ended)} No more pictures are shown under it.`, "yellow");
        }
      },
      () => early.forEach((grant) => tell(grant, `${name(grant)} was ended`, "No more pictures are shown under it. My access says who ended it.", "yellow")),
    );
  }, [grants, waiting, error, client]);
  return null;
}
