// One's own proposals and what became of them.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import access from "../access/Access.module.css";
import { Time } from "../frame/Time";
import { PROPOSAL_STATE, proposals, useMyProposals } from "./proposals";

const SHOWN = 10;

export function MyProposals() {
  const client = useQueryClient();
  const mine = useMyProposals();
  const list = mine.data?.proposals.slice(0, SHOWN) ?? [];
  if (list.length === 0) return null;
  const withdraw = async (id: string) => {
    try {
      await proposals.withdraw(id);
    } catch (error) {
      notifications.show({ title: "It could not be done", message: error instanceof Error ? error.message : "", color: "red" });
    }
    void client.invalidateQueries({ queryKey: ["requests"] });
  };
  return (
    <>
      <h2 className={access.head}>What you proposed</h2>
      <ul className={access.list} data-testid="my-proposals">
        {list.map((each) => (
          <li key={each.id} className="panel" data-state={each.state}>
            <div className={access.cardHead}>
              <h3>{each.title}</h3>
              <span className={access.state} data-state={each.state}>
                {PROPOSAL_STATE[each.state]}
              </span>
            </div>
            <p>
              <Time us={each.made_us} day />. “{each.reason}”
            </p>
            <p className="quiet">
              {each.state === "waiting" ? (
                each.approvers_text
              ) : (
                <>
                  {each.decider ? `${each.decider}, ` : ""}
                  <Time us={each.decided_us} day />
                  {each.words ? `: “${each.words}”` : ""}
                </>
              )}
            </p>
            {each.state === "waiting" ? (
              <div className={access.row}>
                <Button size="compact-sm" variant="default" onClick={() => void withdraw(each.id)}>
                  Withdraw
                </Button>
              </div>
            ) : null}
          </li>
        ))}
      </ul>
    </>
  );
}
