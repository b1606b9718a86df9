import { expect, test } from "vitest";
import { answerIn } from "./council";

test("only the page the provider sends people back to holds an answer", () => {
  const answer = { state: "s", code: "c", iss: "https://login.test", error: "" };
  expect(answerIn({ pathname: "/council", search: "?code=c&state=s&iss=https%3A%2F%2Flogin.test" })).toEqual(answer);
  expect(answerIn({ pathname: "/council", search: "?state=s&error=access_denied" })?.error).toBe("access_denied");
  expect(answerIn({ pathname: "/council", search: "?code=c" })).toBeNull();
  expect(answerIn({ pathname: "/review", search: "?code=c&state=s" })).toBeNull();
});
