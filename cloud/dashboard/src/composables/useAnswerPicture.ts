/** The newest picture that a bus has answered, as an address for the page; it is forgotten with the component. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from "vue";

import { fleet, type Asked } from "../api/fleet";
import { useResource } from "./useResource";

export function useAnswerPicture(device: () => string, commands: () => readonly Asked[], isWanted: () => boolean): Ref<string | null> {
  const url = shallowRef<string | null>(null);
  const newest = computed(() => (isWanted() ? commands().find(({ kind, answered_at: at }) => kind === "send_picture" && at !== null)?.id ?? null : null));
  const picture = useResource(async (signal) => {
    const id = newest.value;
    const content = id === null ? null : await fleet.answer(device(), id, signal);
    forget();
    url.value = content?.type.startsWith("image/") ? URL.createObjectURL(content) : null;
    return content;
  });

  function forget(): void {
    if (url.value !== null) {
      URL.revokeObjectURL(url.value);
    }
    url.value = null;
  }

  watch(newest, () => void picture.load(), { immediate: true });
  onScopeDispose(forget);
  return url;
}
