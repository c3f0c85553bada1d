/** What is said of a thing on the map when one points at it. */

import type { LayerProperties } from "../api/types";
import { useClasses } from "./useClasses";
import { useLocale } from "./useLocale";
import { useNow } from "./useNow";

export interface LayerWords {
  title: string;
  lines: string[];
}

export function useLayerWords() {
  const { t, format, nameOf } = useLocale();
  const { classNameOf } = useClasses();
  const now = useNow();

  const lastKnown = (at: string | null): string[] => (at === null ? [] : [t.value.layers.lastKnown(format.value.ago(at, now.value))]);

  const words: Record<string, (of: LayerProperties) => LayerWords> = {
    findings: ({ kind, state, severity, value }) => ({
      title: classNameOf(kind),
      lines: [t.value.findingState[state ?? ""] ?? "", t.value.layers.severity(t.value.severity[severity ?? ""] ?? t.value.layers.unknown), t.value.layers.probability(format.value.percent(value))],
    }),
    cases: ({ name, state, kind }) => ({
      title: name ?? "",
      lines: [t.value.caseState[state ?? ""] ?? "", ...(kind === "overdue" ? [t.value.layers.signs.caseOverdue] : [])],
    }),
    condition: ({ name, kind, value, at, is_stale }) => ({
      title: name ?? t.value.layers.noName,
      lines: [
        [t.value.roads.grades[kind] ?? kind, ...(value === null ? [] : [t.value.layers.pci(format.value.decimal(value))])].join(" · "),
        ...lastKnown(at),
        ...(is_stale ? [t.value.roads.isStale] : []),
      ],
    }),
    driving: ({ kind, count }) => ({ title: t.value.driving.kinds[kind] ?? kind, lines: [t.value.layers.incidents(format.value.count(count))] }),
    furniture: ({ title, name, kind, at }) => ({
      title: [title === null ? "" : nameOf(title), name ?? ""].filter(Boolean).join(" "),
      lines: [kind === "unknown" ? t.value.layers.signs.unknownThen : (t.value.furniture.states[kind] ?? kind), ...lastKnown(at)],
    }),
    stops: ({ name, kind, value, at }) => ({
      title: name ?? "",
      lines: kind === "named"
        ? []
        : [kind === "flooded" ? t.value.layers.signs.stopFlooded : kind === "unknown" ? t.value.layers.signs.unknownThen : (t.value.presence[kind] ?? kind), ...(value === null ? [] : [t.value.layers.level(format.value.metres(value))]), ...lastKnown(at)],
    }),
    tag_coverage: ({ count, at }) => ({ title: t.value.layers.readers(format.value.count(count)), lines: lastKnown(at) }),
    search: ({ kind, value, at }) => (kind === "last"
      ? { title: t.value.layers.signs.lastPlace, lines: lastKnown(at) }
      : { title: t.value.layers.signs.maybe, lines: [t.value.layers.probability(format.value.percent(value))] }),
  };
  return (layer: string, of: LayerProperties): LayerWords | null => words[layer]?.(of) ?? null;
}
