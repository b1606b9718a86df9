// What became of a case: access that was given under it, and everything that was done with it, each with its log entry.

import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { hubNowUs } from "../api";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { dayClock } from "../time";
import { Part } from "./CasePage";
import { ACT, cases, type CaseAct, type CaseGrant } from "./cases";
import styles from "./Cases.module.css";

function stateOf(grant: CaseGrant): string {
  if (grant.ended_us !== null) return "ended";
  return grant.expires_us <= hubNowUs() ? "expired" : "open";
}

export function CaseGrants({ id }: { id: string }) {
  const list = useQuery({ queryKey: ["case-grants", id], queryFn: () => cases.grants(id), refetchInterval: 30_000 });
  return (
    <Part name="Access given under it">
      {list.error ? <Trouble error={list.error} again={() => void list.refetch()} /> : null}
      {list.data && list.data.length === 0 ? <p className={`quiet ${styles.none}`}>Nobody has opened footage under this case.</p> : null}
      {list.data && list.data.length > 0 ? (
        <div className="panel table-box">
          <table className="table" data-testid="case-grants">
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">Purpose</th>
                <th scope="col">From</th>
                <th scope="col">Until</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {list.data.map((each) => (
                <tr key={each.id}>
                  <td className="strong">{each.by}</td>
                  <td>{each.purpose_text}</td>
                  <td>
                    <Time us={each.issued_us} day />
                  </td>
                  <td>
                    <Time us={each.ended_us ?? each.expires_us} day />
                  </td>
                  <td className={stateOf(each) === "open" ? "strong" : "quiet"}>{stateOf(each)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </Part>
  );
}

function detail(act: CaseAct, name: (camera: string) => string): string {
  const facts = act.facts;
  const spans = Array.isArray(facts.footage) ? (facts.footage as { camera: string; from_us: number; to_us: number }[]) : [];
  const parts = spans.slice(0, 4).map((each) => `${name(each.camera)}, ${dayClock(each.from_us)} to ${dayClock(each.to_us)}`);
  if (spans.length > 4) parts.push(`${spans.length - 4} more`);
  if (typeof facts.name === "string" && facts.name) parts.unshift(facts.name);
  if (typeof facts.place === "string" && facts.place) parts.unshift(facts.place);
  if (typeof facts.title === "string" && facts.title) parts.unshift(facts.title);
  return parts.join("; ");
}

export function CaseHistory({ id, name }: { id: string; name: (camera: string) => string }) {
  const past = useInfiniteQuery({
    queryKey: ["case-history", id],
    queryFn: ({ pageParam }) => cases.history(id, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  const acts = past.data?.pages.flatMap((page) => page.acts) ?? [];
  return (
    <Part name="History">
      {past.error ? <Trouble error={past.error} /> : null}
      {acts.length > 0 ? (
        <ul className={`panel ${styles.history}`} data-testid="case-history">
          {acts.map((each) => (
            <li key={each.id}>
              <p>
                <span className="strong">{ACT[each.kind] ?? each.kind}</span>
                {each.reason ? `: “${each.reason}”` : ""}
              </p>
              {detail(each, name) ? <p>{detail(each, name)}</p> : null}
              <p className="quiet">
                <Time us={each.at_us} day />, {each.by}, log entry {each.audit_index}
              </p>
            </li>
          ))}
        </ul>
      ) : null}
      {past.hasNextPage ? (
        <Button mt={8} size="compact-sm" variant="default" loading={past.isFetchingNextPage} onClick={() => void past.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
    </Part>
  );
}
