/**
 * What a bus says when it does not take what is wanted, told apart by its words; the rest stays as the bus wrote it.
 * `tests/contract/test_problem_texts.py` holds these patterns against what a bus really says.
 */

export const PROBLEMS = {
  tooSlow: /^([\d.]+) frames per second; before it were ([\d.]+), at least ([\d.]+) are expected$/,
  camera: /^the camera was working before and is (\w+) now$/,
  unfinished: /^it was started (\d+) times and did not last until the end of its trial$/,
  unopened: /^the program ended (\d+) times while it opened this version$/,
  unsigned: /^package (\w+): none of the trusted keys has signed this package$/,
  absent: /^package (\w+) is not to be had: (.+)$/,
  foreign: /^(.+) cannot be set from afar$/,
  fixed: /^a package of settings must not hold (.+)$/,
  other: /^it reports another package$/,
  revoked: /^it was revoked$/,
} as const;

export type Problem = keyof typeof PROBLEMS;

/** Which problem it is, with its parts; null when the words are others. */
export function problemIn(words: string): { problem: Problem; parts: string[] } | null {
  for (const problem of Object.keys(PROBLEMS) as Problem[]) {
    const found = PROBLEMS[problem].exec(words);
    if (found !== null) {
      return { problem, parts: found.slice(1) };
    }
  }
  return null;
}
