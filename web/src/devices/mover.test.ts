import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Mover, STILL, type Speeds } from "./mover";

const LEFT: Speeds = { pan: -0.5, tilt: 0, zoom: 0 };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a held button moves, goes on moving, and stops once", async () => {
  const sent: Speeds[] = [];
  const mover = new Mover(async (speeds) => void sent.push(speeds), () => undefined);
  mover.press(LEFT);
  mover.press(LEFT);
  await vi.advanceTimersByTimeAsync(2500);
  mover.release();
  await vi.advanceTimersByTimeAsync(5000);
  mover.release();
  await vi.advanceTimersByTimeAsync(5000);
  expect(sent).toEqual([LEFT, LEFT, LEFT, STILL]);
});

test("a stop waits for the order under way and is never lost", async () => {
  const sent: Speeds[] = [];
  let answer: () => void = () => undefined;
  const mover = new Mover((speeds) => {
    sent.push(speeds);
    return new Promise<void>((done) => (answer = done));
  }, () => undefined);
  mover.press(LEFT);
  mover.release();
  expect(sent).toEqual([LEFT]);
  answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([LEFT, STILL]);
});

test("a refusal ends it and says why", async () => {
  const said: string[] = [];
  let orders = 0;
  const mover = new Mover(
    () => {
      orders += 1;
      return Promise.reject(new Error("Sue is moving this camera."));
    },
    (error) => said.push(error.message),
  );
  mover.press(LEFT);
  await vi.advanceTimersByTimeAsync(5000);
  mover.release();
  await vi.advanceTimersByTimeAsync(5000);
  expect(orders).toBe(1);
  expect(said).toEqual(["Sue is moving this camera."]);
});

test("a tap while a stop is under way is a small step all the same", async () => {
  const sent: Speeds[] = [];
  const answers: (() => void)[] = [];
  const mover = new Mover((speeds) => {
    sent.push(speeds);
    return new Promise<void>((done) => answers.push(done));
  }, () => undefined);
  const answered = async () => {
    answers.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  mover.press(LEFT);
  await answered();
  mover.release();
  mover.press({ pan: 0, tilt: 0, zoom: 0.5 });
  mover.release();
  await answered();
  await answered();
  await answered();
  expect(sent).toEqual([LEFT, STILL, { pan: 0, tilt: 0, zoom: 0.5 }, STILL]);
});
