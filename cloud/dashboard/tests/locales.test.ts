import { describe, expect, it } from "vitest";

import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";

/** `a.b.c` of every text. */
function keysOf(messages: object, prefix = ""): string[] {
  return Object.entries(messages).flatMap(([key, value]) =>
    typeof value === "object" ? keysOf(value as object, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}

function textsOf(messages: object, word = "x"): string[] {
  return Object.values(messages).flatMap((value) => {
    if (typeof value === "object") {
      return textsOf(value as object, word);
    }
    return typeof value === "function" ? [String((value as (...words: string[]) => string)(word, word, word, word))] : [String(value)];
  });
}

describe("locales", () => {
  it("have the same keys", () => {
    expect(keysOf(en).sort()).toEqual(keysOf(zh).sort());
  });

  it.each([["zh", zh], ["en", en]])("%s leaves no text empty", (_, messages) => {
    expect(textsOf(messages).filter((text) => text.trim() === "")).toEqual([]);
  });

  it.each([["zh", zh], ["en", en]])("%s writes a share as numbers are written on the pages", (_, messages) => {
    expect(textsOf(messages).filter((text) => /\d\s%/.test(text))).toEqual([]);
  });

  it("counts one thing as one", () => {
    const singularOrVerb = "(?:bus|pass|class|is|was|uses|sees)\\b";
    expect(textsOf(en, "1").filter((text) => new RegExp(`\\b1 (?!${singularOrVerb})(?:open )?\\w+s\\b`).test(text))).toEqual([]);
  });

  it("shows no Chinese in the English texts but for the name of the language", () => {
    expect(new Set(textsOf(en).filter((text) => /\p{Script=Han}/u.test(text)))).toEqual(new Set(["中文"]));
  });
});
