/** The pages and their addresses. Each page is loaded when it is first wanted; the map library only with a map. */

import { createRouter, createWebHistory } from "vue-router";

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "map", component: () => import("./pages/MapPage.vue") },
    { path: "/findings", name: "findings", component: () => import("./pages/FindingsPage.vue") },
    { path: "/findings/:id", name: "finding", component: () => import("./pages/FindingPage.vue"), props: true },
    { path: "/cases", name: "cases", component: () => import("./pages/CasesPage.vue") },
    { path: "/:rest(.*)*", name: "not-found", component: () => import("./pages/NotFoundPage.vue") },
  ],
});
