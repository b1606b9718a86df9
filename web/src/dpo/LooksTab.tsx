import { Button, Table, Textarea, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { hub, HubError } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { span } from "../time";
import { dpo, type Dwelling, type Note } from "./dpo";
import styles from "./Dpo.module.css";

export function LooksTab({ mayDecide }: { mayDecide: boolean }) {
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const pages = useInfiniteQuery({
    queryKey: ["dpo", "notes"],
    queryFn: ({ pageParam }) => dpo.notes(pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    retry: 1,
  });
  const name = (id: string): string => cameras.data?.cameras.find((camera) => camera.id === id)?.name ?? id;
  const notes = pages.data?.pages.flatMap((page) => page.notes) ?? [];
  const nowUs = pages.data?.pages[0]?.now_us ?? 0;
  return (
    <>
      <p className="quiet">
        Whoever holds live pictures on one place for long outside a case says what they respond to, or gives the number of an authorisation under RIPA. Check
        that the numbers exist; end what does not hold, and they are asked again.
      </p>
      {pages.error ? <Trouble error={pages.error} again={() => void pages.refetch()} /> : null}
      {pages.isPending ? <Waiting what="Reading the register." why="It is long." /> : null}
      {pages.data && notes.length === 0 ? (
        <Empty title="The register is empty">Nobody has held a live picture on one place for long.</Empty>
      ) : null}
      {notes.length > 0 ? (
        <>
          <div className={styles.bar}>
            <span>
              {pages.data?.pages[0]?.total ?? 0} {pages.data?.pages[0]?.total === 1 ? "line" : "lines"}
            </span>
            <Button component="a" href="/api/dwell/notes.csv" size="compact-sm" variant="default" data-testid="looks-csv">
              CSV
            </Button>
          </div>
          <div className={styles.wide} tabIndex={0} role="region" aria-label="Register of long looks">
            <Table className={styles.table}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>When</Table.Th>
                  <Table.Th>Who</Table.Th>
                  <Table.Th>Ground</Table.Th>
                  <Table.Th>Cameras</Table.Th>
                  <Table.Th>Held</Table.Th>
                  <Table.Th>Until</Table.Th>
                  <Table.Th />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {notes.map((note) => (
                  <Line key={note.id} note={note} nowUs={nowUs} name={name} mayDecide={mayDecide} />
                ))}
              </Table.Tbody>
            </Table>
          </div>
          {pages.hasNextPage ? (
            <Button variant="default" size="compact-sm" onClick={() => void pages.fetchNextPage()}>
              Show older
            </Button>
          ) : null}
        </>
      ) : null}
      <Dwellings mayDecide={mayDecide} known={cameras.data?.cameras.map((camera) => camera.id) ?? []} />
    </>
  );
}

function Line({ note, nowUs, name, mayDecide }: { note: Note; nowUs: number; name: (id: string) => string; mayDecide: boolean }) {
  const client = useQueryClient();
  const [ending, setEnding] = useState(false);
  const [reason, setReason] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const inForce = note.ended_us === null && note.until_us > nowUs;
  return (
    <Table.Tr>
      <Table.Td>
        <Time us={note.made_us} day />
      </Table.Td>
      <Table.Td>{note.person}</Table.Td>
      <Table.Td className={styles.ground}>
        <strong>{note.kind === "ripa" ? `RIPA ${note.number}` : "Immediate response"}</strong>
        {note.text ? <div>{note.text}</div> : null}
      </Table.Td>
      <Table.Td>{note.cameras.map(name).join(", ")}</Table.Td>
      <Table.Td>{span(note.held_us)}</Table.Td>
      <Table.Td>
        {note.ended_us !== null ? (
          <>
            ended <Time us={note.ended_us} day />
          </>
        ) : (
          <Time us={note.until_us} day />
        )}
      </Table.Td>
      <Table.Td>
        {inForce && mayDecide && !ending ? (
          <Button size="compact-xs" variant="default" onClick={() => setEnding(true)}>
            End
          </Button>
        ) : null}
        {ending && inForce ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              dpo.endNote(note.id, reason).then(() => client.invalidateQueries({ queryKey: ["dpo", "notes"] }), setError);
            }}
          >
            <TextInput size="xs" aria-label="Why it ends" placeholder="Why it ends" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
            <Button type="submit" size="compact-xs" disabled={reason.trim().length < 5}>
              End it
            </Button>
          </form>
        ) : null}
        {error ? <span className={styles.late}>{error.message}</span> : null}
      </Table.Td>
    </Table.Tr>
  );
}

/** One line a view: camera, then the preset if only that looks at homes. */
export function readViews(text: string): Dwelling[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/[\s,]+/))
    .filter((words) => words[0])
    .map(([camera, preset]) => ({ camera: camera!, preset: preset ?? "", note: "" }));
}

function Dwellings({ mayDecide, known }: { mayDecide: boolean; known: string[] }) {
  const client = useQueryClient();
  const views = useQuery({ queryKey: ["dpo", "dwellings"], queryFn: dpo.dwellings, retry: 1 });
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const kept = views.data?.views.map((view) => [view.camera, view.preset].filter(Boolean).join(" ")).join("\n") ?? "";
  useEffect(() => setError(null), [text]);
  return (
    <section>
      <h2 className={styles.head}>Views of homes</h2>
      <p className="quiet">More than a minute on one of these is told to you. Name the camera, and the preset where only that looks at homes; one a line.</p>
      {mayDecide ? (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            dpo.setDwellings(readViews(text ?? kept)).then(
              () => {
                setText(null);
                void client.invalidateQueries({ queryKey: ["dpo", "dwellings"] });
              },
              (failure: Error) => setError(failure),
            );
          }}
        >
          <Textarea
            aria-label="Views of homes"
            placeholder={known.slice(0, 2).join("\n")}
            autosize
            minRows={3}
            maxRows={12}
            value={text ?? kept}
            onChange={(event) => setText(event.currentTarget.value)}
            data-testid="dwellings"
          />
          {error ? <Trouble error={error instanceof HubError ? error : new Error(error.message)} /> : null}
          <Button type="submit" size="compact-sm" disabled={text === null || text === kept} style={{ justifySelf: "start" }}>
            Keep this list
          </Button>
        </form>
      ) : kept ? (
        <pre>{kept}</pre>
      ) : (
        <p className="quiet">None are named.</p>
      )}
    </section>
  );
}
