// On a camera's page: whether its sound is recorded, and switching that. Sound is off unless somebody says why it must be on.

import { Box, Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { rolesOf, useSession } from "../session";

interface Sound {
  on: boolean | null;
  because: string;
  set_by: string;
  set_us: number | null;
}

const SWITCHERS = ["supervisor", "manager"];
const READERS = [...SWITCHERS, "dpo", "auditor"];

export function CameraSound({ camera }: { camera: string }) {
  const { session } = useSession();
  const client = useQueryClient();
  const roles = rolesOf(session);
  const reads = roles.some((role) => READERS.includes(role));
  const at = `/api/cameras/${encodeURIComponent(camera)}/sound`;
  const sound = useQuery({ queryKey: ["sound", camera], queryFn: () => call<Sound>("GET", at), enabled: reads, retry: 1 });
  const [act, setAct] = useState<Act | null>(null);
  if (!reads || !sound.data) return null;
  const { on, because, set_by, set_us } = sound.data;
  const turn = (next: boolean) =>
    setAct({
      title: next ? "Record the sound of this camera" : "Stop recording its sound",
      label: next ? "Record sound" : "Stop it now",
      body: next ? "Sound is heard in exports only. Say what need it meets that pictures do not; twenty letters or more." : undefined,
      run: async (reason) => {
        await call<unknown>("PUT", at, { on: next, reason });
        await client.invalidateQueries({ queryKey: ["sound", camera] });
      },
    });
  return (
    <Box component="section" mb="lg" data-testid="camera-sound">
      <h3>Sound</h3>
      <WaitingHere acts={["sound_on"]} about={camera} />
      <p>
        {on === null ? "Not known while the site is away." : on ? "Recorded." : "Not recorded."}{" "}
        {on && set_us !== null ? (
          <span className="quiet">
            {set_by}, <Time us={set_us} day />: “{because}”
          </span>
        ) : null}
      </p>
      {on !== null && roles.some((role) => SWITCHERS.includes(role)) ? (
        <Button size="compact-sm" variant="default" onClick={() => turn(!on)}>
          {on ? "Stop recording sound" : "Record its sound"}
        </Button>
      ) : null}
      <WhyDialog act={act} close={() => setAct(null)} />
    </Box>
  );
}
