import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp, type App, type WritableComputedRef } from "vue";
import { createMemoryHistory, createRouter, RouterView, type RouteComponent, type Router } from "vue-router";

import { useQuery } from "../src/composables/useQuery";

describe("what the viewer chose, in the address", () => {
  let app: App;
  let router: Router;
  let [at, place, finding]: (WritableComputedRef<string | null> | undefined)[] = [];
  let arrive: (page: RouteComponent) => void = () => undefined;

  beforeEach(async () => {
    const map = {
      setup: () => {
        [at, place, finding] = [useQuery("at"), useQuery("place"), useQuery("finding", "push")];
        return () => null;
      },
    };
    const slow = (): Promise<RouteComponent> => new Promise((resolve) => (arrive = resolve));
    router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/", component: map }, { path: "/slow", component: slow }] });
    app = createApp(RouterView);
    app.use(router).mount(document.createElement("div"));
    await router.isReady();
  });
  afterEach(() => app.unmount());

  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
  function choose(query: WritableComputedRef<string | null> | undefined, value: string | null): void {
    if (query !== undefined) {
      query.value = value;
    }
  }

  it("is all that was chosen at once", async () => {
    choose(place, "1,2,3");
    choose(finding, "f1");
    await settled();
    expect(router.currentRoute.value.query).toEqual({ place: "1,2,3", finding: "f1" });
    choose(place, null);
    await settled();
    expect(router.currentRoute.value.query).toEqual({ finding: "f1" });
  });

  it("calls nobody back who is on the way to another page", async () => {
    const left = router.push("/slow");
    await settled();
    choose(at, "2026-11-24T12:00:00Z");
    await settled();
    arrive({ render: () => null });
    await left;
    expect(router.currentRoute.value.fullPath).toBe("/slow");
  });

  it("is kept again by who could not leave", async () => {
    router.onError(() => undefined);
    const left = router.push("/slow").catch(() => undefined);
    await settled();
    arrive(undefined as unknown as RouteComponent);
    await left;
    choose(at, "2026-11-24T12:00:00Z");
    await settled();
    expect(router.currentRoute.value.query).toEqual({ at: "2026-11-24T12:00:00Z" });
  });
});
