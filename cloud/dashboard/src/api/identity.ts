/** The token that says who acts; kept in this browser until it is taken out. */

import { readonly, ref } from "vue";

import { recall, remember } from "../composables/storage";

const KEY = "busense.token";

const token = ref<string | null>(recall(KEY) || null);

export function useToken() {
  return { token: readonly(token), setToken };
}

export function authorization(): Record<string, string> {
  return token.value === null ? {} : { Authorization: `Bearer ${token.value}` };
}

/** Another page of the browser took it out, or has another. */
addEventListener("storage", ({ key }) => {
  if (key === KEY) {
    token.value = recall(KEY) || null;
  }
});

function setToken(chosen: string | null): void {
  token.value = chosen;
  remember(KEY, chosen ?? "");
}
