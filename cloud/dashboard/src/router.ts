/** The pages and their addresses. Each page is loaded when it is first wanted; the map library only with a map. */

import { nextTick } from "vue";
import { createRouter, createWebHistory } from "vue-router";

declare module "vue-router" {
  interface RouteMeta {
    /** A page that fills the window by itself, without the frame of the operations center. */
    isBare?: boolean;
    /** A page that needs no live connection. */
    isQuiet?: boolean;
    /** A page for those who have not signed in. */
    isOpen?: boolean;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "map", component: () => import("./pages/MapPage.vue") },
    { path: "/findings", name: "findings", component: () => import("./pages/FindingsPage.vue") },
    { path: "/findings/:id", name: "finding", component: () => import("./pages/FindingPage.vue"), props: true },
    { path: "/cases", name: "cases", component: () => import("./pages/CasesPage.vue") },
    { path: "/cases/:id", name: "case", component: () => import("./pages/CasePage.vue"), props: true },
    { path: "/triage", name: "triage", component: () => import("./pages/TriagePage.vue") },
    { path: "/roads", name: "roads", component: () => import("./pages/RoadsPage.vue") },
    { path: "/furniture", name: "furniture", component: () => import("./pages/FurniturePage.vue") },
    { path: "/furniture/:id", name: "thing", component: () => import("./pages/ThingPage.vue"), props: true },
    { path: "/fleet", name: "fleet", component: () => import("./pages/FleetPage.vue") },
    { path: "/buses/:device", name: "bus", component: () => import("./pages/BusPage.vue"), props: true },
    { path: "/network", name: "network", component: () => import("./pages/NetworkPage.vue") },
    { path: "/stops/:device", name: "stop", component: () => import("./pages/StopPage.vue"), props: true },
    { path: "/roll-outs", name: "roll-outs", component: () => import("./pages/RollOutsPage.vue") },
    { path: "/roll-outs/:id", name: "roll-out", component: () => import("./pages/RollOutPage.vue"), props: true },
    { path: "/statistics", name: "statistics", component: () => import("./pages/StatisticsPage.vue") },
    { path: "/settings", name: "settings", component: () => import("./pages/SettingsPage.vue") },
    { path: "/deliveries", name: "deliveries", component: () => import("./pages/DeliveriesPage.vue") },
    { path: "/driving", name: "driving", component: () => import("./pages/DrivingPage.vue") },
    { path: "/driving/looks/:id", name: "driver-look", component: () => import("./pages/DriverLookPage.vue"), props: true },
    { path: "/driving/mine", name: "my-driving", component: () => import("./pages/MyDrivingPage.vue") },
    { path: "/requests", name: "requests", component: () => import("./pages/RequestsPage.vue") },
    { path: "/requests/:id", name: "request", component: () => import("./pages/RequestPage.vue"), props: true },
    { path: "/travel", name: "travel", component: () => import("./pages/TravelPage.vue") },
    { path: "/travel/looks/:id", name: "look", component: () => import("./pages/LookPage.vue"), props: true },
    { path: "/travel/:id", name: "traveller", component: () => import("./pages/TravellerPage.vue"), props: true },
    { path: "/guardian", name: "guardian", component: () => import("./pages/GuardianPage.vue"), meta: { isBare: true, isQuiet: true } },
    { path: "/upkeep", name: "upkeep", component: () => import("./pages/UpkeepPage.vue") },
    { path: "/crew/:id?", name: "crew", component: () => import("./pages/CrewPage.vue"), props: true, meta: { isBare: true, isQuiet: true, isOpen: true } },
    { path: "/login", name: "login", component: () => import("./pages/LoginPage.vue"), meta: { isBare: true, isQuiet: true, isOpen: true } },
    { path: "/welcome", name: "welcome", component: () => import("./pages/WelcomePage.vue"), meta: { isBare: true, isQuiet: true, isOpen: true } },
    { path: "/notice", name: "notice", component: () => import("./pages/NoticePage.vue"), meta: { isBare: true, isQuiet: true, isOpen: true } },
    { path: "/account", name: "account", component: () => import("./pages/AccountPage.vue") },
    { path: "/people", name: "people", component: () => import("./pages/PeoplePage.vue") },
    { path: "/wall", name: "wall", component: () => import("./pages/WallPage.vue"), meta: { isBare: true } },
    { path: "/:rest(.*)*", name: "not-found", component: () => import("./pages/NotFoundPage.vue") },
  ],
});

/** Who opens a page by a key goes on in it, and hears it; who comes from elsewhere begins at the top, as everywhere. */
router.afterEach((to, from) => {
  if (from.matched.length > 0 && to.path !== from.path) {
    void nextTick(() => {
      const content = document.getElementById("content");
      content?.scrollTo(0, 0);
      content?.focus({ preventScroll: true });
    });
  }
});
