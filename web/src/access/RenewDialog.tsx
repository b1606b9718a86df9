// More time for an access: the same ask, decided anew, with a reason. Where a second person has to agree, it becomes a request.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { hub, HubError, type Grant } from "../api";
import { purposeOf } from "../frame/GrantChip";
import { withStepUp } from "../passkey/passkey";
import type { Purpose } from "../purposes/purposes";
import { WhyDialog } from "../retention/WhyDialog";
import { useGrant } from "../session";
import { askAddress, askLike } from "./ask";

/** Whether unmasked pictures can be asked for in place of these. */
export function mayUnmask(grant: Grant, purposes: Purpose[]): boolean {
  const purpose = purposes.find((each) => each.code === grant.purpose);
  return grant.masked && purpose?.kind === "incident" && purpose.actions.includes("unmask");
}

export function RenewDialog({ grant, close }: { grant: Grant | null; close: () => void }) {
  const { again, choose } = useGrant();
  const navigate = useNavigate();
  const client = useQueryClient();
  const run = async (reason: string) => {
    if (!grant) return;
    try {
      const made = await withStepUp(() => hub.renew(grant.id, reason));
      choose(made.id);
      void client.invalidateQueries({ queryKey: ["ended"] });
      again();
    } catch (problem) {
      if (!(problem instanceof HubError) || problem.code !== "approval_needed") throw problem;
      void navigate(askAddress(askLike(grant, { reason, renews: grant.id, lasts_us: grant.expires_us - grant.issued_us })));
    }
  };
  const act = grant
    ? { title: `More time: ${purposeOf(grant)}`, label: "Ask for more time", body: "It begins anew, and this access ends. If a colleague has to agree, you see that before it is sent.", run }
    : null;
  return <WhyDialog act={act} close={close} />;
}
