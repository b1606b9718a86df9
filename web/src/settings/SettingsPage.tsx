import { SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { PasswordForm } from "../login/PasswordForm";
import { personName, rolesOf, useSession } from "../session";
import { PasskeysCard } from "./PasskeysCard";
import { SessionsCard } from "./SessionsCard";
import styles from "./Settings.module.css";

export default function SettingsPage() {
  const { session } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <div className="page">
      <div className={styles.narrow}>
        <h1>Settings</h1>
        <p className="lead">
          Signed in as {personName(session)}
          {rolesOf(session).length ? ` (${rolesOf(session).join(", ")})` : ""}. These settings are yours, on this browser.
        </p>
        <section className={`panel ${styles.card}`}>
          <h2>Theme</h2>
          <p className="quiet">Dark is made for a dim room with many pictures, light for everywhere else.</p>
          <SegmentedControl
            value={colorScheme}
            onChange={(value) => setColorScheme(value as "dark" | "light" | "auto")}
            data={[
              { value: "dark", label: "Dark" },
              { value: "light", label: "Light" },
              { value: "auto", label: "As this machine" },
            ]}
            aria-label="Theme"
          />
        </section>
        <PasskeysCard />
        <SessionsCard />
        <section className={`panel ${styles.card}`}>
          <h2>Password</h2>
          {session?.has_passkey ? (
            <p className="quiet">You sign in with a passkey. A password alone opens your account only where your council allows it.</p>
          ) : null}
          <PasswordForm
            askCurrent
            done={() => notifications.show({ message: "Your password is set. Other places where you were signed in are signed out.", color: "teal" })}
          />
        </section>
      </div>
    </div>
  );
}
