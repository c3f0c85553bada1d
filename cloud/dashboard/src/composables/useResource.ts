/** Something fetched, with its states: loading, there, failed. A newer request ends the older one. */

import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { OfflineError } from "../api/client";
import { questionOf } from "./question";

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
  let retry: ReturnType<typeof setTimeout> | undefined;
  let isLeft = false;

  const question = questionOf((signal) => {
    clearTimeout(retry);
    isLoading.value = true;
    return fetchIt(signal);
  }, (answer) => {
    data.value = answer;
    error.value = null;
    isLoading.value = false;
  }, (problem) => {
    error.value = problem;
    isLoading.value = false;
    if (problem instanceof OfflineError) {
      retry = setTimeout(() => void question.ask(), RETRY_MS);
    }
  });

  async function unlessLeft(ask: () => Promise<void>): Promise<void> {
    if (!isLeft) {
      await ask();
    }
  }

  onScopeDispose(() => {
    isLeft = true;
    question.drop();
    clearTimeout(retry);
  });
  return { data, error, isLoading, load: () => unlessLeft(question.ask), refresh: () => unlessLeft(question.askAgain) };
}
