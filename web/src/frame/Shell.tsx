// The frame: a narrow rail of icons with words, the grant chip, the clock. On a phone the rail lies at the bottom.

import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconCalendarOff,
  IconCommand,
  IconDeviceCctv,
  IconDownload,
  IconHeartbeat,
  IconKeyboard,
  IconLayoutGrid,
  IconLogout,
  IconMoon,
  IconPlayerTrackNext,
  IconSettings,
  IconSun,
  IconUser,
  IconUserShield,
} from "@tabler/icons-react";
import { Suspense, useEffect, useRef, useState } from "react";
import { NavLink, Outlet, useLocation, useNavigate } from "react-router";
import { personName, useSession } from "../session";
import { clock, exact, shortDay, zone } from "../time";
import { hubNowUs } from "../api";
import { CheatSheet } from "./CheatSheet";
import { GrantChip } from "./GrantChip";
import { useKeys } from "./keys";
import { Waiting } from "./Notice";
import { openPalette, Palette } from "./Palette";
import { PageBoundary } from "./PageBoundary";
import styles from "./Shell.module.css";

export const PAGES = [
  { path: "/now", name: "Now", icon: IconLayoutGrid, press: "g n" },
  { path: "/review", name: "Review", icon: IconPlayerTrackNext, press: "g r" },
  { path: "/exports", name: "Exports", icon: IconDownload, press: "g e" },
  { path: "/cameras", name: "Cameras", icon: IconDeviceCctv, press: "g c" },
  { path: "/health", name: "Health", icon: IconHeartbeat, press: "g h" },
  { path: "/retention", name: "Retention", icon: IconCalendarOff, press: "g t" },
  { path: "/access", name: "My access", icon: IconUserShield, press: "g a" },
  { path: "/settings", name: "Settings", icon: IconSettings, press: "g s" },
] as const;

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
    ...PAGES.map((entry) => ({
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
        {PAGES.map((entry) => (
          <NavLink key={entry.path} to={entry.path} className={styles.link} data-testid={`nav-${entry.path.slice(1)}`}>
            <entry.icon size={20} stroke={1.7} aria-hidden />
            <span>{entry.name}</span>
          </NavLink>
        ))}
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
    </div>
  );
}
