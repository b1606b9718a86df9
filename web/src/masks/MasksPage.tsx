// Permanent masks of one camera: draw, say why, save; and who drew what before.

import { Alert, Button, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useParams } from "react-router";
import { hub, HubError } from "../api";
import { Time } from "../frame/Time";
import { Trouble, Waiting } from "../frame/Notice";
import { MaskCanvas } from "./MaskCanvas";
import { MaskedTile } from "./MaskedTile";
import { MaskNumbers } from "./MaskNumbers";
import { masks, type Masks } from "./masks";
import { box, MOST_MASKS, same, takenAway, type Polygon } from "./polygon";
import styles from "./Masks.module.css";

export default function MasksPage() {
  const { camera = "" } = useParams();
  const found = useQuery({ queryKey: ["masks", camera], queryFn: () => masks.get(camera) });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const name = cameras.data?.cameras.find((each) => each.id === camera)?.name ?? camera;
  return (
    <div className="page">
      <div className={styles.page}>
        <header className={styles.top}>
          <Button component={Link} to={`/cameras?camera=${encodeURIComponent(camera)}`} variant="subtle" color="gray" size="compact-sm" leftSection={<IconArrowLeft size={15} />}>
            Cameras
          </Button>
          <h1>Permanent masks of {name}</h1>
        </header>
        <p className={styles.lead}>
          What lies under a mask is painted over before a picture leaves the site, live and recorded, for everybody. The recording itself keeps it:
          originals of a camera with masks leave only when the data protection officer agrees.
        </p>
        {found.isPending ? <Waiting what="Asking for the masks." why="The hub is slow to answer." /> : null}
        {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
        {found.data ? <Drawing key={found.data.version} camera={camera} held={found.data} /> : null}
      </div>
    </div>
  );
}

function Drawing({ camera, held }: { camera: string; held: Masks }) {
  const client = useQueryClient();
  const [polygons, setPolygons] = useState<Polygon[]>(held.polygons);
  const [draft, setDraft] = useState<Polygon>([]);
  const [chosen, setChosen] = useState(-1);
  const [reason, setReason] = useState("");
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<HubError | null>(null);
  const changed = !same(polygons, held.polygons);
  const taken = takenAway(held.polygons, polygons);
  const editable = held.may_draw;

  const finish = () => {
    if (draft.length >= 3 && polygons.length < MOST_MASKS) {
      setPolygons([...polygons, draft]);
      setChosen(polygons.length);
    }
    setDraft([]);
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (draft.length > 0 && event.key === "Enter") finish();
      if (draft.length > 0 && event.key === "Escape") setDraft([]);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  const save = async () => {
    setSaving(true);
    setError(null);
    try {
      const next = await masks.put(camera, held.version, polygons, reason);
      client.setQueryData(["masks", camera], next);
      notifications.show({ message: `Version ${next.version} of the masks holds now.`, color: "teal" });
    } catch (fault) {
      if (fault instanceof HubError) setError(fault);
      else throw fault;
    } finally {
      setSaving(false);
    }
  };

  return (
    <div className={styles.columns}>
      <div className={styles.left}>
        <MaskCanvas
          polygons={polygons}
          draft={draft}
          chosen={chosen}
          editable={editable}
          onChange={setPolygons}
          onDraft={setDraft}
          onChoose={setChosen}
          onFinish={finish}
        >
          <MaskedTile camera={camera} />
        </MaskCanvas>
        {editable ? (
          <div className={styles.tools}>
            {draft.length > 0 ? (
              <>
                <Button size="compact-sm" onClick={finish} disabled={draft.length < 3} data-testid="finish-mask">
                  Finish this mask (Enter)
                </Button>
                <Button size="compact-sm" variant="default" onClick={() => setDraft([])}>
                  Drop it (Esc)
                </Button>
                <span className="quiet">{draft.length} corners</span>
              </>
            ) : (
              <>
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={polygons.length >= MOST_MASKS}
                  data-testid="add-box"
                  onClick={() => {
                    setPolygons([...polygons, box(polygons.length)]);
                    setChosen(polygons.length);
                  }}
                >
                  Add a box
                </Button>
                <span className="quiet">or click corners in the picture; drag corners to move them</span>
              </>
            )}
          </div>
        ) : (
          <p className="quiet">Masks are drawn by supervisors, the manager, register editors and the data protection officer.</p>
        )}
        {changed ? (
          <section className={`panel ${styles.save}`}>
            {taken > 0 && !held.may_take_away ? (
              <Alert color="yellow" title="Only the data protection officer takes masks away">
                {taken === 1 ? "One mask that stands is changed or gone here." : `${taken} masks that stand are changed or gone here.`} Put it back, or ask
                the data protection officer.
              </Alert>
            ) : null}
            <TextInput
              label="Why"
              placeholder="Windows of number 12"
              value={reason}
              maxLength={500}
              onChange={(event) => setReason(event.currentTarget.value)}
              data-testid="mask-reason"
            />
            {error ? (
              <Alert color="red" title={error.message}>
                {error.advice}
              </Alert>
            ) : null}
            <div className={styles.tools}>
              <Button
                onClick={() => void save()}
                loading={saving}
                disabled={reason.trim().length < 8 || draft.length > 0 || (taken > 0 && !held.may_take_away)}
                data-testid="save-masks"
              >
                Save as version {held.version + 1}
              </Button>
              <Button variant="default" onClick={() => setPolygons(held.polygons)}>
                Back to what holds
              </Button>
            </div>
          </section>
        ) : null}
      </div>
      <div className={styles.right}>
        <h2>By numbers</h2>
        <MaskNumbers polygons={polygons} chosen={chosen} editable={editable} onChange={setPolygons} onChoose={setChosen} />
        {held.polygons.length > 0 ? (
          <>
            <h2>In the camera</h2>
            <p data-testid="masks-in-camera">
              {held.in_camera
                ? "The camera paints these masks itself: it was asked, and showed them. What it sends from then on has nothing below them."
                : `Painted here only: the recording holds what is below. ${held.why || "Whether the camera can do it is still to be seen."}`}
            </p>
          </>
        ) : null}
        <h2>Versions</h2>
        {held.history.length === 0 ? <p className="quiet">None yet.</p> : null}
        <ol className={styles.history} data-testid="mask-history">
          {held.history.map((each) => (
            <li key={each.version}>
              <span className="strong">Version {each.version}</span>, {each.polygons.length} {each.polygons.length === 1 ? "mask" : "masks"}, {each.made_by}, <Time us={each.made_us} day />
              <p className="quiet">{each.reason}</p>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
