/** What a column of a table is, and how rows are put in order. */

export interface Column<Row> {
  key: string;
  label: string;
  /** What to sort by; without it the column cannot be sorted. */
  value?: (row: Row) => string | number | null;
  isNumber?: boolean;
  /** Left out on narrow screens. */
  isExtra?: boolean;
}

export interface Order {
  key: string;
  isDescending: boolean;
}

/** `-last_seen` is descending by last_seen; null when there is no such column. */
export function orderFrom<Row>(text: string | null, columns: readonly Column<Row>[]): Order | null {
  const isDescending = text?.startsWith("-") ?? false;
  const key = isDescending ? text?.slice(1) : text;
  const column = columns.find((known) => known.key === key && known.value);
  return column === undefined ? null : { key: column.key, isDescending };
}

export function orderText({ key, isDescending }: Order): string {
  return isDescending ? `-${key}` : key;
}

/** Rows without a value come last either way. */
export function inOrder<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order | null): Row[] {
  const value = columns.find((column) => column.key === order?.key)?.value;
  if (order === null || value === undefined) {
    return [...rows];
  }
  return rows
    .map((row) => ({ row, by: value(row) }))
    .sort((a, b) => compare(a.by, b.by, order.isDescending))
    .map(({ row }) => row);
}

function compare(a: string | number | null, b: string | number | null, isDescending: boolean): number {
  if (a === null || b === null) {
    return Number(a === null) - Number(b === null);
  }
  const ascending = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return isDescending ? -ascending : ascending;
}
