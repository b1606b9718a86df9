// What each camera accepts: a table, and setting many at once.

import { Button, Checkbox, Modal, Radio, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { hub } from "../api";
import { Trouble, Waiting } from "../frame/Notice";
import { acceptedBy, purposes, useCameraPurposes, type Purpose } from "./purposes";
import styles from "./Purposes.module.css";

const SHOWN = 60;

export function CameraLists({ purposes: all, decides, done }: { purposes: Purpose[]; decides: boolean; done: () => void }) {
  const lists = useCameraPurposes();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [find, setFind] = useState("");
  const [more, setMore] = useState(SHOWN);
  const [setting, setSetting] = useState(false);
  const words = new Map(all.map((each) => [each.code, each.text]));
  const say = (codes: string[]) =>
    codes.length === 0 ? <span className="quiet">nothing: no picture of it opens</span> : codes.map((code) => words.get(code) ?? code).join(", ");
  const shown = (cameras.data?.cameras ?? []).filter((camera) => `${camera.name} ${camera.place}`.toLowerCase().includes(find.trim().toLowerCase()));
  const pick = (ids: string[], on: boolean) =>
    setPicked((before) => {
      const next = new Set(before);
      for (const id of ids) if (on) next.add(id);
        else next.delete(id);
      return next;
    });
  return (
    <section aria-label="What each camera accepts">
      <div className={styles.head}>
        <h2>What each camera accepts</h2>
        <span className={styles.buttons}>
          <TextInput
            size="xs"
            leftSection={<IconSearch size={14} aria-hidden />}
            placeholder="Find a camera"
            aria-label="Find a camera"
            value={find}
            onChange={(event) => setFind(event.currentTarget.value)}
          />
          {decides ? (
            <Button size="compact-sm" disabled={picked.size === 0} onClick={() => setSetting(true)} data-testid="set-cameras">
              {picked.size === 0 ? "Set for the cameras picked" : `Set for ${picked.size} ${picked.size === 1 ? "camera" : "cameras"}`}
            </Button>
          ) : null}
        </span>
      </div>
      {lists.isPending || cameras.isPending ? <Waiting what="Asking for the cameras." why="The hub is slow to answer." /> : null}
      {lists.error ? <Trouble error={lists.error} again={() => void lists.refetch()} /> : null}
      {lists.data && cameras.data ? (
        <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of cameras and purposes">
          <table className="table" data-testid="camera-lists">
            <thead>
              <tr>
                {decides ? (
                  <th scope="col" className={styles.pickCell}>
                    <Checkbox
                      size="xs"
                      aria-label="Pick all that are shown"
                      checked={shown.length > 0 && shown.every((camera) => picked.has(camera.id))}
                      onChange={(event) => pick(shown.map((camera) => camera.id), event.currentTarget.checked)}
                    />
                  </th>
                ) : null}
                <th scope="col">Camera</th>
                <th scope="col">Place</th>
                <th scope="col">Accepts</th>
                <th scope="col">Decided</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                {decides ? <td className={styles.pickCell} /> : null}
                <td className="quiet">new cameras</td>
                <td />
                <td className={styles.codes}>{say(lists.data.others)}</td>
                <td className="quiet">by each purpose</td>
              </tr>
              {shown.slice(0, more).map((camera) => {
                const own = lists.data.cameras.find((each) => each.camera === camera.id);
                return (
                  <tr key={camera.id} data-testid={`accepts-${camera.id}`}>
                    {decides ? (
                      <td className={styles.pickCell}>
                        <Checkbox
                          size="xs"
                          aria-label={`Pick ${camera.name}`}
                          checked={picked.has(camera.id)}
                          onChange={(event) => pick([camera.id], event.currentTarget.checked)}
                        />
                      </td>
                    ) : null}
                    <td className="strong">{camera.name}</td>
                    <td>{camera.place}</td>
                    <td className={styles.codes}>{own ? say(own.purposes) : <span className="quiet">as new cameras</span>}</td>
                    <td className="wide">{own ? `${own.changed_by}: “${own.reason}”` : ""}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      ) : null}
      {shown.length > more ? (
        <Button mt={8} size="compact-sm" variant="default" onClick={() => setMore(more + SHOWN)}>
          Show more
        </Button>
      ) : null}
      {setting && lists.data ? (
        <SetCameras
          cameras={[...picked]}
          all={all}
          start={acceptedBy(lists.data, [...picked][0] ?? "")}
          close={() => setSetting(false)}
          done={() => {
            setPicked(new Set());
            done();
          }}
        />
      ) : null}
    </section>
  );
}

function SetCameras({ cameras, all, start, close, done }: { cameras: string[]; all: Purpose[]; start: string[]; close: () => void; done: () => void }) {
  const [own, setOwn] = useState(true);
  const [codes, setCodes] = useState(start);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      const { grants_ended: ended } = await purposes.setCameras(cameras, own ? codes : null, reason.trim());
      if (ended > 0) notifications.show({ message: `${ended === 1 ? "One access" : `${ended} accesses`} that rested on it ended.`, color: "gray" });
      done();
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  const title = cameras.length === 1 ? "What this camera accepts" : `What these ${cameras.length} cameras accept`;
  return (
    <Modal opened onClose={close} title={title} size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="set-cameras-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <Radio.Group aria-label="Which list" value={own ? "own" : "new"} onChange={(value) => setOwn(value === "own")}>
          <div className={styles.checks}>
            <Radio value="own" label="A list of its own" />
            <Radio value="new" label="The list of new cameras" />
          </div>
        </Radio.Group>
        {own ? (
          <Checkbox.Group label="Accepts" value={codes} onChange={setCodes}>
            <div className={styles.checks}>
              {all
                .filter((each) => each.actions.length > 0 && (each.state !== "withdrawn" || codes.includes(each.code)))
                .map((each) => (
                  <Checkbox key={each.code} value={each.code} label={each.state === "in_force" ? each.text : `${each.text} (${each.state})`} />
                ))}
            </div>
          </Checkbox.Group>
        ) : null}
        <Textarea
          label="Why"
          description="Stands in the history and in the log with your name. Access that rests on what you take out ends at once."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Set with a passkey
        </Button>
      </form>
    </Modal>
  );
}
