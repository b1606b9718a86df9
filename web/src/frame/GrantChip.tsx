// Purpose, case, until when, masked or not, stop. No chip, no picture.

import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconEye, IconEyeOff, IconPlayerStopFilled, IconShieldCheck } from "@tabler/icons-react";
import { hub, type Grant } from "../api";
import { useGrant } from "../session";
import { clock, dayClock, exact, isoDay } from "../time";
import styles from "./GrantChip.module.css";

function until(us: number): string {
  return isoDay(us) === isoDay(Date.now() * 1000) ? clock(us) : dayClock(us);
}

export function purposeOf(grant: Grant): string {
  return grant.purpose_text || grant.purpose;
}

export function GrantChip() {
  const { grant, grants, choose, again } = useGrant();
  if (!grant) return null;
  const stop = async () => {
    try {
      await hub.endGrant(grant.id);
      notifications.show({ message: `${purposeOf(grant)} has ended. No pictures are shown until you start again.`, color: "gray" });
    } catch (error) {
      notifications.show({ title: "It could not be ended", message: String(error instanceof Error ? error.message : error), color: "red" });
    }
    again();
  };
  return (
    <div className={styles.chip} data-testid="grant-chip" role="group" aria-label="Why you may see these pictures">
      <IconShieldCheck size={16} className={styles.shield} aria-hidden />
      {grants.length > 1 ? (
        <Menu>
          <Menu.Target>
            <button type="button" className={styles.choose} aria-label={`Access: ${purposeOf(grant)}. Choose another`}>
              <span className={styles.purpose}>{purposeOf(grant)}</span>
              <IconChevronDown size={14} aria-hidden />
            </button>
          </Menu.Target>
          <Menu.Dropdown>
            {grants.map((other) => (
              <Menu.Item key={other.id} onClick={() => choose(other.id)}>
                {purposeOf(other)}
                {other.case ? ` · ${other.case}` : ""}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      ) : (
        <span className={styles.purpose}>{purposeOf(grant)}</span>
      )}
      {grant.case ? <span className={styles.case}>{grant.case}</span> : null}
      <span className={styles.until} title={exact(grant.expires_us)}>
        until {until(grant.expires_us)}
      </span>
      <span className={styles.mask} data-masked={grant.masked}>
        {grant.masked ? <IconEyeOff size={14} aria-hidden /> : <IconEye size={14} aria-hidden />}
        {grant.masked ? "Masked" : "Not masked"}
      </span>
      <Tooltip label="Stop: end this access now">
        <ActionIcon
          variant="subtle"
          color="gray"
          size={24}
          onClick={() => void stop()}
          aria-label="Stop: end this access now"
          data-testid="grant-stop"
          className={styles.stop}
        >
          <IconPlayerStopFilled size={14} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
