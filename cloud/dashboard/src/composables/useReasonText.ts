/** Why a roll-out waits, in the viewer's language where the worker said it; what a person wrote stays as it is. */

import { failuresIn } from "../fleet/groups";
import { useLocale } from "./useLocale";

export function useReasonText() {
  const { t, format } = useLocale();

  function reasonText(reason: string | null): string | null {
    const failures = reason === null ? null : failuresIn(reason);
    const { count } = format.value;
    return failures === null ? reason : t.value.rollOuts.tooManyFailed(count(failures.failed), count(failures.size), count(failures.group));
  }

  return { reasonText };
}
