import { describe, expect, it } from "vitest";

import { zh } from "../src/locales/zh";
import { AT_FIRST, layeredStyle, layerOfStyle, layersText, MAP_LAYERS, paintsOf, readLayers, visibilityOf } from "../src/map/layers";
import { SOURCES } from "../src/map/style";
import { placeText, readPlace } from "../src/map/view";

const GRADES = { excellent: "#1", good: "#2", fair: "#3", poor: "#4", bad: "#5", unknown: "#6" };
const PAINTS = paintsOf("light", new Map(), GRADES);

describe("the layers of the map", () => {
  it("have names, and each layer of the style belongs to one of them", () => {
    expect(MAP_LAYERS.map(({ id }) => zh.layers.names[id]).filter(Boolean)).toHaveLength(MAP_LAYERS.length);
    const ids = visibilityOf([], PAINTS).map(([id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.map((id) => layerOfStyle(id, PAINTS))).not.toContain(undefined);
  });

  it("draw from sources that the style has", () => {
    const { layers, sources } = layeredStyle(PAINTS);
    const wanted = layers.flatMap((layer) => ("source" in layer && typeof layer.source === "string" ? [layer.source] : []));
    expect(wanted.filter((source) => !(source in sources))).toEqual([]);
    expect(MAP_LAYERS.flatMap((layer) => Object.keys(layer.sources([]))).filter((source) => !(source in sources))).toEqual([]);
  });

  it("leave the names of roads to be read: over lines and areas, under what stands at a place", () => {
    const types = layeredStyle(PAINTS).layers.map(({ id, type }) => (id === "road-name" ? "names" : type));
    const names = types.indexOf("names");
    expect(types.slice(names).filter((type) => type === "line" || type === "fill")).toEqual([]);
    expect(types.slice(0, names).filter((type) => type === "circle" || type === "symbol")).toEqual([]);
  });

  it.each(["heavy", null] as const)("draws a finding of the past as bad as it was thought then: %s", (severity) => {
    const properties = { id: "f", kind: "D40", state: "open", severity, title: null, name: null, at: null, is_stale: false, value: 0.9, count: null, heading_deg: null };
    const drawn = MAP_LAYERS.find(({ id }) => id === "findings")?.sources([{ type: "Feature", geometry: { type: "Point", coordinates: [120.4, 27.5] }, properties }]);
    expect(drawn?.[SOURCES.findings]?.features.map((feature) => feature.properties?.["severity"])).toEqual([severity]);
  });

  it("show the chosen and hide all others", () => {
    const shown = visibilityOf(["cases"], PAINTS).filter(([, visibility]) => visibility === "visible").map(([id]) => id);
    expect(shown).toEqual(["cases"]);
  });

  it.each([[[]], [["cases"]], [["condition", "findings"]], [MAP_LAYERS.map(({ id }) => id)]])("%s are the same after the way through the address", (ids) => {
    expect(readLayers(layersText(ids))).toEqual(ids);
  });

  it("need no words in the address when they are the usual ones, and what is unknown is left out", () => {
    expect(layersText([...AT_FIRST].reverse())).toBeNull();
    expect(readLayers(null)).toEqual(AT_FIRST);
    expect(readLayers("cases,secrets")).toEqual(["cases"]);
  });
});

describe("a place in the address", () => {
  it("comes back to a metre", () => {
    expect(readPlace(placeText({ lon: 120.123456, lat: 27.5, zoom: 14.256 }))).toEqual({ lon: 120.12346, lat: 27.5, zoom: 14.26 });
  });

  it.each([null, "", "1,2", "1,2,3,4", "a,b,c", "200,0,3", "0,0,99"])("is none in %s", (text) => {
    expect(readPlace(text)).toBeNull();
  });
});
