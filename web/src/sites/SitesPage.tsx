// Sites: which estates belong to this hub, whether they are on the line, and the two people it takes to let one in.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAntennaBars5, IconAntennaBarsOff, IconBan, IconHome } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Ago } from "./Ago";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { rolesOf, useSession } from "../session";
import { isoDay, span } from "../time";
import { Cards } from "./Cards";
import { MAY_CARDS } from "./cards";
import { ConfirmSite } from "./ConfirmSite";
import { LineForm } from "./LineForm";
import { NewSite } from "./NewSite";
import { Updates } from "./Updates";
import { limitWords, MAY, sites, STATE, useEnrolments, useSites, type Enrolment, type Line, type Site } from "./sites";
import styles from "./Sites.module.css";

const SECOND = 1_000_000;
/** A clock that is off by more is said. */
const CLOCK = 2 * SECOND;
/** A line that takes longer is called slow. */
const SLOW = 200_000;

function StateWord({ state }: { state: Site["state"] }) {
  const Icon = { here: IconHome, connected: IconAntennaBars5, away: IconAntennaBarsOff, shut_out: IconBan }[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={16} aria-hidden />
      {STATE[state]}
    </span>
  );
}

function clockWords(error: number): string {
  if (Math.abs(error) < CLOCK) return "Right";
  return `${span(Math.abs(error))} ${error > 0 ? "fast" : "slow"}`;
}

/** What the line is limited to, and by whom. */
function LineFact({ line }: { line: Line }) {
  if (line.now === null) return <>Not heard yet</>;
  const words = limitWords(line.now);
  return (
    <>
      {words.Limit[0]!.toUpperCase() + words.Limit.slice(1)}
      {line.now.night ? <div>{words["Other hours"]}</div> : null}
      <div className="quiet">{line.version ? `Configuration version ${line.version}` : "By the box's own settings"}</div>
      {line.fault ? <div className={styles.due}>The site did not take version {line.ordered}: {line.fault}</div> : null}
      {line.version !== null && line.ordered > line.version && !line.fault ? <div className={styles.due}>Version {line.ordered} is on its way</div> : null}
      {line.version !== null && line.ordered < line.version ? (
        <div className={styles.due}>This hub knows of version {line.ordered} only: order it anew</div>
      ) : null}
    </>
  );
}

/** What waits at the site, how old it is, and when it will be here. */
function RecordsFact({ site }: { site: Site }) {
  const waiting = site.waiting ?? 0;
  return (
    <>
      {waiting === 0 ? "All here" : `${waiting.toLocaleString("en-GB")} wait`}
      {waiting > 0 && (site.lag_us ?? 0) > 5 * SECOND ? `, oldest ${span(site.lag_us!)} old` : null}
      {waiting > 0 && site.caught_up_in_us ? <div className="quiet">Caught up in about {span(site.caught_up_in_us)}</div> : null}
      {site.falling_behind ? <div className={styles.due}>More wait than minutes ago: the line carries too little</div> : null}
      {site.missing ? (
        <div className={styles.due}>{site.missing.toLocaleString("en-GB")} were dropped at the site before they came</div>
      ) : null}
    </>
  );
}

function RoundTripFact({ us }: { us: number }) {
  const slow = us > SLOW;
  return (
    <>
      {us < SECOND ? `${Math.round(us / 1000)} ms` : `${(us / SECOND).toFixed(1)} s`}
      {slow ? <div className={styles.due}>A slow line: pictures from there come late</div> : null}
    </>
  );
}

