import { expect, test } from "vitest";
import { fineClock, parseTime } from "../time";
import { readAddress, writeAddress } from "./address";

const T = 1_800_000_000_000_000;

test.each([49_700, 49_999, 50_000, 1, 999_999])("marks come back from the address as they were shown, %i microseconds past", (past) => {
  const mark = T + past;
  const written = writeAddress({ cameras: ["gate"], at: mark, span: 60_000_000, in: mark, out: mark, detail: false });
  const read = readAddress(written);
  expect(fineClock(read.out!)).toBe(fineClock(mark));
  expect(read.out!).toBeLessThanOrEqual(mark);
  expect(writeAddress({ cameras: ["gate"], at: read.at!, span: 60_000_000, in: read.in, out: read.out, detail: false }).toString()).toBe(written.toString());
  expect(parseTime(fineClock(read.out!), T, T)).toBe(parseTime(fineClock(mark), T, T));
});
