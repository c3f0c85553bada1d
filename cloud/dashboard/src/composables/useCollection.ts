/** A list fetched in cursor pages and kept fresh by single changes. */

import { computed, shallowRef } from "vue";

import { useResource } from "./useResource";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export function useCollection<T extends { id: string }>(
  fetchPage: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>,
) {
  const items = shallowRef<T[]>([]);
  const next = shallowRef<string | null>(null);
  let cursor: string | null = null;
  /** What is shown begins as was asked for last: it can be gone on with. */
  let isCurrent = false;

  const pages = useResource(async (signal) => {
    const page = await fetchPage(cursor, signal);
    signal.throwIfAborted();
    const known = cursor === null ? [] : items.value;
    const ids = new Set(known.map(({ id }) => id));
    items.value = [...known, ...page.items.filter(({ id }) => !ids.has(id))];
    next.value = page.next;
    isCurrent = true;
    return page;
  });

  function load(): Promise<void> {
    cursor = null;
    isCurrent = false;
    return pages.load();
  }

  async function refresh(): Promise<void> {
    if (!pages.isLoading.value) {
      await load();
    }
  }

  async function loadMore(): Promise<void> {
    if (isCurrent) {
      cursor = next.value;
      await pages.load();
    } else if (!pages.isLoading.value) {
      await load();
    }
  }

  /** Replace the item with this id; one that is not there comes first; one that no longer belongs goes. */
  function change(item: T, belongs: boolean): void {
    const others = items.value.filter(({ id }) => id !== item.id);
    const index = items.value.findIndex(({ id }) => id === item.id);
    const place = Math.max(0, index);
    items.value = belongs ? [...others.slice(0, place), item, ...others.slice(place)] : others;
  }

  return {
    items,
    hasMore: computed(() => next.value !== null),
    error: pages.error,
    isLoading: computed(() => pages.isLoading.value && items.value.length === 0),
    load,
    refresh,
    loadMore,
    change,
  };
}
