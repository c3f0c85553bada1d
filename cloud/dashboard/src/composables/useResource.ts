/** Something fetched, with its states: loading, there, failed. A newer request ends the older one. */

import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { OfflineError } from "../api/client";

const RETRY_MS = 5_000;

export interface Resource<T> {
  data: ShallowRef<T | null>;
  error: ShallowRef<Error | null>;
  isLoading: Ref<boolean>;
  load: () => Promise<void>;
  /** Ask again, but wait for a question that is under way: on a slow line each would end the one before, and none be answered. */
  refresh: () => Promise<void>;
}

export function useResource<T>(fetchIt: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const data = shallowRef<T | null>(null);
  const error = shallowRef<Error | null>(null);
  const isLoading = ref(true);
  let running: AbortController | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let isLeft = false;

  async function load(): Promise<void> {
    if (isLeft) {
      return;
    }
    running?.abort();
    clearTimeout(retry);
    const mine = new AbortController();
    running = mine;
    isLoading.value = true;
    try {
      data.value = await fetchIt(mine.signal);
      error.value = null;
    } catch (problem) {
      if (mine.signal.aborted) {
        return;
      }
      error.value = problem instanceof Error ? problem : new Error(String(problem));
      if (problem instanceof OfflineError) {
        retry = setTimeout(() => void load(), RETRY_MS);
      }
    }
    isLoading.value = false;
    running = null;
  }

  async function refresh(): Promise<void> {
    if (running === null) {
      await load();
    }
  }

  onScopeDispose(() => {
    isLeft = true;
    running?.abort();
    clearTimeout(retry);
  });
  return { data, error, isLoading, load, refresh };
}
