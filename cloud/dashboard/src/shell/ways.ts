/** The ways to all pages: who finds which, in which order, and what a phone has room for. Pure functions. */

import type { Me } from "../api/types";
import type { IconName } from "../components/icons";

export interface Way {
  /** As the texts name it. */
  id: string;
  to: string;
  icon: IconName;
  /** Names of the pages below it. */
  pages: readonly string[];
  /** Any of these permissions leads there; without any, everybody's does. */
  needs?: readonly string[];
  /** For whom it is the daily work: on a phone it comes right after the map. */
  role?: string;
}

const WAYS: readonly Way[] = [
  { id: "map", to: "/", icon: "map", pages: ["map"] },
  { id: "findings", to: "/findings", icon: "crack", pages: ["findings", "finding"] },
  { id: "cases", to: "/cases", icon: "file", pages: ["cases", "case", "triage"], needs: ["see_cases"] },
  { id: "roads", to: "/roads", icon: "road", pages: ["roads", "furniture", "thing"] },
  { id: "fleet", to: "/fleet", icon: "bus", pages: ["fleet", "bus", "roll-outs", "roll-out", "network", "stop"], role: "fleet" },
  { id: "driving", to: "/driving", icon: "steering", pages: ["driving", "driver-look"], needs: ["see_driving", "look_at_drivers"], role: "safety" },
  { id: "travel", to: "/travel", icon: "people", pages: ["travel", "traveller", "look"], needs: ["care"], role: "care" },
  { id: "statistics", to: "/statistics", icon: "chart", pages: ["statistics"] },
  { id: "settings", to: "/settings", icon: "gear", pages: ["settings", "account", "people", "deliveries", "upkeep", "requests", "request", "my-driving"] },
];
const ROOM = 5;

/** The ways there are for somebody; before it is known who sits here, those of everybody who looks. */
export function waysOf(me: Pick<Me, "permissions">): readonly Way[] {
  const isKnown = me.permissions.length > 0;
  return WAYS.filter(({ id, needs }) => needs === undefined || (isKnown ? needs.some((need) => (me.permissions as readonly string[]).includes(need)) : id === "cases"));
}

/** What stands at the foot of a phone, and what lies behind "more". */
export function split(ways: readonly Way[], role: string): { shown: readonly Way[]; more: readonly Way[] } {
  if (ways.length <= ROOM) {
    return { shown: ways, more: [] };
  }
  const order = [...ways].sort((a, b) => rank(a, role) - rank(b, role));
  return { shown: order.slice(0, ROOM - 1), more: order.slice(ROOM - 1) };
}

function rank({ id, role }: Way, own: string): number {
  return id === "map" ? 0 : role === own ? 1 : 2;
}
