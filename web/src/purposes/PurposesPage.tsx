// Purposes: why footage is opened here, on which lawful basis, by whom. The data protection officer decides; everybody reads.

import { Button, Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArchive, IconCircleCheck, IconPencil } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { WaitingHere } from "../proposals/WaitingHere";
import { rolesOf, useSession } from "../session";
import { CameraLists } from "./CameraLists";
import { PurposeDetail } from "./PurposeDetail";
import { PurposeForm } from "./PurposeForm";
import { actionWords, length, MAY, purposes, roleWords, STATE, usePurposes, type Purpose } from "./purposes";
import styles from "./Purposes.module.css";

export function StateWord({ state }: { state: Purpose["state"] }) {
  const Icon = { draft: IconPencil, in_force: IconCircleCheck, withdrawn: IconArchive }[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={16} aria-hidden />
      {STATE[state]}
    </span>
  );
}

const ORDER = { in_force: 0, draft: 1, withdrawn: 2 };

export default function PurposesPage() {
  const { session } = useSession();
  const decides = rolesOf(session).some((role) => MAY.decide.includes(role));
  const client = useQueryClient();
  const list = usePurposes();
  const [params, setParams] = useSearchParams();
  const [editing, setEditing] = useState<Purpose | "new" | null>(null);
  const [act, setAct] = useState<Act | null>(null);
  const phone = useMediaQuery("(max-width: 720px)", window.innerWidth <= 720, { getInitialValueInEffect: false });
  const again = () => {
    void client.invalidateQueries({ queryKey: ["purposes"] });
    void client.invalidateQueries({ queryKey: ["purpose-history"] });
    void client.invalidateQueries({ queryKey: ["camera-purposes"] });
    void client.invalidateQueries({ queryKey: ["grants"] });
  };
  const open = (code: string) => setParams(code ? { purpose: code } : {});
  const all = [...(list.data?.purposes ?? [])].sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.text.localeCompare(b.text));
  const chosen = all.find((each) => each.code === params.get("purpose"));

  const withdraw = (purpose: Purpose) =>
    setAct({
      title: `Withdraw “${purpose.text}”`,
      label: "Withdraw with a passkey",
      body: "It opens nothing from that moment on, and every access given under it ends. What was written stays on this page.",
      run: async (reason) => {
        const { grants_ended: ended } = await purposes.withdraw(purpose, reason);
        notifications.show({ message: `“${purpose.text}” is withdrawn. ${ended === 1 ? "One access" : `${ended} accesses`} ended.`, color: "gray" });
        again();
      },
    });
  const putInForce = (purpose: Purpose) =>
    setAct({
      title: `Put “${purpose.text}” in force`,
      label: "Put in force with a passkey",
      body: `From that moment on ${purpose.roles.map(roleWords).join(", ")} may ask for access under it, on the cameras that accept it.`,
      run: async (reason) => {
        await purposes.putInForce(purpose, reason);
        again();
      },
    });

  return (
    <div className="page">
      <div className="inner">
        <div className={styles.top}>
          <div>
            <h1>Purposes</h1>
            <p className="lead">
              Why footage is opened here, and on which lawful basis. No picture opens for anything else. The data protection officer decides; every change is
              confirmed with a passkey and stands in the log.
            </p>
          </div>
          {decides ? (
            <Button variant="default" onClick={() => setEditing("new")} data-testid="new-purpose">
              New purpose
            </Button>
          ) : null}
        </div>
        <WaitingHere acts={["purpose_change"]} />
        {list.isPending ? <Waiting what="Asking for the purposes." why="The hub is slow to answer." /> : null}
        {list.error ? <Trouble error={list.error} again={() => void list.refetch()} /> : null}
        {list.data && !list.data.asked ? (
          <Notice tone="amber" title="This list is not asked yet" testId="not-asked">
            This hub works by the small action table, which has its own duty shift and investigation. Whoever runs it switches to this list with access =
            &quot;four_eyes&quot; under [hub].
          </Notice>
        ) : null}
        {all.length > 0 && phone ? (
          <ul className={styles.cards}>
            {all.map((each) => (
              <li key={each.code}>
                <button type="button" className={styles.card} onClick={() => open(each.code)} data-testid={`purpose-${each.code}`}>
                  <span className={styles.cardTop}>
                    <span className="strong">{each.text}</span>
                    <StateWord state={each.state} />
                  </span>
                  <span className="quiet">{opens(each)}</span>
                  <span className="quiet">{each.basis}</span>
                </button>
              </li>
            ))}
          </ul>
        ) : null}
        {all.length > 0 && !phone ? (
          <div className="panel table-box">
            <table className="table" data-testid="purposes">
              <thead>
                <tr>
                  <th scope="col">Purpose</th>
                  <th scope="col">State</th>
                  <th scope="col">Opens</th>
                  <th scope="col">For</th>
                  <th scope="col">Lawful basis</th>
                  <th scope="col">Case</th>
                  <th scope="col" className="number">
                    Lasts
                  </th>
                </tr>
              </thead>
              <tbody>
                {all.map((each) => (
                  <tr key={each.code} className="pick" onClick={() => open(each.code)} data-testid={`purpose-${each.code}`}>
                    <td>
                      <button
                        type="button"
                        className="link-button"
                        onClick={(event) => {
                          event.stopPropagation();
                          open(each.code);
                        }}
                      >
                        {each.text}
                      </button>
                    </td>
                    <td>
                      <StateWord state={each.state} />
                    </td>
                    <td className="wide">{opens(each)}</td>
                    <td className="wide">{each.roles.map(roleWords).join(", ")}</td>
                    <td className="wide">{each.basis}</td>
                    <td>{each.needs_case ? "needed" : <span className="quiet">no</span>}</td>
                    <td className="number">{each.actions.length > 0 ? (each.ends_with_shift ? "the shift" : length(each.longest_us)) : ""}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
        {list.data ? <CameraLists purposes={all} decides={decides} done={again} /> : null}
      </div>
      <Drawer
        opened={chosen !== undefined}
        onClose={() => open("")}
        title={chosen?.text}
        position="right"
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {chosen && list.data ? (
          <PurposeDetail
            purpose={chosen}
            regimes={list.data.regimes}
            edit={decides ? () => setEditing(chosen) : undefined}
            withdraw={decides ? () => withdraw(chosen) : undefined}
            putInForce={decides ? () => putInForce(chosen) : undefined}
          />
        ) : null}
      </Drawer>
      {editing && list.data ? (
        <PurposeForm
          purpose={editing === "new" ? null : editing}
          known={list.data}
          close={() => setEditing(null)}
          done={(code) => {
            again();
            open(code);
          }}
        />
      ) : null}
      <WhyDialog act={act} close={() => setAct(null)} />
    </div>
  );
}

function opens(purpose: Purpose): string {
  return actionWords(purpose.actions) + (purpose.masked && purpose.actions.length > 0 ? "; masked" : "");
}
