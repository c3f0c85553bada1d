/* Service worker of the crew page: the page and its files open without network; pictures of jobs are kept once seen.
   What a crew does is kept by the page itself (IndexedDB), not here. */

const FILES = "busense-crew-files-1";
const PICTURES = "busense-crew-pictures-1";
const PAGE = "/crew";
const MOST = 300;
/** A line that is there and carries nothing keeps nobody from their jobs. */
const PATIENCE_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(FILES).then((cache) => cache.addAll([PAGE, "/favicon.svg", "/crew.webmanifest"])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("message", (event) => {
  const wanted = (event.data?.keep ?? []).filter((url) => isFile(new URL(url)));
  event.waitUntil(caches.open(FILES).then((cache) => Promise.all(wanted.map((url) => keep(cache, url)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate") {
    event.respondWith(page(request));
  } else if (isFile(url)) {
    event.respondWith(keptFirst(FILES, request));
  } else if (url.pathname.startsWith("/api/v1/pictures/")) {
    event.respondWith(keptFirst(PICTURES, request));
  }
});

/** Files whose name holds the hash of their content. */
function isFile(url) {
  return url.origin === self.location.origin && url.pathname.startsWith("/assets/");
}

/** What is in use is put last: the oldest are forgotten. */
async function keep(cache, url) {
  const kept = await cache.match(url);
  await (kept === undefined ? cache.add(url) : cache.put(url, kept));
}

/** The newest page, or the one that is kept when the server is away, slow or in trouble. */
async function page(request) {
  const cache = await caches.open(FILES);
  const kept = await cache.match(PAGE);
  const newest = fetch(request).then(async (answer) => {
    if (answer.ok) {
      await cache.put(PAGE, answer.clone());
    }
    return answer;
  });
  if (kept === undefined) {
    return newest;
  }
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([late, newest.then((answer) => (answer.ok ? answer : kept), () => kept)]);
}

async function keptFirst(name, request) {
  const cache = await caches.open(name);
  const kept = await cache.match(request);
  if (kept !== undefined) {
    return kept;
  }
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    await forgetOldest(cache);
  }
  return answer;
}

async function forgetOldest(cache) {
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - MOST)).map((key) => cache.delete(key)));
}
