/** Doing something that may be refused: busy while it runs, and the refusal in words. */

import { ref } from "vue";

import { ApiError, OfflineError } from "../api/client";
import { useLocale } from "./useLocale";

export function useTrying() {
  const { t } = useLocale();
  const isBusy = ref(false);
  const problem = ref<string | null>(null);
  /** The problem's code, where the server gives one. */
  const code = ref<string | null>(null);

  /** Returns whether it was done. */
  async function attempt(work: () => Promise<void>): Promise<boolean> {
    isBusy.value = true;
    problem.value = null;
    code.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      code.value = error instanceof ApiError && typeof error.body["code"] === "string" ? error.body["code"] : null;
      problem.value = textOf(error);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  function textOf(error: unknown): string {
    if (error instanceof OfflineError) {
      return t.value.states.offlineTitle;
    }
    const known = code.value === null ? undefined : t.value.login.problems[code.value];
    return known ?? t.value.login.failed(error instanceof Error ? error.message : String(error));
  }

  return { attempt, isBusy, problem, code };
}
