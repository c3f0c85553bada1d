/** Why a roll-out or a bus waits or does not take something, in the viewer's language; what a person wrote stays as it is. */

import { failuresIn } from "../fleet/groups";
import { problemIn } from "../fleet/problems";
import { useLocale } from "./useLocale";

export function useReasonText() {
  const { t, format } = useLocale();

  function reasonText(reason: string | null): string | null {
    const failures = reason === null ? null : failuresIn(reason);
    const { count } = format.value;
    return failures === null ? reason : t.value.rollOuts.tooManyFailed(count(failures.failed), count(failures.size), count(failures.group));
  }

  /** What a bus says of why it did not take something. */
  function problemText(words: string): string {
    const found = problemIn(words);
    return found === null ? words : t.value.rollOuts.problems[found.problem](...found.parts);
  }

  return { reasonText, problemText };
}
