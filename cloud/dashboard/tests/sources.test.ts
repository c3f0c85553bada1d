import type { FeatureCollection } from "geojson";
import type { Map as MapLibre } from "maplibre-gl";
import { describe, expect, it } from "vitest";

import { collection, point } from "../src/map/shapes";
import { setData } from "../src/map/sources";

function recordingMap() {
  const taken: FeatureCollection[] = [];
  const source = { setData: (data: FeatureCollection) => taken.push(data) };
  return { taken, map: { getSource: (name: string) => (name === "findings" ? source : undefined) } as unknown as MapLibre };
}

describe("a source of the map", () => {
  it("takes only what is new to it", () => {
    const { taken, map } = recordingMap();
    const [one, other] = [collection([point([120, 27])]), collection([point([121, 27])])];
    for (const data of [one, collection([point([120, 27])]), other, one]) {
      setData(map, "findings", data);
    }
    expect(taken).toEqual([one, other, one]);
  });

  it("that is not there takes nothing", () => {
    const { taken, map } = recordingMap();
    setData(map, "elsewhere", collection([]));
    expect(taken).toEqual([]);
  });
});
