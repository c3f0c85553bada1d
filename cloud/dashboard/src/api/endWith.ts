/** Ends a request with another one, too. `AbortSignal.any` would, but the oldest browsers that we serve do not have it. */

export function endWith(mine: AbortController, other: AbortSignal | undefined): AbortSignal {
  if (other?.aborted === true) {
    mine.abort(other.reason);
  }
  other?.addEventListener("abort", () => mine.abort(other.reason), { once: true, signal: mine.signal });
  return mine.signal;
}