function SiteCard({
  site,
  now,
  shutOut,
  setLine,
  seeCards,
}: {
  site: Site;
  now: number;
  shutOut?: () => void;
  setLine?: () => void;
  seeCards?: () => void;
}) {
  return (
    <li className={`panel ${styles.site}`} data-testid={`site-${site.id}`}>
      <div className={styles.name}>
        <h2>{site.name}</h2>
        <StateWord state={site.state} />
      </div>
      <dl className={styles.facts}>
        <div>
          <dt>Cameras</dt>
          <dd>{site.cameras}</dd>
        </div>
        {site.state === "connected" && site.since_us !== null ? (
          <div>
            <dt>Connected</dt>
            <dd>
              <Ago us={site.since_us} now={now} /> from {site.address}
            </dd>
          </div>
        ) : null}
        {site.state === "away" ? (
          <div>
            <dt>Last heard</dt>
            <dd>{site.heard_us === null ? "Not since the hub started" : <Ago us={site.heard_us} now={now} />}</dd>
          </div>
        ) : null}
        {site.clock_error_us !== null ? (
          <div>
            <dt>Clock</dt>
            <dd>{clockWords(site.clock_error_us)}</dd>
          </div>
        ) : null}
        {site.software ? (
          <div>
            <dt>Software</dt>
            <dd>{site.software}</dd>
          </div>
        ) : null}
        {site.state === "connected" && site.waiting !== null ? (
          <div>
            <dt>Records</dt>
            <dd data-testid={`records-${site.id}`}>
              <RecordsFact site={site} />
            </dd>
          </div>
        ) : null}
        {site.round_trip_us !== null ? (
          <div>
            <dt>There and back</dt>
            <dd data-testid={`round-trip-${site.id}`}>
              <RoundTripFact us={site.round_trip_us} />
            </dd>
          </div>
        ) : null}
        {site.line && (site.state === "connected" || site.state === "away") ? (
          <div>
            <dt>Line</dt>
            <dd data-testid={`line-${site.id}`}>
              <LineFact line={site.line} />
            </dd>
          </div>
        ) : null}
        {site.certificate_until_us !== null ? (
          <div>
            <dt>Papers until</dt>
            <dd>{isoDay(site.certificate_until_us)}</dd>
          </div>
        ) : null}
      </dl>
      {site.state === "away" ? (
        <p className="quiet">It goes on recording. Live pictures and recordings of its cameras open again once it is back.</p>
      ) : null}
      {site.clashes.length > 0 ? (
        <Notice tone="amber" title={`${site.clashes.join(", ")}: another site has a camera of this name`}>
          Nobody can look at it before it is added at the site under another id.
        </Notice>
      ) : null}
      {shutOut || setLine || seeCards ? (
        <div className={styles.buttons}>
          {seeCards ? (
            <Button size="compact-sm" variant="default" onClick={seeCards}>
              Break-glass cards
            </Button>
          ) : null}
          {setLine ? (
            <Button size="compact-sm" variant="default" onClick={setLine}>
              Limits of the line
            </Button>
          ) : null}
          {shutOut ? (
            <Button size="compact-sm" variant="default" color="red" onClick={shutOut}>
              Shut out
            </Button>
          ) : null}
        </div>
      ) : null}
    </li>
  );
}

function Asking({ each, now, confirm, refuse }: { each: Enrolment; now: number; confirm: () => void; refuse: () => void }) {
  return (
    <Notice
      tone="amber"
      title={`${each.machine || "A machine"} asks to be ${each.name}`}
      testId={`asking-${each.site}`}
      action={
        <div className={styles.buttons}>
          {each.mine ? null : (
            <Button size="compact-sm" onClick={confirm}>
              Compare and let in
            </Button>
          )}
          <Button size="compact-sm" variant="default" onClick={refuse}>
            Refuse
          </Button>
        </div>
      }
    >
      It asked <Ago us={each.asked_us ?? each.made_us} now={now} /> from {each.address}, with a token of {each.made_by}.
      {each.mine ? " You made the token, so another administrator has to confirm it." : ""}
    </Notice>
  );
}

