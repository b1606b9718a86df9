// The frame: a narrow rail of icons with words, the grant chip, the clock. On a phone the rail lies at the bottom.

import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import {
  IconAffiliate,
  IconBellRinging,
  IconBuildingCommunity,
  IconCalendarOff,
  IconCommand,
  IconDeviceCctv,
  IconDots,
  IconDownload,
  IconEyeCheck,
  IconFolders,
  IconHeartbeat,
  IconKeyboard,
  IconLayoutGrid,
  IconListSearch,
  IconLogout,
  IconListCheck,
  IconMoon,
  IconPlayerTrackNext,
  IconScan,
  IconSearch,
  IconSettings,
  IconSun,
  IconUser,
  IconUserCheck,
  IconUserShield,
  IconUsers,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import { Suspense, useEffect, useMemo, useRef, useState } from "react";
import { NavLink, Outlet, useLocation, useNavigate } from "react-router";
import { READERS } from "../approvals/approvals";
import { RequestNews, useWaitingCount } from "../approvals/RequestNews";
import { WaitsNews } from "../proposals/WaitsNews";
import { LOG_READERS } from "../audit/audit";
import { PEOPLE_READERS } from "../people/people";
import { PARTNER_PAGE } from "../partners/partners";
import { MAY as MAY_SITES } from "../sites/sites";
import { DPO_READERS } from "../dpo/dpo";
import { MAY } from "../retention/interface";
import { ANALYSIS_READERS } from "../analysis/analysis";
import { RULE_READERS } from "../rules/rules";
import { personName, rolesOf, useSession } from "../session";
import { clock, exact, shortDay, zone } from "../time";
import { hubNowUs } from "../api";
import { CheatSheet } from "./CheatSheet";
import { GrantChip } from "./GrantChip";
import { GrantEnded } from "./GrantEnded";
import { useKeys } from "./keys";
import { Waiting } from "./Notice";
import { openPalette, Palette } from "./Palette";
import { PageBoundary } from "./PageBoundary";
import styles from "./Shell.module.css";

export interface Page {
  path: string;
  name: string;
  icon: TablerIcon;
  press: string;
  /** Who may open it; left out: everybody. */
  roles?: readonly string[];
  /** It is reached from this page, from the palette and by its keys, and has no place in the rail. */
  within?: string;
}

const PAGES: readonly Page[] = [
  { path: "/now", name: "Now", icon: IconLayoutGrid, press: "g n" },
  { path: "/review", name: "Review", icon: IconPlayerTrackNext, press: "g r" },
  { path: "/search", name: "Search", icon: IconSearch, press: "g f" },
  { path: "/cases", name: "Cases", icon: IconFolders, press: "g k" },
  { path: "/exports", name: "Exports", icon: IconDownload, press: "g e" },
  { path: "/cameras", name: "Cameras", icon: IconDeviceCctv, press: "g c" },
  { path: "/health", name: "Health", icon: IconHeartbeat, press: "g h" },
  { path: "/rules", name: "Rules", icon: IconBellRinging, press: "g o", roles: RULE_READERS },
  { path: "/retention", name: "Retention", icon: IconCalendarOff, press: "g t", roles: MAY.see },
  { path: "/access", name: "My access", icon: IconUserShield, press: "g a" },
  { path: "/approvals", name: "Approvals", icon: IconUserCheck, press: "g v", roles: READERS },
  { path: "/audit", name: "Audit log", icon: IconListSearch, press: "g l", roles: LOG_READERS },
  { path: "/sites", name: "Sites", icon: IconBuildingCommunity, press: "g i", roles: MAY_SITES.look },
  { path: "/partners", name: "Partners", icon: IconAffiliate, press: "g b", roles: PARTNER_PAGE },
  { path: "/people", name: "People", icon: IconUsers, press: "g u", roles: PEOPLE_READERS },
  { path: "/purposes", name: "Purposes", icon: IconListCheck, press: "g p" },
  { path: "/dpo", name: "DPO desk", icon: IconEyeCheck, press: "g d", roles: DPO_READERS },
  { path: "/analysis", name: "Analysis", icon: IconScan, press: "g y", roles: ANALYSIS_READERS, within: "/search" },
  { path: "/settings", name: "Settings", icon: IconSettings, press: "g s" },
];
const APPROVALS = "/approvals";
/** On a phone so many pages have a place of their own; the rest are under "More". */
const ON_A_PHONE = 4;

/** The pages that this person may open. */
export function usePages(): Page[] {
  const { session } = useSession();
  return useMemo(() => {
    const roles = rolesOf(session);
    return PAGES.filter((page) => !page.roles || page.roles.some((role) => roles.includes(role)));
  }, [session]);
}

/** How many things wait on a page. */
function Waits({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className={styles.count} data-testid="waiting-count">
      {count > 99 ? "99+" : count}
      <span className="visually-hidden"> waiting</span>
    </span>
  );
}

function PageLink({ page, waits = 0 }: { page: Page; waits?: number }) {
  return (
    <NavLink to={page.path} className={styles.link} data-testid={`nav-${page.path.slice(1)}`}>
      <page.icon size={20} stroke={1.7} aria-hidden />
      <span>{page.name}</span>
      <Waits count={waits} />
    </NavLink>
  );
}

function MorePages({ pages, waiting }: { pages: Page[]; waiting: number }) {
  const location = useLocation();
  const here = pages.some((page) => location.pathname.startsWith(page.path));
  return (
    <Menu position="top-end" width={220}>
      <Menu.Target>
        <button type="button" className={styles.link} data-here={here || undefined} data-testid="nav-more">
          <IconDots size={20} stroke={1.7} aria-hidden />
          <span>More</span>
          <Waits count={waiting} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {pages.map((page) => (
          <Menu.Item
            key={page.path}
            component={NavLink}
            to={page.path}
            leftSection={<page.icon size={18} stroke={1.7} />}
            data-testid={`nav-${page.path.slice(1)}`}
            rightSection={page.path === APPROVALS ? <Waits count={waiting} /> : undefined}
          >
            {page.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function WallClock() {
  const element = useRef<HTMLTimeElement>(null);
  useEffect(() => {
    const show = () => {
      const now = hubNowUs();
      if (!element.current) return;
      element.current.textContent = clock(now);
      element.current.title = exact(now);
    };
    show();
    const timer = window.setInterval(show, 500);
    return () => window.clearInterval(timer);
  }, []);
  const now = hubNowUs();
  return (
    <span className={styles.clock}>
      <span className="quiet">
        {shortDay(now)}, {zone(now)}
      </span>{" "}
      <time ref={element} className={styles.seconds} />
    </span>
  );
}

export function Shell() {
  const { session, leave } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [sheet, setSheet] = useState(false);
  const location = useLocation();
  const navigate = useNavigate();
  const pages = usePages();
  const waiting = useWaitingCount();
  const phone = useMediaQuery("(max-width: 720px)", undefined, { getInitialValueInEffect: false });
  const rail = phone ? pages.slice(0, ON_A_PHONE) : pages.filter((entry) => !entry.within);
  const rest = phone ? pages.slice(ON_A_PHONE) : [];
  const page = PAGES.find((entry) => location.pathname.startsWith(entry.path));
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    document.title = page ? `${page.name} · Belvedere` : "Belvedere";
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [page]);

  useKeys("Everywhere", [
    { press: "Mod+k", label: "Go to a page or camera", run: openPalette },
    { press: "?", label: "This list", run: () => setSheet(true) },
    ...pages.map((entry) => ({
      press: entry.press,
      label: entry.name,
      run: () => void navigate(entry.path),
    })),
  ]);

  const dark = colorScheme !== "light";
  return (
    <div className={styles.frame}>
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <nav className={styles.rail} aria-label="Pages">
        <div className={styles.mark} aria-hidden>
          <svg viewBox="0 0 32 32" width="28" height="28">
            <path
              d="M6 13.5 16 7l10 6.5M9 14v9m14-9v9M6.5 25h19M16 14v9"
              fill="none"
              stroke="currentColor"
              strokeWidth="2.2"
              strokeLinecap="round"
              strokeLinejoin="round"
            />
          </svg>
        </div>
        {rail.map((entry) => (
          <PageLink key={entry.path} page={entry} waits={entry.path === APPROVALS ? waiting : 0} />
        ))}
        {rest.length > 0 ? <MorePages pages={rest} waiting={rest.some((entry) => entry.path === APPROVALS) ? waiting : 0} /> : null}
      </nav>
      <section className={styles.top} aria-label="Access, time and account">
        <GrantChip />
        <div className={styles.right}>
          <WallClock />
          <Tooltip label="Go to a page or camera (Ctrl K)">
            <ActionIcon variant="subtle" color="gray" size={32} onClick={openPalette} aria-label="Go to a page or camera">
              <IconCommand size={18} />
            </ActionIcon>
          </Tooltip>
          <Menu position="bottom-end" width={220}>
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size={32} aria-label="Your account" data-testid="account">
                <IconUser size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>Signed in as {personName(session)}</Menu.Label>
              <Menu.Item
                leftSection={dark ? <IconSun size={16} /> : <IconMoon size={16} />}
                onClick={() => setColorScheme(dark ? "light" : "dark")}
                data-testid="theme-toggle"
              >
                {dark ? "Light theme" : "Dark theme"}
              </Menu.Item>
              <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={() => setSheet(true)} rightSection={<kbd>?</kbd>}>
                Keyboard
              </Menu.Item>
              <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()} data-testid="sign-out">
                Sign out
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </section>
      <main id="main" className={styles.main} ref={main} tabIndex={-1} aria-label={page?.name}>
        {["/now", "/review"].includes(location.pathname) ? <h1 className="visually-hidden">{page?.name}</h1> : null}
        <PageBoundary key={location.pathname}>
          <Suspense fallback={<Waiting what="Loading the page." why="The hub is slow to answer." />}>
            <Outlet />
          </Suspense>
        </PageBoundary>
      </main>
      <CheatSheet opened={sheet} close={() => setSheet(false)} />
      <Palette />
      <RequestNews />
      <WaitsNews />
      <GrantEnded />
    </div>
  );
}
