/** What the phone keeps: the jobs as last heard, and the steps that wait. All pages of a crew share it. */

import type { Job } from "../api/types";
import type { Step } from "./steps";

const NAME = "busense.crew";
const TABLE = "kept";

export interface Kept {
  jobs: Job[];
  steps: Step[];
  heardAt: string | null;
}

export const NOTHING: Kept = { jobs: [], steps: [], heardAt: null };

/** By crew, so that another crew on the same phone does not send the first one's steps. */
export async function readKept(crew: string): Promise<Kept> {
  const database = await open();
  try {
    return await found(database.transaction(TABLE), crew);
  } finally {
    database.close();
  }
}

/** Make a change to what is kept, whichever page kept it: one after the other, over all pages. Returns what is kept then. */
export async function changeKept(crew: string, change: (kept: Kept) => Kept): Promise<Kept> {
  const database = await open();
  try {
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    const kept = change(await found(transaction, crew));
    transaction.objectStore(TABLE).put(kept, crew);
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error ?? new Error("the phone's store refuses"));
      transaction.onabort = () => reject(transaction.error ?? new Error("the phone's store is full"));
    });
    return kept;
  } finally {
    database.close();
  }
}

/** A word to the other pages of the phone that what is kept has changed, and theirs. */
export function openWord(onWord: (crew: string) => void): { say: (crew: string) => void; close: () => void } {
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }: MessageEvent<string>) => onWord(data);
  return { say: (crew) => channel.postMessage(crew), close: () => channel.close() };
}

async function found(transaction: IDBTransaction, crew: string): Promise<Kept> {
  const kept: unknown = await settled(transaction.objectStore(TABLE).get(crew));
  return (kept as Kept | undefined) ?? NOTHING;
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the phone's store cannot be opened"));
  });
}
