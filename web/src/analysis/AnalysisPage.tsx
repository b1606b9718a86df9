// Analysis: what looks at each site and on whose order, analyses for cases, and what is known of the models.

import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WhyDialog } from "../retention/WhyDialog";
import { fullDay } from "../time";
import { analysis, orderWords, seconds, STATE_WORDS, type Analysis, type Card, type SiteAnalysis } from "./analysis";
import { Jobs } from "./Jobs";
import { SwitchOn } from "./SwitchOn";
import styles from "./Analysis.module.css";

export default function AnalysisPage() {
  const found = useQuery({ queryKey: ["analysis"], queryFn: analysis.all, refetchInterval: 15_000 });
  useEffect(() => {
    document.title = "Analysis · Belvedere";
  }, []);
  return (
    <div className="page">
      <div className="inner">
        <h1>Analysis</h1>
        <p className="lead">
          Each site looks at its own footage for people, vehicles, animals and bags, so that a <Link to="/search">search</Link> finds moments. It never finds
          out who somebody is. It keeps what and where, no pictures.
        </p>
        {found.isPending ? <Waiting what="Asking the sites." why="A site is slow to answer." /> : null}
        {found.error && !found.data ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
        {found.data ? <Standing analysis={found.data} /> : null}
      </div>
    </div>
  );
}

function Standing({ analysis: all }: { analysis: Analysis }) {
  const client = useQueryClient();
  const [turningOn, setTurningOn] = useState<SiteAnalysis | null>(null);
  const [turningOff, setTurningOff] = useState<SiteAnalysis | null>(null);
  const renew = () => void client.invalidateQueries({ queryKey: ["analysis"] });
  return (
    <>
      <ul className={styles.sites} aria-label="Sites">
        {all.sites.map((site) => (
          <SiteCard
            key={site.id}
            site={site}
            switchOn={all.may_switch ? () => setTurningOn(site) : undefined}
            switchOff={all.may_switch ? () => setTurningOff(site) : undefined}
          />
        ))}
      </ul>
      <Jobs mayAsk={all.may_ask} />
      <section className={styles.section} aria-label="What looks">
        <h2>What looks</h2>
        {all.missed ? <p className="quiet">{all.missed}</p> : null}
        {all.cards.map((card) => (
          <ModelCard key={card.name} card={card} />
        ))}
      </section>
      {turningOn ? (
        <SwitchOn
          site={turningOn}
          nowUs={all.now_us}
          close={() => {
            setTurningOn(null);
            renew();
          }}
        />
      ) : null}
      <WhyDialog
        act={
          turningOff && {
            title: `Switch analysis off: ${turningOff.name}`,
            label: "Switch off",
            body: <p>What was found stays. Live pictures are still looked at; older footage only when somebody with access asks.</p>,
            run: (reason) => analysis.switchOff(turningOff.id, reason).then(renew),
          }
        }
        close={() => setTurningOff(null)}
      />
    </>
  );
}

function SiteCard({ site, switchOn, switchOff }: { site: SiteAnalysis; switchOn?: () => void; switchOff?: () => void }) {
  const stands = site.order !== null && site.order.ended_us === null && !site.order.lapsed;
  return (
    <li className={`panel ${styles.site}`} data-testid={`analysis-${site.id}`}>
      <div className={styles.head}>
        <h2>{site.name}</h2>
        <span className={styles.state} data-state={site.state}>
          {STATE_WORDS[site.state]}
        </span>
      </div>
      {site.text ? <p>{site.text}</p> : null}
      <dl className={styles.facts}>
        {site.model ? (
          <div>
            <dt>Model</dt>
            <dd>
              {site.model}
              {site.provider ? <span className="quiet"> by {site.provider}, {site.ms_a_picture.toFixed(0)} ms a picture</span> : null}
            </dd>
          </div>
        ) : null}
        <div>
          <dt>Waits</dt>
          <dd>{site.waiting_s > 0 ? `${seconds(site.waiting_s)} of recordings` : site.state === "away" ? "Not known" : "Nothing"}</dd>
        </div>
        <div>
          <dt>Older footage</dt>
          <dd data-testid={`order-${site.id}`}>
            {orderWords(site.order)}
            {stands ? (
              <div className="quiet">
                {site.order!.from_us ? (
                  <>
                    Since <Time us={site.order!.from_us} day />
                  </>
                ) : (
                  "All that is kept"
                )}
                ; review on {fullDay(site.order!.review_us)}
              </div>
            ) : null}
            {site.order && stands ? <div className="quiet">{site.order.reason}</div> : null}
          </dd>
        </div>
      </dl>
      {switchOn && switchOff ? (
        <div className={styles.acts}>
          {stands ? (
            <Button size="compact-sm" variant="default" onClick={switchOff}>
              Switch off
            </Button>
          ) : null}
          <Button size="compact-sm" variant={stands ? "subtle" : "filled"} onClick={switchOn} data-testid={`switch-on-${site.id}`}>
            {stands ? "Order anew" : "Switch on"}
          </Button>
        </div>
      ) : null}
    </li>
  );
}

function ModelCard({ card }: { card: Card }) {
  return (
    <div className={`panel ${styles.card}`} data-testid="model-card">
      <h3>{card.name}</h3>
      <p>{card.text}</p>
      <dl className={styles.facts}>
        <div>
          <dt>From</dt>
          <dd>
            {card.source} <span className="quiet">({card.licence})</span>
          </dd>
        </div>
        <div>
          <dt>Taught on</dt>
          <dd>{card.data}</dd>
        </div>
        <div>
          <dt>Measured</dt>
          <dd>{card.measured}</dd>
        </div>
        <div>
          <dt>Gets wrong</dt>
          <dd>{card.failures.join("; ")}</dd>
        </div>
        <div>
          <dt>Not measured</dt>
          <dd>{card.not_measured.join("; ")}</dd>
        </div>
      </dl>
    </div>
  );
}
