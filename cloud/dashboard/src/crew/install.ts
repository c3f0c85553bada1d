/** Makes the crew page an app: its manifest, and a service worker that opens it without network. */

const MANIFEST = "/crew.webmanifest";
const WORKER = "/crew-worker.js";

export async function installCrewApp(): Promise<void> {
  if (document.querySelector('link[rel="manifest"]') === null) {
    const link = document.createElement("link");
    link.rel = "manifest";
    link.href = MANIFEST;
    document.head.append(link);
  }
  if (!("serviceWorker" in navigator)) {
    return; // only over https, or on this machine
  }
  await navigator.serviceWorker.register(WORKER, { scope: "/crew" }).catch(() => null);
  const { active } = await navigator.serviceWorker.ready;
  // What was loaded before the worker was there has to be told to it.
  active?.postMessage({ keep: performance.getEntriesByType("resource").map(({ name }) => name) });
}
