import { useState, lazy } from "react";
import { Button } from "@mantine/core";
import { Navigate, Route, Routes } from "react-router";
import { Shell } from "./frame/Shell";
import { Trouble, Waiting } from "./frame/Notice";
import { IdleNotice } from "./login/IdleNotice";
import { LoginPage } from "./login/LoginPage";
import { PasskeyOffer, wantsLater } from "./login/PasskeyOffer";
import { PasswordPage } from "./login/PasswordForm";
import { possible } from "./passkey/passkey";
import { StepUpCode } from "./passkey/StepUpCode";
import { GrantProvider, useSession } from "./session";

const NowPage = lazy(() => import("./now/NowPage"));
const ReviewPage = lazy(() => import("./review/ReviewPage"));
const SearchPage = lazy(() => import("./search/SearchPage"));
const ExportsPage = lazy(() => import("./exports/ExportsPage"));
const CamerasPage = lazy(() => import("./cameras/CamerasPage"));
const HealthPage = lazy(() => import("./health/HealthPage"));
const CallsPage = lazy(() => import("./paging/CallsPage"));
const InstallerPage = lazy(() => import("./health/InstallerPage"));
const DpoPage = lazy(() => import("./dpo/DpoPage"));
const RetentionPage = lazy(() => import("./retention/RetentionPage"));
const AuditPage = lazy(() => import("./audit/AuditPage"));
const PeoplePage = lazy(() => import("./people/PeoplePage"));
const CasesPage = lazy(() => import("./cases/CasesPage"));
const PartnersPage = lazy(() => import("./partners/PartnersPage"));
const SitesPage = lazy(() => import("./sites/SitesPage"));
const PurposesPage = lazy(() => import("./purposes/PurposesPage"));
const AccessPage = lazy(() => import("./access/AccessPage"));
const AskPage = lazy(() => import("./access/AskPage"));
const ApprovalsPage = lazy(() => import("./approvals/ApprovalsPage"));
const MasksPage = lazy(() => import("./masks/MasksPage"));
const AnalysisPage = lazy(() => import("./analysis/AnalysisPage"));
const RulesPage = lazy(() => import("./rules/RulesPage"));
const SettingsPage = lazy(() => import("./settings/SettingsPage"));

export function App() {
  const { session, waiting, error, entered, leave } = useSession();
  const [asked, setAsked] = useState(false);
  if (waiting) return <Waiting what="Asking the hub who you are." why="It is slow to answer." />;
  if (error && !session)
    return (
      <main className="page">
        <Trouble error={error} again={() => location.reload()} />
      </main>
    );
  if (!session) return <LoginPage entered={entered} />;
  const passkeyOnly = session.must_add_passkey === true;
  if (passkeyOnly || (session.must_change_password && !asked))
    return (
      <>
        <PasswordPage
          passkeyOnly={passkeyOnly}
          done={() => {
            entered({ ...session, must_change_password: false, must_add_passkey: false });
            setAsked(true);
          }}
        />
        <Button variant="subtle" color="gray" pos="fixed" top={12} right={12} onClick={() => void leave()}>
          Sign out
        </Button>
      </>
    );
  if (session.offer_passkey && possible() && !wantsLater(session.user.id)) {
    const on = (has_passkey: boolean) => () => entered({ ...session, has_passkey, offer_passkey: false });
    return <PasskeyOffer user={session.user.id} done={on(true)} later={on(false)} />;
  }
  return (
    <GrantProvider>
      <StepUpCode />
      {session.idle_us ? <IdleNotice idleUs={session.idle_us} /> : null}
      <Routes>
        <Route element={<Shell />}>
          <Route path="/now" element={<NowPage />} />
          <Route path="/review" element={<ReviewPage />} />
          <Route path="/search" element={<SearchPage />} />
          <Route path="/cases" element={<CasesPage />} />
          <Route path="/purposes" element={<PurposesPage />} />
          <Route path="/exports" element={<ExportsPage />} />
          <Route path="/cameras" element={<CamerasPage />} />
          <Route path="/health" element={<HealthPage />} />
          <Route path="/health/calls" element={<CallsPage />} />
          <Route path="/installer" element={<InstallerPage />} />
          <Route path="/retention" element={<RetentionPage />} />
          <Route path="/dpo" element={<DpoPage />} />
          <Route path="/audit" element={<AuditPage />} />
          <Route path="/people" element={<PeoplePage />} />
          <Route path="/partners" element={<PartnersPage />} />
          <Route path="/sites" element={<SitesPage />} />
          <Route path="/access" element={<AccessPage />} />
          <Route path="/access/ask" element={<AskPage />} />
          <Route path="/approvals" element={<ApprovalsPage />} />
          <Route path="/masks/:camera" element={<MasksPage />} />
          <Route path="/rules" element={<RulesPage />} />
          <Route path="/analysis" element={<AnalysisPage />} />
          <Route path="/settings" element={<SettingsPage />} />
          <Route path="*" element={<Navigate to="/now" replace />} />
        </Route>
      </Routes>
    </GrantProvider>
  );
}
