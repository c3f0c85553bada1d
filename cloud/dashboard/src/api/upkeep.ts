/** What waits for a person: messages of the quarantine, and work that was set aside. */

import { getJson, sendJson } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Deed = Schemas["DeedView"];
export type Mended = Schemas["Mended"];
export type MendingRule = Schemas["MendingRule"];
export type Message = Schemas["MessageView"];
export type MessageDetail = Schemas["MessageDetail"];
export type MessagePage = Schemas["MessagePage"];
export type Tried = Schemas["Tried"];
export type Work = Schemas["WorkView"];
export type WorkDetail = Schemas["WorkDetail"];
export type WorkPage = Schemas["WorkPage"];
export type WaitingState = Message["state"];

interface Filter {
  state: WaitingState;
  reason?: string | null;
  cursor: string | null;
}

export const upkeep = {
  messages: (filter: Filter, signal?: AbortSignal) => getJson<MessagePage>("/quarantine", { ...filter, limit: 100 }, signal),
  message: (id: string, signal?: AbortSignal) => getJson<MessageDetail>(`/quarantine/${encodeURIComponent(id)}`, {}, signal),
  mend: (id: string, rule: MendingRule) => post<Mended>(`/quarantine/${encodeURIComponent(id)}/mend`, rule),
  replay: (id: string, rule: MendingRule | null) => post<MessageDetail>(`/quarantine/${encodeURIComponent(id)}/replay`, { rule }),
  discardMessage: (id: string, reason: string) => post<MessageDetail>(`/quarantine/${encodeURIComponent(id)}/discard`, { reason }),
  work: ({ state, cursor }: Filter, signal?: AbortSignal) => getJson<WorkPage>("/set-aside", { state, cursor, limit: 100 }, signal),
  workItem: (id: string, signal?: AbortSignal) => getJson<WorkDetail>(`/set-aside/${encodeURIComponent(id)}`, {}, signal),
  giveBack: (id: string) => post<WorkDetail>(`/set-aside/${encodeURIComponent(id)}/return`, {}),
  discardWork: (id: string, reason: string) => post<WorkDetail>(`/set-aside/${encodeURIComponent(id)}/discard`, { reason }),
  /** All that waits for a reason, page by page. */
  replayAll: async (reason: string | null, rule: MendingRule | null): Promise<{ stored: number; stay: number }> => {
    const sum = { stored: 0, stay: 0 };
    for (let after: number | null = 0; after !== null;) {
      const page: Tried = await post<Tried>("/quarantine/replay", { reason, rule, after });
      sum.stored += page.stored;
      sum.stay += page.stay;
      after = page.next;
    }
    return sum;
  },
};

function post<T>(path: string, body: object): Promise<T> {
  return sendJson<T>(path, JSON.stringify(body), "application/json");
}
