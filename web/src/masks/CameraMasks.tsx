// On a camera's page: how many permanent masks hold, and the way to them.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { masks } from "./masks";

export function CameraMasks({ camera }: { camera: string }) {
  const found = useQuery({ queryKey: ["masks", camera], queryFn: () => masks.get(camera), retry: false });
  if (!found.data) return null;
  const count = found.data.polygons.length;
  return (
    <section data-testid="camera-masks">
      <h3>Permanent masks</h3>
      <p className="quiet">
        {count === 0 ? "None." : count === 1 ? "One part of the picture is never shown." : `${count} parts of the picture are never shown.`}
        {found.data.needs_dpo ? " Originals leave with the data protection officer's consent only." : ""}
      </p>
      <Button component={Link} to={`/masks/${encodeURIComponent(camera)}`} size="compact-sm" variant="default" data-testid="to-masks">
        {found.data.may_draw ? "Draw masks" : "Look at the masks"}
      </Button>
    </section>
  );
}
