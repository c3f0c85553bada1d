// @vitest-environment node
/** No text stands in a template: every word comes from a locale file. A state that a page shows tells what to do. */

import { globSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import { parse } from "vue/compiler-sfc";

/** Signs and what is the same in every language. */
const SAME_EVERYWHERE = new Set(["EN", "km", "PCI", "Y", "N", "M", "J"]);
const SPOKEN = new Set(["title", "alt", "label", "placeholder", "aria-label"]);
/** Of the nodes of Vue's parser. */
const TEXT = 2;
const WORD = /\p{Letter}+/gu;

type Node = NonNullable<NonNullable<ReturnType<typeof parse>["descriptor"]["template"]>["ast"]>;
type Child = Node["children"][number];

function wordsOf(source: string): string[] {
  const root = parse(source).descriptor.template?.ast;
  return root ? literalsOf(root).flatMap((text) => text.match(WORD) ?? []) : [];
}

function literalsOf(node: Node | Child): string[] {
  const own = "props" in node
    ? node.props.flatMap((prop) => ("value" in prop && SPOKEN.has(prop.name) ? [prop.value?.content ?? ""] : []))
    : [];
  const text = "content" in node && typeof node.content === "string" && node.type === TEXT ? [node.content] : [];
  const below = "children" in node
    ? node.children.flatMap((child) => (typeof child === "object" ? literalsOf(child as Child) : []))
    : [];
  return [...own, ...text, ...below];
}

const files = globSync("src/**/*.vue");

describe("templates", () => {
  it("are found", () => {
    expect(files.length).toBeGreaterThan(20);
  });

  it("are really searched: text, attributes, and what lies deeper", () => {
    const planted = '<template><p v-if="a" title="Hello">{{ t.fine }} <b :title="t.fine">World</b></p></template>';
    expect(wordsOf(planted)).toEqual(["Hello", "World"]);
  });

  it.each(files)("%s has no words of its own", (file) => {
    const words = wordsOf(readFileSync(file, "utf8"));
    expect(words.filter((word) => !SAME_EVERYWHERE.has(word))).toEqual([]);
  });
});

describe("states", () => {
  it.each(files)("of %s that have a title say what to do", (file) => {
    const states = readFileSync(file, "utf8").match(/<PageState\b[^]*?>/g) ?? [];
    expect(states.filter((state) => state.includes(":title=") && !state.includes(":hint="))).toEqual([]);
  });
});
