/** Settings of a bus in words: what they are called, their values with units, packages by name where they are known. */

import { shallowRef } from "vue";

import { fleet, type Release } from "../api/fleet";
import { useLocale } from "./useLocale";

const releases = shallowRef<readonly Release[]>([]);

/** Ask which packages there are; without an answer a package is shown by its hash. */
export async function learnReleases(): Promise<void> {
  releases.value = await fleet.releases().catch(() => releases.value);
}

export function useSettingText() {
  const { t, format } = useLocale();

  function settingName(key: string): string {
    return t.value.bus.settings[key] ?? key;
  }

  function settingText(key: string, value: unknown): string {
    if (value === undefined || value === null) {
      return t.value.bus.ownFile;
    }
    if (typeof value === "number") {
      return numberText(key, value);
    }
    const release = releases.value.find(({ sha256 }) => sha256 === value);
    if (release !== undefined) {
      return `${release.name} ${release.version}`;
    }
    return key.startsWith("package.") ? String(value).slice(0, 12) : String(value);
  }

  function numberText(key: string, value: number): string {
    if (key.endsWith(".share")) {
      return format.value.percent(value);
    }
    if (key.endsWith("_deg")) {
      return format.value.degrees(value);
    }
    if (key.endsWith("_m")) {
      return format.value.centimetreMetres(value);
    }
    return key.endsWith("_px") ? format.value.pixels(value) : String(value);
  }

  return { settingName, settingText };
}
