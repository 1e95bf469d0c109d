// Keeps the page for taking cards on the phone, so that it opens without network.
"use strict";
const CACHE = "cards-{{ version }}";
const PAGE = {{ page | tojson }};
const PARTS = {{ parts | tojson }};

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(PARTS);
    // A sign-in page that was answered instead must not be kept in its place.
    const page = await fetch(PAGE, { redirect: "manual" });
    if (!page.ok) throw new Error("not signed in");
    await cache.put(PAGE, page);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("cards-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

const kept = async (request, options) => (await caches.open(CACHE)).match(request, options);

// The very version a page names; without network also another one.
const part = async (request) => (await kept(request)) || fetch(request).catch(
  async () => (await kept(request, { ignoreSearch: true })) || Response.error());

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === PAGE) {
    // The newest page where there is network; a sign-in page passes through as it is.
    event.respondWith(fetch(event.request).catch(async () => (await kept(PAGE)) || Response.error()));
  } else if (PARTS.some((path) => path.split("?")[0] === url.pathname)) {
    event.respondWith(part(event.request));
  }
});
