// On every page: tells the person who asked what became of it, and keeps the number of waiting requests.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect, useRef } from "react";
import { useLocation } from "react-router";
import { useWaitingProposals } from "../proposals/proposals";
import { usePurposes } from "../purposes/purposes";
import { rolesOf, useGrant, useSession } from "../session";
import { awaits, given, newsId, newsOf, READERS, useMine, useWaiting, type State } from "./approvals";
import { useNews } from "./useNews";

/** Whether this hub asks second persons at all. */
export function useAsked(): boolean {
  return usePurposes().data?.asked === true;
}

/** How many requests this person could decide on now. */
export function useWaitingCount(): number {
  const { session } = useSession();
  const reader = rolesOf(session).some((role) => READERS.includes(role));
  const asked = useAsked();
  const list = useWaiting(asked && reader);
  const changes = useWaitingProposals(asked && reader);
  const requests = list.data?.requests.filter((each) => each.may_decide).length ?? 0;
  return requests + (changes.data?.proposals.filter((each) => each.may_decide).length ?? 0);
}

export function RequestNews() {
  const { session } = useSession();
  const { choose, again } = useGrant();
  const location = useLocation();
  const asked = useAsked();
  const mine = useMine(asked);
  const known = useRef(new Map<string, State>());
  const reader = rolesOf(session).some((role) => READERS.includes(role));
  const waits = mine.data?.requests.some((each) => awaits(each, mine.data.now_us)) ?? false;
  useNews(!asked ? "" : waits || location.pathname === "/approvals" ? "at once" : reader ? "slow" : "");

  useEffect(() => {
    for (const request of mine.data?.requests ?? []) {
      // Told once the access is there too, so that it can be used; it follows the decision by a moment.
      if (given(request) && awaits(request, mine.data?.now_us ?? 0)) continue;
      const words = newsOf(known.current.get(request.id), request);
      known.current.set(request.id, request.state);
      if (!words) continue;
      const id = newsId(request);
      const use = () => {
        choose(request.grant);
        notifications.hide(id);
      };
      notifications.show({
        id,
        title: `${request.purpose_text}${request.ask.case ? `, ${request.ask.case}` : ""}`,
        message: (
          <div style={{ display: "grid", gap: 8, justifyItems: "start" }}>
            <span>{words}</span>
            {given(request) && request.grant ? (
              <Button size="compact-sm" variant="default" onClick={use}>
                Use it now
              </Button>
            ) : null}
          </div>
        ),
        color: given(request) ? "teal" : "yellow",
        autoClose: false,
        closeButtonProps: { "aria-label": "Close" },
      });
      again();
    }
  }, [mine.data, choose, again]);
  return null;
}
