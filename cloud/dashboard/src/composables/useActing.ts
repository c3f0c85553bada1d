/** Doing something with a case, and telling the viewer how it went. */

import { ref } from "vue";

import { api, ApiError, drawKey, OfflineError } from "../api/client";
import type { ActionBody, CaseDetail } from "../api/types";
import { useLocale } from "./useLocale";
import { ElMessage } from "../ui/message";

export function useActing(onChange: (present: CaseDetail) => void, conflictOf?: (present: CaseDetail) => string) {
  const { t } = useLocale();
  const isBusy = ref(false);

  /** Returns whether it was done. */
  async function act(id: string, body: ActionBody): Promise<boolean> {
    isBusy.value = true;
    try {
      onChange(await api.act(id, body, drawKey()));
      ElMessage.success({ message: t.value.act.done(t.value.act.names[body.action] ?? body.action), grouping: true });
      return true;
    } catch (problem) {
      tell(problem);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  function tell(problem: unknown): void {
    const present = problem instanceof ApiError ? problem.presentCase : null;
    if (present !== null) {
      onChange(present);
      ElMessage.warning({ message: conflictOf?.(present) ?? t.value.act.conflict, duration: 6000 });
    } else if (problem instanceof OfflineError) {
      ElMessage.error(t.value.act.offline);
    } else if (problem instanceof ApiError && problem.isForbidden) {
      ElMessage.error(t.value.act.forbidden);
    } else {
      ElMessage.error(t.value.act.failed(problem instanceof Error ? problem.message : String(problem)));
    }
  }

  return { act, isBusy };
}
