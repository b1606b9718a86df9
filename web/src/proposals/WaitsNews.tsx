// On every page: a press that did nothing yet, because a second person has to confirm it, says so, and who may.

import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { proposalOf, WAITS } from "./proposals";

export function WaitsNews() {
  const client = useQueryClient();
  useEffect(() => {
    const tell = (event: Event) => {
      const proposal = proposalOf(event);
      if (!proposal) return;
      notifications.show({
        id: `proposal-${proposal.id}`,
        title: "Waits for a second person",
        message: (
          <div data-testid="waits-news">
            <p style={{ margin: 0 }}>{proposal.title}. Nothing has changed yet.</p>
            <p style={{ margin: "4px 0 0" }}>{proposal.approvers_text}</p>
          </div>
        ),
        color: "yellow",
        autoClose: 15_000,
        closeButtonProps: { "aria-label": "Close" },
      });
      void client.invalidateQueries({ queryKey: ["requests"] });
    };
    window.addEventListener(WAITS, tell);
    return () => window.removeEventListener(WAITS, tell);
  }, [client]);
  return null;
}
