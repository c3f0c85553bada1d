/** Colours of the map; those of the classes come from the catalogue. */

import type { Theme } from "../composables/useTheme";

export interface MapColours {
  ground: string;
  casing: string;
  street: string;
  avenue: string;
  roadName: string;
  halo: string;
  outline: string;
  gone: string;
  accent: string;
  bus: string;
  busOff: string;
  busMark: string;
  cellFew: string;
  cellMany: string;
  cellText: string;
  cellHalo: string;
  cellHeavy: string;
  caseRunning: string;
  caseOverdue: string;
  stop: string;
  thing: string;
  harsh: string;
  heard: string;
  search: string;
}

export const MAP_COLOURS: Record<Theme, MapColours> = {
  light: {
    ground: "#e8ecf0",
    casing: "#cfd7df",
    street: "#ffffff",
    avenue: "#fffdf5",
    roadName: "#5d6b79",
    halo: "#ffffff",
    outline: "#ffffff",
    gone: "#8a97a5",
    accent: "#1b5fc1",
    bus: "#14304f",
    busOff: "#8a97a5",
    busMark: "#ffffff",
    cellFew: "#b9d2f3",
    cellMany: "#1b5fc1",
    cellText: "#0c2340",
    cellHalo: "#ffffff",
    cellHeavy: "#bd2c36",
    caseRunning: "#6a3fb5",
    caseOverdue: "#bd2c36",
    stop: "#0b7a75",
    thing: "#44617f",
    harsh: "#b4530a",
    heard: "#2f7fb8",
    search: "#b0187e",
  },
  dark: {
    ground: "#0e141b",
    casing: "#090d12",
    street: "#253140",
    avenue: "#334355",
    roadName: "#8797a8",
    halo: "#0e141b",
    outline: "#0e141b",
    gone: "#66768a",
    accent: "#6aa6ff",
    bus: "#e6eef7",
    busOff: "#5c6b7c",
    busMark: "#14304f",
    cellFew: "#1d3554",
    cellMany: "#4f92f0",
    cellText: "#f4f8fd",
    cellHalo: "#0e141b",
    cellHeavy: "#ff7d83",
    caseRunning: "#b79bff",
    caseOverdue: "#ff7d83",
    stop: "#4fd0c7",
    thing: "#9fb6cf",
    harsh: "#f5a35c",
    heard: "#5db4ee",
    search: "#ff7ecb",
  },
};

/** For a class that the catalogue does not know. */
export const UNKNOWN_CLASS_COLOUR = "#7b8794";
