/** What the phone keeps: the jobs as last heard, and the steps that wait. */

import type { Job } from "../api/types";
import type { Step } from "./steps";

const NAME = "busense.crew";
const TABLE = "kept";

export interface Kept {
  jobs: Job[];
  steps: Step[];
  heardAt: string | null;
}

const NOTHING: Kept = { jobs: [], steps: [], heardAt: null };

/** By crew, so that another crew on the same phone does not send the first one's steps. */
export async function readKept(crew: string): Promise<Kept> {
  const database = await open();
  try {
    const found: unknown = await settled(database.transaction(TABLE).objectStore(TABLE).get(crew));
    return (found as Kept | undefined) ?? NOTHING;
  } finally {
    database.close();
  }
}

export async function writeKept(crew: string, kept: Kept): Promise<void> {
  const database = await open();
  try {
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    transaction.objectStore(TABLE).put(kept, crew);
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error ?? new Error("the phone's store refuses"));
      transaction.onabort = () => reject(transaction.error ?? new Error("the phone's store is full"));
    });
  } finally {
    database.close();
  }
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
