/** Names and colours of the damage classes, out of the catalogue. */

import { computed } from "vue";

import { useLive } from "../live/useLive";
import { UNKNOWN_CLASS_COLOUR } from "../map/palette";
import { useLocale } from "./useLocale";

export function useClasses() {
  const { classes } = useLive();
  const { nameOf } = useLocale();
  const byCode = computed(() => new Map(classes.value.map((known) => [known.code, known])));
  const colours = computed<ReadonlyMap<string, string>>(
    () => new Map(classes.value.map((known) => [known.code, known.colour])),
  );

  return {
    classes,
    colours,
    colourOf: (code: string) => byCode.value.get(code)?.colour ?? UNKNOWN_CLASS_COLOUR,
    classNameOf: (code: string) => {
      const known = byCode.value.get(code);
      return known === undefined ? code : nameOf(known.name);
    },
  };
}
