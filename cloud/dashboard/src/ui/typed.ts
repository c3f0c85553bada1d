/**
 * The types that Element Plus publishes do not hold under `exactOptionalPropertyTypes`. Each component in use is therefore
 * given the props that we use, once, beside its style sheet.
 */

interface Common {
  key?: PropertyKey;
  class?: unknown;
  "aria-label"?: string;
}

export type Typed<Props> = new () => { $props: Common & Props; $slots: { default?: () => unknown } };
