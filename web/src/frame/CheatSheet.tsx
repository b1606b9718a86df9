import { Modal } from "@mantine/core";
import { useKeyGroups } from "./keys";
import styles from "./CheatSheet.module.css";

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const NAMES: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: "Page up",
  PageDown: "Page down",
  Escape: "Esc",
};

function Press({ press }: { press: string }) {
  const parts = press === "+" ? ["+"] : press.split(/[+ ](?=.)/);
  return (
    <>
      {parts.map((part, index) => (
        <kbd key={index}>
          {part === "Mod" ? (apple ? "⌘" : "Ctrl") : (NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part))}
        </kbd>
      ))}
    </>
  );
}

export function CheatSheet({ opened, close }: { opened: boolean; close: () => void }) {
  const groups = useKeyGroups();
  return (
    <Modal opened={opened} onClose={close} title="Keyboard" size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="cheat-sheet">
      <div className={styles.groups}>
        {groups.map((group) => (
          <section key={group.name}>
            <h3 className={styles.name}>{group.name}</h3>
            <dl className={styles.list}>
              {group.keys.map((key) => (
                <div key={key.label} className={styles.row}>
                  <dt>{key.label}</dt>
                  <dd>
                    {(Array.isArray(key.press) ? key.press.slice(0, 2) : [key.press]).map((press, index) => (
                      <span key={press}>
                        {index > 0 ? " or " : ""}
                        <Press press={press} />
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
