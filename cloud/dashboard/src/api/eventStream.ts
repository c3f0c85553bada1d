/**
 * The live connection. It reads the event stream with `fetch` and not with `EventSource`, because only so the heartbeats
 * (comments) are seen: a connection that is open but dead (a laptop that slept, a proxy that forgot us) is noticed and made
 * anew, from the last event on.
 */

import { API_ROOT, ApiError, problemOf } from "./client";
import { endWith } from "./endWith";
import { EventParser, type ServerEvent } from "./eventParser";
import { authorization } from "./identity";

export type ConnectionState = "connecting" | "live" | "waiting";

export interface StreamHandlers {
  onEvent: (event: ServerEvent) => void;
  onState: (state: ConnectionState) => void;
}

/** The server sends a heartbeat every 15 s; two may go missing. */
const SILENCE_MS = 40_000;
const NO_SUCH_EVENT = 422;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Stay connected until the signal aborts; guardians have a stream of their own. */
export async function followEvents(handlers: StreamHandlers, signal: AbortSignal, path = "/events"): Promise<void> {
  let cursor = "";
  let failures = 0;
  while (!signal.aborted) {
    handlers.onState(failures === 0 ? "connecting" : "waiting");
    try {
      await readOnce(path, cursor, signal, {
        onOpen: () => {
          failures = 0;
          handlers.onState("live");
        },
        onEvent: (event) => {
          cursor = event.id || cursor;
          handlers.onEvent(event);
        },
      });
    } catch (error) {
      // Whatever went wrong, the answer is the same: say so and try again; from now on, if the server knows no such event.
      cursor = error instanceof ApiError && error.status === NO_SUCH_EVENT ? "" : cursor;
    }
    failures += 1;
    if (!signal.aborted) {
      handlers.onState("waiting");
      await pause(pauseAfter(failures), signal);
    }
  }
}

/** Milliseconds to wait before the next try: doubling, bounded. */
export function pauseAfter(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
}

interface ReadHandlers {
  onOpen: () => void;
  onEvent: (event: ServerEvent) => void;
}

async function readOnce(path: string, cursor: string, signal: AbortSignal, handlers: ReadHandlers): Promise<void> {
  const attempt = new AbortController();
  const watch = silenceWatch(() => attempt.abort());
  try {
    const response = await fetch(`${API_ROOT}${path}`, {
      headers: { Accept: "text/event-stream", ...authorization(), ...(cursor ? { "Last-Event-ID": cursor } : {}) },
      cache: "no-store",
      signal: endWith(attempt, signal),
    });
    if (!response.ok || response.body === null) {
      throw await problemOf(response);
    }
    handlers.onOpen();
    await readBody(response.body, watch, handlers);
  } finally {
    watch.stop();
    attempt.abort(); // also where it ended by an error of ours: nobody would read on
  }
}

async function readBody(body: ReadableStream<Uint8Array>, watch: SilenceWatch, handlers: ReadHandlers): Promise<void> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    watch.heard();
    parser.push(decoder.decode(value, { stream: true })).forEach(handlers.onEvent);
  }
}

interface SilenceWatch {
  heard: () => void;
  stop: () => void;
}

function silenceWatch(onSilence: () => void): SilenceWatch {
  let timer = setTimeout(onSilence, SILENCE_MS);
  return {
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
