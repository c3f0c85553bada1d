import { describe, expect, it } from "vitest";

import { inOrder, orderFrom, orderText, type Column } from "../src/components/table";

interface Row {
  id: string;
  size: number | null;
}
const COLUMNS: Column<Row>[] = [{ key: "size", label: "Size", value: (row) => row.size }, { key: "note", label: "Note" }];
const ROWS: Row[] = [{ id: "none", size: null }, { id: "two", size: 2 }, { id: "ten", size: 10 }];

describe("order of a table", () => {
  it.each(["size", "-size"])("survives the address: %s", (text) => {
    const order = orderFrom(text, COLUMNS);
    expect(order && orderText(order)).toBe(text);
  });

  it.each([null, "", "-", "note", "nothing"])("is none for %s", (text) => {
    expect(orderFrom(text, COLUMNS)).toBeNull();
  });

  it("compares numbers as numbers, and leaves what is not known at the end", () => {
    expect(inOrder(ROWS, COLUMNS, { key: "size", isDescending: false }).map(({ id }) => id)).toEqual(["two", "ten", "none"]);
    expect(inOrder(ROWS, COLUMNS, { key: "size", isDescending: true }).map(({ id }) => id)).toEqual(["ten", "two", "none"]);
  });
});
