/** The queue of cases that wait for a person, and the one that is looked at. */

import { computed, ref, shallowRef, watch, type Ref } from "vue";

import { api } from "../api/client";
import type { ActionBody, CaseDetail, CaseItem } from "../api/types";
import { belongsTo, filterOf, hourlyRate, queueAfter, type Queue } from "../cases/triage";
import { useLive } from "../live/useLive";
import { useActing } from "./useActing";
import { useCase } from "./useCase";
import { useLocale } from "./useLocale";
import { useResource } from "./useResource";

export function useTriage(queue: Ref<Queue>) {
  const { t } = useLocale();
  const live = useLive();
  const items = shallowRef<CaseItem[]>([]);
  const currentId = ref<string | null>(null);
  const verdictsMs = ref<number[]>([]);

  /** As the last action left them: the live connection tells of that a moment later. */
  const acted = new Map<string, CaseItem>();

  const list = useResource(async (signal) => {
    const page = await api.cases(filterOf(queue.value), signal);
    items.value = queueAfter(queue.value, page.items, newest(live.cases.value));
    return page;
  });
  watch(queue, () => {
    items.value = [];
    void list.load();
  }, { immediate: true });
  const hasMore = computed(() => (list.data.value?.next ?? null) !== null);
  watch(live.cases, (news) => (items.value = queueAfter(queue.value, items.value, newest(news))));

  const index = computed(() => items.value.findIndex(({ id }) => id === currentId.value));
  watch(items, (now, before) => {
    if (now.length === 0 && (before?.length ?? 0) > 0 && hasMore.value) {
      void list.load();
    }
    if (index.value < 0) {
      // The one that was looked at left the queue: the one that took its place is next.
      const place = before?.findIndex(({ id }) => id === currentId.value) ?? 0;
      currentId.value = (now[Math.max(0, Math.min(place, now.length - 1))] ?? null)?.id ?? null;
    }
  });

  const { data: detail, error, isLoading } = useCase(currentId);
  const { act, isBusy } = useActing(take, (present) =>
    belongsTo(queue.value, present) ? t.value.act.conflict : t.value.triage.overtaken(present.number),
  );

  function newest(news: ReadonlyMap<string, CaseItem>): ReadonlyMap<string, CaseItem> {
    const ours = [...acted].filter(([id, { version }]) => version > (news.get(id)?.version ?? Infinity));
    return ours.length === 0 ? news : new Map([...news, ...ours]);
  }

  function take(present: CaseDetail): void {
    acted.set(present.id, present);
    if (present.id === currentId.value) {
      detail.value = present;
    }
    items.value = queueAfter(queue.value, items.value, new Map([[present.id, present]]));
  }

  async function judge(body: ActionBody): Promise<void> {
    if (detail.value !== null && (await act(detail.value.id, body))) {
      verdictsMs.value.push(Date.now());
    }
  }

  function step(by: number): void {
    currentId.value = items.value[Math.min(items.value.length - 1, Math.max(0, index.value + by))]?.id ?? currentId.value;
  }

  return {
    items,
    index,
    currentId,
    detail,
    detailError: error,
    isDetailLoading: isLoading,
    isLoading: computed(() => list.isLoading.value && items.value.length === 0),
    error: list.error,
    hasMore,
    reload: list.load,
    isBusy,
    judge,
    step,
    judged: computed(() => verdictsMs.value.length),
    rate: computed(() => hourlyRate(verdictsMs.value)),
  };
}
