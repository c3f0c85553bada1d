// @vitest-environment node
/**
 * The root of a component belongs to the scoped styles of who uses it, too: a class of both, meant for an element of the page,
 * changes the component. A class that is given on purpose stands on the component's tag, or is one that all pages share.
 */

import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";

import { describe, expect, it } from "vitest";
import { parse } from "vue/compiler-sfc";

/** Of the nodes of Vue's parser. */
const ELEMENT = 1;

type Root = NonNullable<NonNullable<ReturnType<typeof parse>["descriptor"]["template"]>["ast"]>;
type Child = Root["children"][number];
type Element = Extract<Child, { tag: string }>;

const isElement = (node: unknown): node is Element => typeof node === "object" && node !== null && "type" in node && node.type === ELEMENT;
const nodesOf = ({ children }: Root | Element): Element[] => children.filter(isElement).flatMap((child) => [child, ...nodesOf(child)]);

function templateOf(source: string): Root | null {
  return parse(source).descriptor.template?.ast ?? null;
}

function classesOf({ props }: Element): string[] {
  return props.flatMap((prop) => ("value" in prop && prop.name === "class" ? (prop.value?.content.split(/\s+/) ?? []) : []));
}

/** Classes that the last part of a selector names. */
function styledClasses(css: string): Set<string> {
  const selectors = [...css.replace(/\/\*.*?\*\//gs, "").matchAll(/(?:^|[{};])\s*([^{};@]+)\{/g)].flatMap(([, list = ""]) => list.split(","));
  const own = selectors.filter((selector) => !selector.includes(":deep"));
  return new Set(own.flatMap((selector) => [...(selector.trim().split(/[\s>+~]+/).at(-1) ?? "").matchAll(/\.([\w-]+)/g)].map(([, name = ""]) => name)));
}

/** Classes that a component's root shares with the styles of one that uses it, and that it was not given. */
function clashes(user: string, components: ReadonlyMap<string, string>): string[] {
  const root = templateOf(user);
  const styled = styledClasses(parse(user).descriptor.styles.filter(({ scoped }) => scoped).map(({ content }) => content).join("\n"));
  return root === null ? [] : nodesOf(root).flatMap((used) => {
    const roots = templateOf(components.get(used.tag) ?? "")?.children.filter(isElement) ?? [];
    const given = classesOf(used);
    return roots.flatMap(classesOf).filter((name) => styled.has(name) && !shared.has(name) && !given.includes(name)).map((name) => `${used.tag}: ${name}`);
  });
}

const shared = styledClasses(readFileSync("src/styles/base.css", "utf8"));
const files = globSync("src/**/*.vue");
const components = new Map(files.map((file) => [basename(file, ".vue"), readFileSync(file, "utf8")]));

describe("styles", () => {
  it("are really compared", () => {
    const card = '<template><section class="card case"><p /></section></template>';
    const page = '<template><div class="case"><TheCard /></div></template><style scoped>\n.case > b, .wide .case { top: 0 }\n</style>';
    expect(clashes(page, new Map([["TheCard", card]]))).toEqual(["TheCard: case"]);
    expect(clashes(page.replace("<TheCard", '<TheCard class="case"'), new Map([["TheCard", card]]))).toEqual([]);
  });

  it.each([...files, ...globSync("src/**/*.css")])("of %s are known to Chromium 108", (file) => {
    expect(readFileSync(file, "utf8")).not.toMatch(/color-mix\(|light-dark\(|oklch\(|@starting-style|@scope/);
  });

  it.each(files)("of %s do not change a component by chance", (file) => {
    expect([...new Set(clashes(readFileSync(file, "utf8"), components))]).toEqual([]);
  });
});
