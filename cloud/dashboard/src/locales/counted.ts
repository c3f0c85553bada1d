/** A count, as it is shown, with its English noun: "1 bus", "2 buses". */
export function counted(count: string, one: string, many = `${one}s`): string {
  return `${count} ${count === "1" ? one : many}`;
}
