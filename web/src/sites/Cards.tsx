// The break-glass cards of one site: making one with a second person, the sheet that is shown once, revoking.

import { Button, Modal } from "@mantine/core";
import { IconCircleCheck, IconCircleOff, IconHourglass } from "@tabler/icons-react";
import { useState } from "react";
import { createPortal } from "react-dom";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { CARD_STATE, cards, useCards, type Card, type Half } from "./cards";
import styles from "./Cards.module.css";

const live = (card: Card) => card.state === "waiting" || card.state === "in_force";

function StateWord({ state }: { state: Card["state"] }) {
  const Icon = state === "in_force" ? IconCircleCheck : state === "waiting" ? IconHourglass : IconCircleOff;
  return (
    <strong className={styles.state} data-state={state}>
      <Icon size={16} aria-hidden />
      {CARD_STATE[state]}
    </strong>
  );
}

function Paper({ half, name }: { half: Half; name: string }) {
  const other = half.letter === "A" ? "B" : "A";
  return (
    <>
      <h2>
        Break-glass card of {name}: half {half.letter}
      </h2>
      <code className={styles.line}>{half.line}</code>
      <svg viewBox={`-4 -4 ${half.size + 8} ${half.size + 8}`} role="img" aria-label="The same as a QR code" shapeRendering="crispEdges">
        <rect x={-4} y={-4} width={half.size + 8} height={half.size + 8} fill="#fff" />
        <path d={half.qr} fill="#000" />
      </svg>
      <p>
        Card {half.card.id}. Keep it apart from half {other}: it opens nothing alone. At the site, when the hub is away, two people run{" "}
        <b>belvedere site glass</b>. Once; it is logged, and reviewed afterwards.
      </p>
    </>
  );
}

function Sheet({ half, name, done }: { half: Half; name: string; done: () => void }) {
  return (
    <div className={styles.shown}>
      <Notice tone="amber" title="This sheet is shown this once">
        Print it, seal it in an envelope and sign over the flap. Nobody but you should see it, and whoever has half {half.letter === "A" ? "B" : "A"} least of
        all.
      </Notice>
      <section className={styles.sheet} aria-label="Sheet" data-testid="card-sheet">
        <Paper half={half} name={name} />
      </section>
      {createPortal(
        <div className={`${styles.sheet} ${styles.printed}`} aria-hidden>
          <Paper half={half} name={name} />
        </div>,
        document.body,
      )}
      <div className={styles.buttons}>
        <Button onClick={() => window.print()}>Print</Button>
        <Button variant="default" onClick={done}>
          It is printed
        </Button>
      </div>
      {half.letter === "A" ? <p className="quiet">Within an hour a colleague finishes the card on their own screen, under Sites.</p> : null}
    </div>
  );
}

function Row({ card, makes, busy, finish, revoke }: { card: Card; makes: boolean; busy: boolean; finish: () => void; revoke: () => void }) {
  const [sure, setSure] = useState(false);
  return (
    <li className={styles.card} data-testid={`card-${card.id}`}>
      <div className={styles.head}>
        <StateWord state={card.state} />
        <span className="quiet">{card.id}</span>
      </div>
      <div>
        Begun by {card.maker}, <Time us={card.made_us} day />
        {card.confirmed_us !== null ? (
          <>
            ; finished by {card.confirmer}, <Time us={card.confirmed_us} day />
          </>
        ) : null}
      </div>
      <div className="quiet">
        {card.state === "in_force" ? (
          <>
            Good once, until <Time us={card.expires_us} day />
          </>
        ) : card.state === "waiting" ? (
          <>
            Lapses at <Time us={card.expires_us} />
          </>
        ) : (
          <>
            Ended <Time us={card.ended_us ?? card.expires_us} day />
          </>
        )}
      </div>
      {makes && live(card) ? (
        <div className={styles.buttons}>
          {card.state === "waiting" && !card.mine ? (
            <Button size="compact-sm" onClick={finish} loading={busy}>
              Finish it with a passkey
            </Button>
          ) : null}
          {sure ? (
            <>
              <span>It opens nothing any more, for good.</span>
              <Button size="compact-sm" color="red" onClick={revoke} loading={busy}>
                Revoke it with a passkey
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => setSure(false)}>
                Keep it
              </Button>
            </>
          ) : (
            <Button size="compact-sm" variant="default" color="red" onClick={() => setSure(true)}>
              Revoke
            </Button>
          )}
        </div>
      ) : null}
      {makes && card.state === "waiting" && card.mine ? <p className="quiet">You began it, so a colleague finishes it: nobody has both halves.</p> : null}
    </li>
  );
}

export function Cards({ site, makes, close }: { site: { id: string; name: string } | null; makes: boolean; close: () => void }) {
  const found = useCards(site !== null);
  const [half, setHalf] = useState<Half | null>(null);
  const [busy, setBusy] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const done = () => {
    setHalf(null);
    setError(null);
    close();
  };
  const run = async (what: string, work: () => Promise<Half | Card>) => {
    setBusy(what);
    setError(null);
    try {
      const said = await work();
      setHalf("line" in said ? said : null);
      await found.refetch();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy("");
    }
  };
  const mine = (found.data?.cards ?? []).filter((card) => card.site === site?.id);
  const shown = [...mine.filter(live), ...mine.filter((card) => !live(card)).slice(0, 10)];
  return (
    <Modal
      opened={site !== null}
      onClose={done}
      title={`Break-glass cards of ${site?.name ?? ""}`}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={half === null}
      closeOnEscape={half === null}
      data-testid="cards"
    >
      {half && site ? (
        <Sheet half={half} name={site.name} done={() => setHalf(null)} />
      ) : (
        <div className={styles.shown}>
          <p>
            For the night on which the hub is away and footage is needed at the site at once. Two people each keep one half in a sealed envelope; both
            together open the site&apos;s footage there, once.
          </p>
          {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
          {found.isPending ? <Waiting what="Asking for the cards." why="The hub is slow to answer." /> : null}
          {error ? <Trouble error={error} /> : null}
          {found.data && shown.length === 0 ? <p className="quiet">This site has no card yet. Two are enough: each is good once.</p> : null}
          {shown.length > 0 ? (
            <ul className={styles.list}>
              {shown.map((card) => (
                <Row
                  key={card.id}
                  card={card}
                  makes={makes}
                  busy={busy === card.id}
                  finish={() => void run(card.id, () => cards.finish(card))}
                  revoke={() => void run(card.id, () => cards.revoke(card))}
                />
              ))}
            </ul>
          ) : null}
          {makes && site ? (
            <div className={styles.buttons}>
              <Button onClick={() => void run("new", () => cards.begin(site.id))} loading={busy === "new"}>
                New card with a passkey
              </Button>
            </div>
          ) : null}
          {makes ? null : <p className="quiet">Cards are made and revoked by managers, supervisors and the data protection officer.</p>}
        </div>
      )}
    </Modal>
  );
}
