// Purpose, case, until when, masked or not, stop. No chip, no picture.

import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconClockPlus, IconEye, IconEyeOff, IconFilePlus, IconPlayerStopFilled, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { askAddress, askLike } from "../access/ask";
import { mayUnmask, RenewDialog } from "../access/RenewDialog";
import { useAsked } from "../approvals/RequestNews";
import { usePurposes } from "../purposes/purposes";
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
  const navigate = useNavigate();
  const asked = useAsked();
  const purposes = usePurposes().data?.purposes ?? [];
  const [renewing, setRenewing] = useState<Grant | null>(null);
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
      <Menu width={260}>
        <Menu.Target>
          <button type="button" className={styles.choose} aria-label={`Access: ${purposeOf(grant)}. What you can do with it`} data-testid="grant-menu">
            <span className={styles.purpose}>{purposeOf(grant)}</span>
            <IconChevronDown size={14} aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconClockPlus size={16} />} onClick={() => setRenewing(grant)} data-testid="grant-renew">
            More time
          </Menu.Item>
          {asked && mayUnmask(grant, purposes) ? (
            <Menu.Item
              leftSection={<IconEye size={16} />}
              onClick={() => void navigate(askAddress(askLike(grant, { actions: [...grant.actions, "unmask"] })))}
              data-testid="grant-unmask"
            >
              Ask to unmask
            </Menu.Item>
          ) : null}
          <Menu.Item leftSection={<IconFilePlus size={16} />} onClick={() => void navigate("/access/ask")}>
            Ask for other access
          </Menu.Item>
          {grants.length > 1 ? <Menu.Label>Look under another access</Menu.Label> : null}
          {grants
            .filter((other) => other.id !== grant.id)
            .map((other) => (
              <Menu.Item key={other.id} onClick={() => choose(other.id)}>
                {purposeOf(other)}
                {other.case ? ` · ${other.case}` : ""}
              </Menu.Item>
            ))}
        </Menu.Dropdown>
      </Menu>
      <RenewDialog grant={renewing} close={() => setRenewing(null)} />
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
