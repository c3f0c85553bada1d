/** One parameter of the address as a ref: what the viewer chose can be linked, reloaded, and taken back. */

import { computed, type WritableComputedRef } from "vue";
import { isNavigationFailure, NavigationFailureType, useRoute, useRouter, type LocationQueryRaw, type Router } from "vue-router";

/** Where a router is on the way to. */
interface Way {
  to: { path: string; query: LocationQueryRaw } | null;
}

const ways = new WeakMap<Router, Way>();

function wayOf(router: Router): Way {
  const way = ways.get(router) ?? { to: null };
  if (!ways.has(router)) {
    ways.set(router, way);
    router.beforeEach((to) => {
      way.to = to;
    });
    router.afterEach((_to, _from, failure) => {
      // Of one that was called off another is on the way.
      way.to = isNavigationFailure(failure, NavigationFailureType.cancelled) ? way.to : null;
    });
    router.onError(() => {
      way.to = null;
    });
  }
  return way;
}

export function useQuery(name: string, how: "push" | "replace" = "replace"): WritableComputedRef<string | null> {
  const route = useRoute();
  const router = useRouter();
  const way = wayOf(router);
  return computed({
    get: () => {
      const value = route.query[name];
      return typeof value === "string" && value !== "" ? value : null;
    },
    set: (value) => {
      if (way.to !== null && way.to.path !== route.path) {
        return; // they leave this page: its address would call them back
      }
      // The router leaves out what is undefined.
      way.to = { path: route.path, query: { ...(way.to?.query ?? route.query), [name]: value ?? undefined } };
      void router[how]({ query: way.to.query });
    },
  });
}
