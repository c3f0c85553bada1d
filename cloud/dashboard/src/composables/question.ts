/** Something that is asked again and again: the clock waits for an answer, and a newer question ends the older one. */

export interface Question {
  ask: () => Promise<void>;
  /** Unless an answer is waited for: on a slow line questions would pile up, and an old answer come after a newer one. */
  askAgain: () => Promise<void>;
  drop: () => void;
}

export function questionOf<T>(fetchIt: (signal: AbortSignal) => Promise<T>, take: (answer: T) => void, fail: (problem: Error) => void): Question {
  let running: AbortController | null = null;

  async function ask(): Promise<void> {
    drop();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await fetchIt(mine.signal);
      mine.signal.throwIfAborted();
      take(answer);
    } catch (problem) {
      if (mine.signal.aborted) {
        return;
      }
      fail(problem instanceof Error ? problem : new Error(String(problem)));
    }
    running = null;
  }

  function drop(): void {
    running?.abort();
    running = null;
  }

  return {
    ask,
    askAgain: async () => {
      if (running === null) {
        await ask();
      }
    },
    drop,
  };
}
