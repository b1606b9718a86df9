// Partners: hubs of other councils and of the police. Ask them, see what they asked, and who they are.

import { Tabs } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { rolesOf, useSession } from "../session";
import { AskForm } from "./AskForm";
import { MAY, useAsked, usePartners } from "./partners";
import { PartnerList } from "./PartnerList";
import { Questions } from "./Questions";
import styles from "./Partners.module.css";

export default function PartnersPage() {
  const { session } = useSession();
  const roles = rolesOf(session);
  const may = (who: readonly string[]) => who.some((role) => roles.includes(role));
  const tabs = [
    ...(may(MAY.ask) ? [{ value: "ask", label: "Ask a partner" }] : []),
    ...(may(MAY.heard) ? [{ value: "heard", label: "What they asked" }] : []),
    ...(may(MAY.heard) && !may(MAY.ask) && !may(MAY.decide) ? [{ value: "asked", label: "What we asked" }] : []),
    ...(may(MAY.look) ? [{ value: "partners", label: "Partners" }] : []),
  ];
  const [search, setSearch] = useSearchParams();
  const wanted = search.get("tab");
  const tab = tabs.find((each) => each.value === wanted)?.value ?? tabs[0]?.value ?? "";
  const client = useQueryClient();
  const list = usePartners(tab === "partners");
  const asked = useAsked(tab !== "partners" && may(MAY.asked));
  const again = () => {
    void client.invalidateQueries({ queryKey: ["partners"] });
    void client.invalidateQueries({ queryKey: ["partner-questions"] });
    void client.invalidateQueries({ queryKey: ["requests"] });
  };
  const shown = tab === "partners" ? list : asked;
  return (
    <div className="page">
      <div className="inner">
        <h1>Partners</h1>
        <p className="lead">
          Other councils and the police have hubs of their own. One may ask another whether it holds footage of a place and time; people decide about everything more. Nobody
          sees another&apos;s cameras or pictures.
        </p>
        {tabs.length > 1 ? (
          <Tabs value={tab} onChange={(value) => value && setSearch({ tab: value })} className={styles.tabs}>
            <Tabs.List>
              {tabs.map((each) => (
                <Tabs.Tab key={each.value} value={each.value}>
                  {each.label}
                </Tabs.Tab>
              ))}
            </Tabs.List>
          </Tabs>
        ) : null}
        {shown.isPending ? <Waiting what="Asking the hub about partners." why="It is slow to answer." /> : null}
        {shown.error ? <Trouble error={shown.error} again={() => void shown.refetch()} /> : null}
        {tab === "partners" && list.data ? (
          <PartnerList all={list.data} again={again} can={{ add: may(MAY.add), switch: may(MAY.switch), revoke: may(MAY.revoke), letters: may(MAY.letters) }} />
        ) : null}
        {tab === "ask" && asked.data && asked.data.partners.length === 0 ? (
          <Empty title="There is no partner to ask">An administrator or the data protection officer adds one, with a second person, once both sides have agreed.</Empty>
        ) : null}
        {tab === "ask" && asked.data && asked.data.partners.length > 0 ? <AskForm asked={asked.data} done={again} /> : null}
        {(tab === "heard" || tab === "asked") && asked.data && !asked.data.on && asked.data.questions.length === 0 ? (
          <Empty title="This hub talks to no other hub">
            Nobody can ask it anything. It begins when an administrator gives [hub] federation an address and a port in belvedere.toml and two people add a partner.
          </Empty>
        ) : null}
        {tab !== "partners" && asked.data && (asked.data.on || asked.data.questions.length > 0) ? (
          <Questions asked={asked.data} outgoing={tab !== "heard"} mayAsk={may(MAY.ask)} mayDecide={may(MAY.decide)} again={again} />
        ) : null}
      </div>
    </div>
  );
}
