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

  const first = useResource(async (signal) => {
    const page = await fetchPage(null, signal);
    items.value = page.items;
    next.value = page.next;
    return page;
  });
  const following = useResource(async (signal) => {
    const page = await fetchPage(next.value, signal);
    items.value = [...items.value, ...page.items];
    next.value = page.next;
    return page;
  });

  /** Replace the item with this id; one that is not there comes first; one that no longer belongs goes. */
  function change(item: T, belongs: boolean): void {
    const others = items.value.filter(({ id }) => id !== item.id);
    const index = items.value.findIndex(({ id }) => id === item.id);
    items.value = belongs ? others.toSpliced(Math.max(0, index), 0, item) : others;
  }

  return {
    items,
    hasMore: computed(() => next.value !== null),
    error: first.error,
    isLoading: computed(() => first.isLoading.value && items.value.length === 0),
    load: first.load,
    loadMore: following.load,
    change,
  };
}
