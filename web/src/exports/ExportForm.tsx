import { Button, Group, MultiSelect, SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useLocation } from "react-router";
import { askAddress, askToExport } from "../access/ask";
import { hub, hubNowUs, type Camera, type Export, type Grant } from "../api";
import { Notice, Trouble } from "../frame/Notice";
import type { Marks } from "../review/timeline";
import { dayClock, fineClock, isoDay, parseTime, span as sayspan } from "../time";
import { ExportCard } from "./ExportCard";
import { useExports } from "./useExports";

interface Props {
  grant: Grant;
  cameras: Camera[];
  chosen: string[];
  marks: Marks;
  setMarks: (marks: Marks) => void;
  near: number;
}

const typed = (us: number | null): string => (us === null ? "" : `${isoDay(us)} ${fineClock(us)}`);

export function ExportForm({ grant, cameras, chosen, marks, setMarks, near }: Props) {
  const client = useQueryClient();
  const here = useLocation().search; // the marks are in it
  const [name, setName] = useState("");
  const [note, setNote] = useState("");
  const [picked, setPicked] = useState(chosen);
  const [from, setFrom] = useState(typed(marks.in));
  const [to, setTo] = useState(typed(marks.out));
  const [tried, setTried] = useState(false);
  const [kind, setKind] = useState<"evidence" | "working_copy">("evidence");
  const copy = grant.masked || kind === "working_copy";
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [made, setMade] = useState<Export | null>(null);
  const exports = useExports(made !== null);
  const current = exports.data?.find((each) => each.id === made?.id) ?? made;

  const inUs = parseTime(from, near, hubNowUs());
  const outUs = parseTime(to, inUs ?? near, hubNowUs());
  const order = inUs !== null && outUs !== null && outUs > inUs;

  if (!grant.actions.includes("export"))
    return (
      <Stack gap="md">
        <Notice tone="amber" title="This access does not open exports.">
          A clip leaves the house, so a colleague of another team agrees to it first: to these cameras and this time, and who gets it.
        </Notice>
        <Group>
          <Button component={Link} to={askAddress(askToExport(grant, chosen, inUs, outUs), `/review${here}`)} data-testid="export-ask">
            Ask to export this
          </Button>
        </Group>
      </Stack>
    );

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!name.trim() || picked.length === 0 || !order) return;
    setBusy(true);
    setError(null);
    try {
      const answer = await hub.makeExport({
        grant: grant.id,
        name: name.trim(),
        cameras: picked,
        start_us: inUs,
        end_us: outUs,
        note: note.trim() || undefined,
        kind: copy ? "working_copy" : "evidence",
      });
      setMade(answer);
      setMarks({ in: inUs, out: outUs });
      await client.invalidateQueries({ queryKey: ["exports"] });
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };

  if (current)
    return (
      <Stack gap="md">
        <ExportCard export_={current} cameras={cameras} />
        <Group>
          <Button variant="default" onClick={() => setMade(null)}>
            Make another
          </Button>
          <Button variant="subtle" component={Link} to="/exports">
            All exports
          </Button>
        </Group>
      </Stack>
    );

  return (
    <form onSubmit={(event) => void submit(event)} data-testid="export-form" noValidate>
      <Stack gap="sm">
        <p className="quiet" style={{ margin: 0 }}>
          {copy
            ? "People are hidden in every picture, there is no sound, and your name is burned in. It names the recordings it was made from, and is no evidence. At most 4 hours, all cameras together; the site makes one at a time."
            : "The footage is copied as the camera sent it, with its gaps named, its clock error, and a proof that this export is in the log."}
        </p>
        {grant.masked ? (
          <Notice title="This access makes masked working copies.">
            Evidence holds the originals. For that, ask for access that shows unmasked pictures too, with a reason.
          </Notice>
        ) : (
          <SegmentedControl
            value={kind}
            onChange={(value) => setKind(value as typeof kind)}
            data={[
              { value: "evidence", label: "Evidence" },
              { value: "working_copy", label: "Masked working copy" },
            ]}
            aria-label="What to make"
            data-testid="export-kind-choice"
          />
        )}
        {error ? <Trouble error={error} testId="export-error" /> : null}
        <TextInput
          label="Name"
          placeholder="Bin store door, Saturday night"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={tried && !name.trim() ? "Give it a name that others will understand" : undefined}
          data-testid="export-name"
          data-autofocus
        />
        <MultiSelect
          label="Cameras"
          data={cameras.map((camera) => ({ value: camera.id, label: camera.name }))}
          value={picked}
          onChange={setPicked}
          searchable
          error={tried && picked.length === 0 ? "Choose at least one camera" : undefined}
        />
        <Group grow align="start" gap="sm">
          <TextInput
            label="From"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            error={tried && inUs === null ? "Set mark In, or write a time" : undefined}
            data-testid="export-from"
          />
          <TextInput
            label="To"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            error={tried && (outUs === null ? "Set mark Out, or write a time" : !order && inUs !== null) ? (outUs === null ? "Set mark Out, or write a time" : "Must be after the start") : undefined}
            data-testid="export-to"
          />
        </Group>
        <p className="quiet" style={{ margin: 0 }}>
          {order
            ? `${sayspan(outUs - inUs)} of ${picked.length} ${picked.length === 1 ? "camera" : "cameras"}, ${dayClock(inUs)} to ${dayClock(outUs)}.`
            : "Times of London, from the marks I and O of the timeline."}
        </p>
        <Textarea
          label="Note"
          description="Goes into the pack, and into the log"
          autosize
          minRows={2}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Button type="submit" loading={busy} data-testid="export-make">
          {copy ? "Make working copy" : "Make export"}
        </Button>
      </Stack>
    </form>
  );
}