export default function SitesPage() {
  const { session } = useSession();
  const decides = rolesOf(session).some((role) => MAY.decide.includes(role));
  const seesCards = rolesOf(session).some((role) => MAY_CARDS.look.includes(role));
  const makesCards = rolesOf(session).some((role) => MAY_CARDS.make.includes(role));
  const client = useQueryClient();
  const list = useSites();
  const asked = useEnrolments();
  const [making, setMaking] = useState(false);
  const [confirming, setConfirming] = useState<Enrolment | null>(null);
  const [carding, setCarding] = useState<Site | null>(null);
  const [lining, setLining] = useState<Site | null>(null);
  const [act, setAct] = useState<Act | null>(null);
  const again = () => {
    void client.invalidateQueries({ queryKey: ["sites"] });
    void client.invalidateQueries({ queryKey: ["enrolments"] });
  };
  const waiting = (asked.data?.enrolments ?? []).filter((each) => each.state === "waiting");
  const now = list.data?.now_us ?? 0;

  const refuse = (each: Enrolment) =>
    setAct({
      title: `Refuse ${each.name}`,
      label: "Refuse with a passkey",
      body: "The machine that asked is told why. Its token opens nothing any more.",
      run: async (reason) => {
        await sites.refuse(each, reason);
        again();
      },
    });
  const shutOut = (site: Site) =>
    setAct({
      title: `Shut out ${site.name}`,
      label: "Shut out with a passkey",
      body: "Its papers end at once, and with them every picture of it here. It goes on recording by itself. To let it in again takes a new token.",
      run: async (reason) => {
        await sites.shutOut(site, reason);
        notifications.show({ message: `${site.name} is shut out.`, color: "gray" });
        again();
      },
    });

  return (
    <div className="page">
      <div className="inner">
        <div className={styles.top}>
          <div>
            <h1>Sites</h1>
            <p className="lead">
              Every estate has a box that records by itself and calls this hub; nothing calls into an estate. A new one takes two people: one makes its token,
              another compares fingerprints and lets it in.
            </p>
          </div>
          {decides && list.data?.listening ? (
            <Button variant="default" onClick={() => setMaking(true)} data-testid="new-site">
              New site
            </Button>
          ) : null}
        </div>
        {list.isPending ? <Waiting what="Asking for the sites." why="The hub is slow to answer." /> : null}
        {list.error ? <Trouble error={list.error} again={() => void list.refetch()} /> : null}
        {list.data && !list.data.listening ? (
          <Notice title="This hub lets no site call" testId="not-listening">
            It works with the site on its own machine. To let others in, give [hub] link an address and port in belvedere.toml, such as 0.0.0.0:8711.
          </Notice>
        ) : null}
        {waiting.length > 0 && decides ? (
          <div className={styles.waiting}>
            {waiting.map((each) => (
              <Asking key={each.id} each={each} now={now} confirm={() => setConfirming(each)} refuse={() => refuse(each)} />
            ))}
          </div>
        ) : null}
        {list.data ? (
          <ul className={styles.list} data-testid="sites">
            {list.data.sites.map((site) => (
              <SiteCard
                key={site.id}
                site={site}
                now={now}
                seeCards={seesCards && site.state !== "shut_out" ? () => setCarding(site) : undefined}
                setLine={site.line && (site.state === "connected" || site.state === "away") && decides ? () => setLining(site) : undefined}
                shutOut={decides && (site.state === "connected" || site.state === "away") ? () => shutOut(site) : undefined}
              />
            ))}
          </ul>
        ) : null}
        {list.data ? <Updates sites={list.data.sites} decides={decides} /> : null}
      </div>
      <NewSite opened={making} close={() => setMaking(false)} made={again} />
      <ConfirmSite enrolment={confirming} close={() => setConfirming(null)} done={again} />
      <Cards site={carding} makes={makesCards} close={() => setCarding(null)} />
      <LineForm site={lining} close={() => setLining(null)} done={again} />
      <WhyDialog act={act} close={() => setAct(null)} />
    </div>
  );
}
