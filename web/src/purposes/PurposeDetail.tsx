// One purpose: its wording, its limits, and who changed what.

import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { rolesOf, useSession } from "../session";
import { actionWords, FIELD, KIND, length, MAY, purposes, roleWords, valueWords, type Purpose } from "./purposes";
import { StateWord } from "./PurposesPage";
import styles from "./Purposes.module.css";

interface Props {
  purpose: Purpose;
  regimes: Record<string, string>;
  edit?: () => void;
  withdraw?: () => void;
  putInForce?: () => void;
}

export function PurposeDetail({ purpose, regimes, edit, withdraw, putInForce }: Props) {
  const { session } = useSession();
  const reads = rolesOf(session).some((role) => MAY.history.includes(role));
  return (
    <div className={styles.detail} data-testid="purpose-detail">
      <p className={styles.wording}>{purpose.wording}</p>
      {edit ? (
        <div className={styles.buttons}>
          <Button size="compact-sm" variant="default" onClick={edit}>
            Change
          </Button>
          {purpose.state === "in_force" || purpose.state === "draft" ? (
            <Button size="compact-sm" variant="default" onClick={withdraw} data-testid="withdraw">
              Withdraw
            </Button>
          ) : null}
          {purpose.state !== "in_force" ? (
            <Button size="compact-sm" onClick={putInForce} data-testid="put-in-force">
              Put in force
            </Button>
          ) : null}
        </div>
      ) : null}
      <dl className={styles.facts}>
        <Fact name="State">
          <StateWord state={purpose.state} />{" "}
          {purpose.state === "withdrawn" ? <Time us={purpose.withdrawn_us} day /> : null}
          {purpose.state === "in_force" && purpose.in_force_us ? (
            <span className="quiet">
              since <Time us={purpose.in_force_us} day />
            </span>
          ) : null}
        </Fact>
        <Fact name="Lawful basis">{purpose.basis}</Fact>
        <Fact name="Law it rests on">{purpose.condition || <span className="quiet">not said</span>}</Fact>
        <Fact name="Regime">{regimes[purpose.regime] ?? purpose.regime}</Fact>
        <Fact name="Opens">{actionWords(purpose.actions)}</Fact>
        <Fact name="For">{purpose.roles.map(roleWords).join(", ")}</Fact>
        <Fact name="Case">{purpose.needs_case ? "needed" : "not needed"}</Fact>
        <Fact name="Lasts at most">{purpose.ends_with_shift ? `the shift, ${length(purpose.longest_us)} at most` : length(purpose.longest_us)}</Fact>
        <Fact name="Reaches back">
          {length(purpose.usual_reach_us)} unless more is asked for;{" "}
          {purpose.longest_reach_us === null ? "the case says how far at most" : `${length(purpose.longest_reach_us)} at most`}
        </Fact>
        {purpose.longest_span_us !== null ? <Fact name="Footage at once">{length(purpose.longest_span_us)}</Fact> : null}
        {purpose.most_cameras !== null ? <Fact name="Cameras at once">{purpose.most_cameras}</Fact> : null}
        <Fact name="Pictures">{purpose.masked ? "masked, unless unmasking is granted" : "not masked"}</Fact>
        <Fact name="On new cameras">{purpose.for_new_cameras ? "yes" : "no, only where it is chosen"}</Fact>
        <Fact name="Kind">{KIND[purpose.kind] ?? purpose.kind}</Fact>
        <Fact name="Code">
          <span className="mono">{purpose.code}</span>, version {purpose.version}
        </Fact>
      </dl>
      {reads ? <Past code={purpose.code} /> : null}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Past({ code }: { code: string }) {
  const past = useInfiniteQuery({
    queryKey: ["purpose-history", code],
    queryFn: ({ pageParam }) => purposes.history(code, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  const changes = past.data?.pages.flatMap((page) => page.changes) ?? [];
  return (
    <section data-testid="purpose-history">
      <h3>Changes</h3>
      {past.error ? <Trouble error={past.error} /> : null}
      {past.data && changes.length === 0 ? <p className={`quiet ${styles.none}`}>As it was delivered; nobody has changed it.</p> : null}
      <ul className={styles.changes}>
        {changes.map((each) => (
          <li key={each.id}>
            <p>
              <Time us={each.at_us} day />, {each.by}: “{each.reason}”
            </p>
            {Object.entries(each.changes)
              .filter(([, [before, after]]) => JSON.stringify(before) !== JSON.stringify(after))
              .map(([field, [before, after]]) => (
                <p key={field} className="quiet">
                  {FIELD[field] ?? field}: {each.version > 1 ? <del>{valueWords(field, before)}</del> : null} {valueWords(field, after)}
                </p>
              ))}
            <p className="quiet">Log entry {each.audit_index}</p>
          </li>
        ))}
      </ul>
      {past.hasNextPage ? (
        <Button mt={8} size="compact-sm" variant="default" loading={past.isFetchingNextPage} onClick={() => void past.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
    </section>
  );
}
