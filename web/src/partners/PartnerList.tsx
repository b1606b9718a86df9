// The partners: who they are, what they may ask, whether they are reached; this hub's own document for them.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBan, IconCircleCheck, IconCircleOff, IconPlugConnectedX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Empty, Notice } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { isoDay } from "../time";
import { NewPartner } from "./NewPartner";
import { partners, reasonWords, type Partner, type Partners } from "./partners";
import { PolicyForm } from "./PolicyForm";
import styles from "./Partners.module.css";

function stateOf(each: Partner): ["revoked" | "away" | "on" | "off", string] {
  if (each.revoked_us !== null) return ["revoked", "Ended"];
  if (each.fault) return ["away", "Not reached"];
  return each.policy.answers ? ["on", "Questions are answered"] : ["off", "Questions are not answered"];
}

function State({ each }: { each: Partner }) {
  const [state, words] = stateOf(each);
  const Icon = { revoked: IconBan, away: IconPlugConnectedX, on: IconCircleCheck, off: IconCircleOff }[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={16} aria-hidden />
      {words}
    </span>
  );
}

function Letters({ partner }: { partner: string }) {
  const list = useQuery({ queryKey: ["partner-letters", partner], queryFn: () => partners.letters(partner) });
  if (!list.data) return null;
  if (list.data.letters.length === 0) return <p className="quiet">Nothing was said yet.</p>;
  return (
    <div className="table-box">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">SHA-256, in both logs</th>
          </tr>
        </thead>
        <tbody>
          {list.data.letters.map((each) => (
            <tr key={`${each.outgoing}${each.id}`}>
              <td>
                <Time us={each.made_us} day />
              </td>
              <td>
                {each.outgoing ? "Said: " : "Heard: "}
                {each.what.replaceAll("_", " ")}
                {each.state === "waiting" ? " (waits)" : each.state === "refused" ? " (refused)" : ""}
              </td>
              <td>
                <code className={styles.digest} title={each.sha256}>
                  {each.sha256.slice(0, 16)}
                </code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PartnerCard({ each, setPolicy, revoke, letters }: { each: Partner; setPolicy?: () => void; revoke?: () => void; letters: boolean }) {
  const [open, setOpen] = useState(false);
  const alive = each.revoked_us === null;
  const policy = each.policy;
  const tryNow = async () => {
    await partners.tryNow(each.id);
    notifications.show({ message: "Trying now." });
  };
  return (
    <li className={`panel ${styles.card}`} data-testid="partner" data-state={stateOf(each)[0]}>
      <div className={styles.name}>
        <h2>{each.controller}</h2>
        <State each={each} />
      </div>
      {alive && each.fault ? <p className={styles.due}>{each.fault}</p> : null}
      {!alive ? (
        <p className="quiet">
          Ended <Time us={each.revoked_us} day />: {each.reason}
        </p>
      ) : null}
      <dl className={styles.facts}>
        <div>
          <dt>Contact</dt>
          <dd>{each.contact}</dd>
        </div>
        <div>
          <dt>Address</dt>
          <dd>
            {each.address}
            <span className="quiet">{each.public_tls ? ", public certificate" : ", its own certificate authority"}</span>
          </dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>
            {isoDay(each.added_us)}, {each.added_by}
            {each.confirmed_by ? ` and ${each.confirmed_by}` : ""}
          </dd>
        </div>
        <div>
          <dt>Fingerprint</dt>
          <dd>
            <code className={styles.digest}>{each.fingerprint}</code>
          </dd>
        </div>
        {alive ? (
          <>
            <div>
              <dt>Heard</dt>
              <dd>
                <Time us={each.heard_us} day />
                {each.waiting ? `, ${each.waiting} ${each.waiting === 1 ? "letter waits" : "letters wait"}` : ""}
              </dd>
            </div>
            {policy.answers ? (
              <div>
                <dt>May ask</dt>
                <dd>
                  {policy.reasons.map((each, at) => (at ? reasonWords(each).toLowerCase() : reasonWords(each))).join(", ")}: {policy.longest_minutes} minutes, {policy.widest_m} m round a place,{" "}
                  {policy.cameras === null ? "all cameras" : `${policy.cameras.length} cameras`}, {policy.questions_a_day} a day, held {policy.hold_days} days
                </dd>
              </div>
            ) : null}
          </>
        ) : null}
      </dl>
      <div className={styles.buttons}>
        {setPolicy && alive ? (
          <Button size="compact-sm" variant="default" onClick={setPolicy}>
            What it may ask
          </Button>
        ) : null}
        {alive && each.waiting ? (
          <Button size="compact-sm" variant="default" onClick={() => void tryNow()}>
            Try now
          </Button>
        ) : null}
        {letters ? (
          <Button size="compact-sm" variant="default" onClick={() => setOpen(!open)} aria-expanded={open}>
            Letters
          </Button>
        ) : null}
        {revoke && alive ? (
          <Button size="compact-sm" variant="default" color="red" onClick={revoke}>
            End the partnership
          </Button>
        ) : null}
      </div>
      {open ? <Letters partner={each.id} /> : null}
    </li>
  );
}

function save(own: NonNullable<Partners["own"]>): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([own.document], { type: "application/json" }));
  link.download = `partner-${own.controller.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

interface Can {
  add: boolean;
  switch: boolean;
  revoke: boolean;
  letters: boolean;
}

export function PartnerList({ all, can, again }: { all: Partners; can: Can; again: () => void }) {
  const [adding, setAdding] = useState(false);
  const [setting, setSetting] = useState<Partner | null>(null);
  const [act, setAct] = useState<Act | null>(null);
  const revoke = (each: Partner) =>
    setAct({
      title: `End the partnership with ${each.controller}`,
      label: "End it now",
      body: "From this moment on nothing of theirs is read, and nothing is sent. What is held for them stays held until its date. To begin again takes two people.",
      run: async (reason) => {
        await partners.revoke(each.id, reason);
        again();
      },
    });
  return (
    <>
      <WaitingHere acts={["partner_change"]} />
      {all.own ? (
        <section className={`panel ${styles.own}`} aria-label="This hub's own document" data-testid="own-document">
          <div>
            <h2 className={styles.head}>For your partners: {all.own.controller}</h2>
            <p className="quiet">Send them this file. When they ring you, read them its fingerprint.</p>
            <p>
              <code className={styles.print}>{all.own.fingerprint}</code>
            </p>
            <p className="quiet">
              {all.own.address}; {all.own.contact}
            </p>
          </div>
          <div className={styles.buttons}>
            <Button variant="default" onClick={() => all.own && save(all.own)}>
              Save the document
            </Button>
            {can.add ? (
              <Button onClick={() => setAdding(true)} data-testid="new-partner">
                Add a partner
              </Button>
            ) : null}
          </div>
        </section>
      ) : (
        <Notice title="This hub has no partners" testId="federation-off">
          To ask other councils or the police whether they hold footage, and to be asked, give [hub] federation an address and port in belvedere.toml, such as 0.0.0.0:8712.
        </Notice>
      )}
      {all.partners.length === 0 && all.own ? <Empty title="No partner yet">A partner can ask whether footage is held, and request it formally. It never sees a picture by itself.</Empty> : null}
      <ul className={styles.list} data-testid="partners">
        {all.partners.map((each) => (
          <PartnerCard
            key={each.id}
            each={each}
            letters={can.letters}
            setPolicy={can.switch ? () => setSetting(each) : undefined}
            revoke={can.revoke ? () => revoke(each) : undefined}
          />
        ))}
      </ul>
      <NewPartner opened={adding} close={() => setAdding(false)} done={again} />
      <PolicyForm partner={setting} all={all} close={() => setSetting(null)} done={again} />
      <WhyDialog act={act} close={() => setAct(null)} />
    </>
  );
}
