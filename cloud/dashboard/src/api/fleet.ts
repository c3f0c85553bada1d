/** Roll-outs of releases, and single buses: for those who manage the fleet. */

import { getBlob, getJson, sendJson } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Asked = Schemas["Asked"];
export type BusPage = Schemas["BusPage"];
export type FleetDeed = Schemas["FleetDeed"];
export type HealthPoint = Schemas["HealthPoint"];
export type NewRollOut = Schemas["NewRollOut"];
export type Pose = Schemas["Pose"];
export type Release = Schemas["Release"];
export type RollOut = Schemas["RollOutView"];
export type RollOutBus = Schemas["RollOutBus"];
export type RollOutDeed = RollOutPage["deeds"][number];
export type RollOutGroup = Schemas["GroupView"];
export type RollOutPage = Schemas["RollOutPage"];
export type Shadow = Schemas["ShadowView"];
export type Twin = Schemas["Twin"];
/** What can be asked of a bus from its page. */
export const QUESTIONS = ["send_picture", "send_logs", "restart"] as const;
export type Question = (typeof QUESTIONS)[number];

export const fleet = {
  releases: async (signal?: AbortSignal) => (await getJson<{ items: Release[] }>("/releases", {}, signal)).items,
  rollOuts: async (signal?: AbortSignal) => (await getJson<{ items: RollOut[] }>("/roll-outs", {}, signal)).items,
  rollOut: (id: string, signal?: AbortSignal) => getJson<RollOutPage>(`/roll-outs/${encodeURIComponent(id)}`, {}, signal),
  propose: (wanted: NewRollOut) => send<{ id: string }>("/roll-outs", wanted),
  /** Who lets it go on says how many failures were shown. */
  doWith: (id: string, deed: RollOutDeed, reason: string | null, seenFailed: number) => send<object>(`/roll-outs/${encodeURIComponent(id)}/${deed}`, { reason, seen_failed: seenFailed }),
  shadow: (release: string, signal?: AbortSignal) => getJson<Shadow>(`/releases/${release}/shadow`, {}, signal),
  letLookOn: (release: string, devices: readonly string[], share: number) => send<Shadow>(`/releases/${release}/shadow`, { devices, share }, "PUT"),
  endLookingOn: (release: string) => send<Shadow>(`/releases/${release}/shadow`, {}, "DELETE"),
  bus: (device: string, signal?: AbortSignal) => getJson<BusPage>(`/buses/${encodeURIComponent(device)}`, {}, signal),
  health: async (device: string, hours: number, signal?: AbortSignal) => (await getJson<{ items: HealthPoint[] }>(`/buses/${encodeURIComponent(device)}/health`, { hours }, signal)).items,
  wishPose: (device: string, pose: Pose) => send<{ version: number }>(`/buses/${encodeURIComponent(device)}/pose`, pose, "PUT"),
  ask: (device: string, kind: Question) => send<{ expires_at: string }>(`/buses/${encodeURIComponent(device)}/commands`, { kind }),
  answer: (device: string, id: string, signal?: AbortSignal) => getBlob(`/buses/${encodeURIComponent(device)}/commands/${encodeURIComponent(id)}/answer`, signal),
};

function send<T>(path: string, body: object, method: "POST" | "PUT" | "DELETE" = "POST"): Promise<T> {
  return sendJson<T>(path, JSON.stringify(body), "application/json", undefined, method);
}
