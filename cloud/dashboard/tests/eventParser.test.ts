import { describe, expect, it } from "vitest";

import { EventParser } from "../src/api/eventParser";

const TEXT = ": hello\nid: 7-1\nevent: finding\ndata: {\"a\":\ndata: 1}\n\nid: 7-2\ndata: x\n\n";

describe("EventParser", () => {
  it("reads events, joins their data and passes comments over", () => {
    expect(new EventParser().push(TEXT)).toEqual([
      { id: "7-1", name: "finding", data: '{"a":\n1}' },
      { id: "7-2", name: "message", data: "x" },
    ]);
  });

  it("reads the same in pieces of one letter, with any line end", () => {
    const whole = new EventParser().push(TEXT);
    for (const lineEnd of ["\n", "\r\n", "\r"]) {
      const parser = new EventParser();
      const pieces = [...TEXT.replaceAll("\n", lineEnd), "\n"];
      expect(pieces.flatMap((letter) => parser.push(letter))).toEqual(whole);
    }
  });

  it("tells nothing of an event without data", () => {
    expect(new EventParser().push("event: bus\n\n")).toEqual([]);
  });
});
