// Everybody's open access, and ending one with a reason.

import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { camerasWords } from "../access/words";
import type { Camera, Grant } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { ACTION } from "../purposes/purposes";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { useGrant } from "../session";
import { approvals } from "./approvals";

export function LiveTab({ cameras }: { cameras: Camera[] }) {
  const client = useQueryClient();
  const { grants } = useGrant();
  const list = useQuery({ queryKey: ["live-grants"], queryFn: approvals.grants, refetchInterval: 5_000, retry: 1 });
  const [act, setAct] = useState<Act | null>(null);
  const mine = new Set(grants.map((each) => each.id));
  const end = (grant: Grant) =>
    setAct({
      title: `End the access of ${grant.user_name}`,
      label: "End it now",
      body: "Their pictures stop within two seconds. They are told that it was you, and why.",
      run: async (reason) => {
        await approvals.revoke(grant.id, reason);
        await client.invalidateQueries({ queryKey: ["live-grants"] });
      },
    });
  if (list.error) return <Trouble error={list.error} again={() => void list.refetch()} />;
  if (list.isPending) return <Waiting what="Asking what is open." why="The hub is slow to answer." />;
  if (list.data.length === 0) return <Empty title="Nobody may see pictures now">Accesses that are open, whose they are and for what, stand here.</Empty>;
  return (
    <>
      <div className="panel table-box">
        <table className="table" data-testid="live-grants">
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">Purpose</th>
              <th scope="col">Case</th>
              <th scope="col">Cameras</th>
              <th scope="col">Allows</th>
              <th scope="col">Since</th>
              <th scope="col">Until</th>
              <th scope="col">
                <span className="visually-hidden">End it</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {list.data.map((grant) => (
              <tr key={grant.id}>
                <td className="strong">{grant.user_name}</td>
                <td>
                  {grant.purpose_text}, {grant.masked ? "masked" : "not masked"}
                </td>
                <td>{grant.case || <span className="quiet">none</span>}</td>
                <td className="wide">{camerasWords(grant.cameras, cameras)}</td>
                <td className="wide">{grant.actions.map((each) => (ACTION[each] ?? each).toLowerCase()).join(", ")}</td>
                <td>
                  <Time us={grant.issued_us} day />
                </td>
                <td>
                  <Time us={grant.expires_us} day />
                </td>
                <td>
                  {mine.has(grant.id) ? (
                    <span className="quiet">yours</span>
                  ) : (
                    <Button size="compact-xs" variant="default" onClick={() => end(grant)} aria-label={`End the access of ${grant.user_name}`}>
                      End it
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <WhyDialog act={act} close={() => setAct(null)} />
    </>
  );
}
