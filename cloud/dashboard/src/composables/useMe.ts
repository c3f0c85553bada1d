/** Who sits here: asked once, and again when the token changes. */

import { computed, shallowRef, watch } from "vue";

import { api, ApiError } from "../api/client";
import { useToken } from "../api/identity";
import type { Me } from "../api/types";

const ANYBODY: Me = { name: "anybody", role: "viewer", unit: null, crew: null, areas: [], way: "visitor", permissions: [] };

const me = shallowRef<Me>(ANYBODY);
const isRefused = shallowRef(false);
const mustSignIn = shallowRef(false);
const isAnswered = shallowRef(false);
const failure = shallowRef<Error | null>(null);
const { token } = useToken();

export function useMe() {
  return {
    me,
    /** The server does not know the token. */
    isRefused,
    /** Nobody looks here without signing in. */
    mustSignIn,
    /** The server has said who sits here; without a network nobody knows. */
    isAnswered,
    /** Why nobody knows who sits here; it ends with the next answer. */
    failure,
    isSignedIn: computed(() => me.value.way !== "visitor"),
    isEngineer: computed(() => me.value.permissions.includes("upkeep")),
    isDataOfficer: computed(() => me.value.permissions.includes("handle_requests") && me.value.unit === null && me.value.areas.length === 0),
    isSafetyManager: computed(() => me.value.permissions.includes("review_driving")),
    mayLookAtDrivers: computed(() => me.value.permissions.includes("look_at_drivers")),
    isDriver: computed(() => me.value.role === "driver"),
    isGuardian: computed(() => me.value.role === "guardian"),
    seesNetwork: computed(() => me.value.permissions.includes("see_network")),
    isFleetManager: computed(() => me.value.permissions.includes("manage_fleet")),
    isOperator: computed(() => me.value.role === "operator" || me.value.role === "admin"),
  };
}

/** The other pages of the browser, which are told that somebody came or went. */
const others = new BroadcastChannel("busense.me");

/** Ask now, whenever the token changes, and when another page says so; the answer stays where there is no network. */
export function followMe(): void {
  watch(token, () => {
    isAnswered.value = false;
    void ask();
  }, { immediate: true });
  others.onmessage = () => void ask();
}

let asking: AbortController | null = null;

/** Ask again, after signing in or out; the other pages do so, too. */
export async function askMe(): Promise<void> {
  others.postMessage(null);
  await ask();
}

/** A newer question ends the older one. */
async function ask(): Promise<void> {
  asking?.abort();
  const { signal } = (asking = new AbortController());
  try {
    const answer = await api.me(signal);
    signal.throwIfAborted();
    me.value = answer;
    isRefused.value = mustSignIn.value = false;
    isAnswered.value = true;
    failure.value = null;
  } catch (problem) {
    if (signal.aborted) {
      return;
    }
    const isForbidden = problem instanceof ApiError && problem.isForbidden;
    isRefused.value = isForbidden && token.value !== null;
    mustSignIn.value = isForbidden && token.value === null;
    me.value = isForbidden ? ANYBODY : me.value;
    isAnswered.value ||= isForbidden;
    failure.value = isForbidden ? null : (problem as Error);
  }
}
