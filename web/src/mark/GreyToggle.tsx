import { ActionIcon, Tooltip } from "@mantine/core";
import { IconContrastFilled } from "@tabler/icons-react";
import { useKeys } from "../frame/keys";
import { toggleGrey, useGrey } from "./grey";
import "./grey.css";

export function GreyToggle() {
  const grey = useGrey();
  useKeys("Pictures", [{ press: "d", label: "Grey and dim pictures, or as they are", run: toggleGrey }]);
  const label = grey ? "Show pictures as they are (D)" : "Grey and dim pictures (D)";
  return (
    <Tooltip label={label}>
      <ActionIcon variant={grey ? "filled" : "default"} size={30} onClick={toggleGrey} aria-label={label} aria-pressed={grey} data-testid="grey">
        <IconContrastFilled size={17} />
      </ActionIcon>
    </Tooltip>
  );
}
