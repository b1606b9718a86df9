// Review: chosen cameras in step, over the day they belong to.

import { useQuery } from "@tanstack/react-query";
import { Button } from "@mantine/core";
import { useMemo } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { hub, hubNowUs, type Camera } from "../api";
import { NeedGrant } from "../frame/NeedGrant";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { readWall, reconcile } from "../now/wall";
import { personName, useGrant, useSession } from "../session";
import { DAY, SECOND } from "../time";
import { readAddress } from "./address";
import { newest } from "./lanes";
import { ReviewRoom } from "./ReviewRoom";
import { useLanes } from "./useLanes";

const MOST_KNOWN = 64;
const MOST_SHOWN = 16;
const FIRST_SHOWN = 4;

export default function ReviewPage() {
  return (
    <NeedGrant action="playback">
      <Review />
    </NeedGrant>
  );
}

function Review() {
  const { grant } = useGrant();
  const { session } = useSession();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, refetchInterval: 30_000 });
  const covered = useMemo<Camera[]>(() => {
    const may = new Set(grant!.cameras);
    return (cameras.data?.cameras ?? []).filter((camera) => may.size === 0 || may.has(camera.id));
  }, [cameras.data, grant]);
  const person = personName(session);
  const inOrder = useMemo(() => {
    const wall = reconcile({ ...readWall(person), closed: [] }, covered.map((camera) => camera.id));
    return wall.map((id) => covered.find((camera) => camera.id === id)!);
  }, [covered, person]);

  const asked = readAddress(params);
  const known = useMemo(() => {
    const first = asked.cameras?.filter((id) => inOrder.some((camera) => camera.id === id)) ?? [];
    const rest = inOrder.map((camera) => camera.id).filter((id) => !first.includes(id));
    return [...first, ...rest].slice(0, MOST_KNOWN).sort();
    // The set of cameras asked about changes with the grant and the register only.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [inOrder.map((camera) => camera.id).join(",")]);
  const limits = useMemo(
    () => ({ from: Math.max(grant!.from_us, hubNowUs() - 31 * DAY), to: grant!.to_us }),
    [grant],
  );
  const { lanes, away, error, again } = useLanes(grant!.id, known, limits);

  if (cameras.error && !cameras.data)
    return (
      <div className="page">
        <Trouble error={cameras.error} again={() => void cameras.refetch()} />
      </div>
    );
  if (cameras.data && covered.length === 0)
    return (
      <div className="page">
        <Empty title="This access covers no camera">Ask for access that names the cameras you need.</Empty>
      </div>
    );
  if (error && !lanes)
    return (
      <div className="page">
        <Trouble error={error} again={again} />
      </div>
    );
  if (!cameras.data || !lanes) return <Waiting what="Asking what was recorded." why="The site is slow to answer." />;

  const named = asked.cameras?.filter((id) => covered.some((camera) => camera.id === id)).slice(0, MOST_SHOWN) ?? [];
  const withFootage = inOrder.filter((camera) => (lanes.get(camera.id)?.main.runs.length ?? 0) > 0).map((camera) => camera.id);
  const chosen = named.length ? named : (withFootage.length ? withFootage : inOrder.map((c) => c.id)).slice(0, FIRST_SHOWN);
  const latest = newest(lanes, chosen, hubNowUs()) ?? newest(lanes, known, hubNowUs());
  if (latest === null && asked.at === null)
    return (
      <div className="page">
        <Empty
          title="Nothing is recorded yet"
          action={
            <Button variant="default" onClick={() => void navigate("/cameras")}>
              See the cameras
            </Button>
          }
        >
          As soon as a camera records, its footage stands here with every gap and the reason for it.
        </Empty>
      </div>
    );
  return (
    <ReviewRoom
      key={grant!.id}
      grant={grant!}
      cameras={inOrder}
      lanes={lanes}
      limits={limits}
      firstCameras={chosen}
      firstAt={asked.at ?? (latest ?? hubNowUs()) - 30 * SECOND}
      linesOld={error !== null}
      away={away}
      most={MOST_SHOWN}
    />
  );
}
