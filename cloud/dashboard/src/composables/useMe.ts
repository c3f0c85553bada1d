/** Who sits here: asked once, and again when the token changes. */

import { computed, shallowRef, watch } from "vue";

import { api, ApiError } from "../api/client";
import { useToken } from "../api/identity";
import type { Me } from "../api/types";

const ANYBODY: Me = { name: "anybody", role: "viewer", unit: null, crew: null, is_read_only: false };

const me = shallowRef<Me>(ANYBODY);
const isRefused = shallowRef(false);
const { token } = useToken();

export function useMe() {
  return {
    me,
    /** The server does not know the token. */
    isRefused,
    isSignedIn: computed(() => me.value.role !== "viewer"),
    isOperator: computed(() => me.value.role === "operator" || me.value.role === "admin"),
  };
}

/** Ask now and whenever the token changes; the answer stays where there is no network. */
export function followMe(): void {
  watch(token, () => void ask(), { immediate: true });
}

async function ask(): Promise<void> {
  try {
    me.value = await api.me();
    isRefused.value = false;
  } catch (problem) {
    isRefused.value = problem instanceof ApiError && problem.isForbidden;
    me.value = isRefused.value ? ANYBODY : me.value;
  }
}
