/** What of the live state is new to a list of cases: a pure function. */

import type { CaseItem } from "../api/types";

/**
 * What is shown and has changed since, and what has come or changed since the list was told last (by version). What no page of
 * the list has shown yet comes with its page.
 */
export function newsOf(shown: readonly CaseItem[], live: ReadonlyMap<string, CaseItem>, told: ReadonlyMap<string, number>): CaseItem[] {
  const versions = new Map(shown.map(({ id, version }) => [id, version]));
  return [...live.values()].filter(({ id, version }) => {
    const here = versions.get(id);
    return here === undefined ? told.get(id) !== version : version > here;
  });
}
