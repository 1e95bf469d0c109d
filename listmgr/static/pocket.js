// Takes cards and keeps them on this phone until the server has them: nothing lost, nothing doubled.
// A card leaves the phone only after the server has said that it is written down.
(() => {
  "use strict";
  const part = (id) => document.getElementById(id);
  const words = () => part("words").dataset;
  const { token: TOKEN, send: SEND, worker: WORKER } = document.body.dataset;
  const LONGEST_SIDE = 2400;
  const LOOK_EVERY = 20_000;
  let me = null; // Who was signed in when the server was last heard of.
  let signedOut = false;
  let busy = "";

  // ── What the phone keeps ────────────────────────────────────────────────
  const open = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("listmgr-cards", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("cards", { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

  const within = async (mode, act) => {
    const db = await open();
    try {
      return await new Promise((resolve, reject) => {
        const act_ = db.transaction("cards", mode, { durability: "strict" });
        const asked = act(act_.objectStore("cards"));
        act_.oncomplete = () => resolve(asked.result);
        act_.onabort = act_.onerror = () => reject(act_.error);
      });
    } finally {
      db.close();
    }
  };

  const keep = (card) => within("readwrite", (cards) => cards.put(card));
  const forget = (key) => within("readwrite", (cards) => cards.delete(key));
  const all = async () => (await within("readonly", (cards) => cards.getAll()))
    .sort((one, other) => one.takenAt - other.takenAt);

  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (octet) => octet.toString(16).padStart(2, "0")).join("");

  const today = () => `sent-${new Date().toISOString().slice(0, 10)}`;
  const remembered = (name) => { try { return localStorage.getItem(name) || ""; } catch { return ""; } };
  const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a convenience only */ } };

  // ── Taking ──────────────────────────────────────────────────────────────
  // A smaller picture is sent sooner and reads as well; what cannot be drawn goes as it is.
  const smaller = async (file) => {
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(picture.width * scale);
      canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      const made = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.88); });
      return made && made.size < file.size ? made : file;
    } catch {
      return file;
    }
  };

  const take = async (facts) => {
    const card = {
      key: newKey(), takenAt: Date.now(), owner: me && me.id, ownerName: me && me.name,
      occasion: part("occasion").value.trim(), said: part("said").value.trim(),
      notice: part("notice_by_hand").checked, problem: "", ...facts,
    };
    try {
      await keep(card);
    } catch {
      trouble(words().full);
      return false;
    }
    remember("occasion", card.occasion);
    part("said").value = "";
    await show();
    sendAll();
    return true;
  };

  const takePictures = async (input) => {
    for (const file of [...input.files]) await take({ picture: await smaller(file), name: file.name });
    input.value = "";
  };

  const trouble = (told) => {
    part("trouble").textContent = told;
    part("trouble").hidden = !told;
  };

  // ── Sending ─────────────────────────────────────────────────────────────
  // A fresh token before each round: the page may be older than the session.
  const ready = async () => {
    const answer = await fetch(TOKEN, { redirect: "manual", cache: "no-store" });
    signedOut = answer.type === "opaqueredirect" || answer.status === 403;
    if (!answer.ok) return null;
    const told = await answer.json();
    me = told.operator;
    remember("operator", JSON.stringify(me));
    offer(told);
    return told.token;
  };

  const form = (card, token) => {
    const sent = new FormData();
    sent.set("csrf_token", token);
    sent.set("key", card.key);
    sent.set("taken_at", String(card.takenAt));
    sent.set("occasion", card.occasion);
    sent.set("said", card.said);
    if (card.notice) sent.set("notice_by_hand", "1");
    if (card.picture) sent.set("picture", card.picture, card.name || "card.jpg");
    else sent.set("text", card.text);
    return sent;
  };

  // True to go on, false when the rest waits too.
  const sendOne = async (card, token) => {
    busy = card.key;
    await show();
    const answer = await fetch(SEND, { method: "POST", body: form(card, token), redirect: "manual" });
    if (answer.ok) {
      await forget(card.key);
      remember(today(), String(Number(remembered(today())) + 1));
      return true;
    }
    if (answer.status !== 413 && answer.status !== 422) return false;
    const told = await answer.json().catch(() => ({}));
    await keep({ ...card, problem: told.problem || words().refused });
    return true;
  };

  const round = async () => {
    try {
      const token = await ready();
      if (token === null) return;
      for (const card of await all()) {
        if (card.problem) continue;
        // Taken before anybody was known here: it belongs to who signs in first.
        if (card.owner && card.owner !== me.id) continue;
        if (!(await sendOne(card, token))) return;
      }
    } catch {
      // No network: the next round may have some.
    } finally {
      busy = "";
      await show();
    }
  };

  // Two open pages of this phone take turns; a card sent twice would be one card all the same.
  const sendAll = () => (navigator.locks
    ? navigator.locks.request("listmgr-cards", { ifAvailable: true }, (lock) => (lock ? round() : null))
    : round());

  // ── Showing ─────────────────────────────────────────────────────────────
  const state = (card) => {
    if (card.problem) return card.problem;
    if (card.key === busy) return words().sending;
    if (signedOut) return words().signin;
    if (card.owner && me && card.owner !== me.id) return words().others.replace("{name}", card.ownerName);
    return words().waits;
  };

  const draw = async (canvas, picture) => {
    try {
      const made = await createImageBitmap(picture, { resizeWidth: 64, resizeHeight: 64 });
      canvas.getContext("2d").drawImage(made, 0, 0);
    } catch {
      // Without a small picture the words say enough.
    }
  };

  const line = (card) => {
    const made = part("one").content.cloneNode(true).firstElementChild;
    made.dataset.key = card.key;
    made.classList.toggle("refused", Boolean(card.problem));
    made.querySelector(".what").textContent = card.picture ? words().photo : card.text.split("\n")[0].slice(0, 60) || words().text;
    made.querySelector(".when").textContent = [new Date(card.takenAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }), card.occasion].filter(Boolean).join(" · ");
    made.querySelector(".state").textContent = state(card);
    made.querySelector(".drop").hidden = !card.problem;
    if (card.picture) draw(made.querySelector("canvas"), card.picture);
    return made;
  };

  const show = async () => {
    const cards = await all();
    part("waiting").replaceChildren(...cards.map(line));
    part("none").hidden = cards.length > 0;
    part("send-now").hidden = cards.length === 0;
    part("sent-count").textContent = remembered(today()) || "0";
    part("sign-in").hidden = !signedOut;
    const network = part("network");
    network.textContent = navigator.onLine ? network.dataset.online : network.dataset.offline;
    network.className = `station is-${navigator.onLine ? "online" : "offline"}`;
  };

  const offer = (told) => {
    if (!part("occasion").value) part("occasion").value = remembered("occasion") || told.last;
    part("occasions").replaceChildren(...told.occasions.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }));
  };

  // ── A live look for QR codes, where the browser can read them itself ─────
  // Some browsers have the reader and no code it reads.
  const canScan = async () => {
    try {
      return Boolean(navigator.mediaDevices) && (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
    } catch {
      return false;
    }
  };

  // A photo does what the live look cannot: the code on it is read where it arrives.
  const byPhoto = (why) => {
    part("why-photo").textContent = why;
    part("by-photo").hidden = !why;
  };

  const scan = async () => {
    const video = part("live");
    byPhoto("");
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    const end = Date.now() + 30_000;
    let found = "";
    while (!found && Date.now() < end && !video.hidden) {
      found = ((await detector.detect(video))[0] || {}).rawValue || "";
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
    stream.getTracks().forEach((track) => track.stop());
    video.hidden = true;
    if (found) await take({ text: found });
    else byPhoto(words().nocode);
  };

  const theme = () => {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const chosen = remembered("theme");
    document.documentElement.dataset.bsTheme = ["light", "dark"].includes(chosen) ? chosen : dark ? "dark" : "light";
  };

  const begin = async () => {
    theme();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
    try { me = JSON.parse(remembered("operator")); } catch { me = null; }
    part("occasion").value = remembered("occasion");
    part("picture").addEventListener("change", (event) => takePictures(event.target));
    part("chosen").addEventListener("change", (event) => takePictures(event.target));
    part("write").addEventListener("click", () => { part("typed").hidden = !part("typed").hidden; part("text").focus(); });
    part("keep-text").addEventListener("click", async () => {
      const text = part("text").value.trim();
      if (text && (await take({ text }))) part("text").value = "";
    });
    part("take").addEventListener("submit", (event) => event.preventDefault());
    part("send-now").addEventListener("click", sendAll);
    part("waiting").addEventListener("click", async (event) => {
      if (!event.target.closest(".drop")) return;
      await forget(event.target.closest("li").dataset.key);
      await show();
    });
    part("scan").addEventListener("click", () => scan().catch(() => {
      part("live").hidden = true;
      byPhoto(words().nocamera);
    }));
    part("scan").hidden = !(await canScan());
    byPhoto(part("scan").hidden ? words().noscan : "");
    window.addEventListener("online", sendAll);
    window.addEventListener("offline", show);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) sendAll(); });
    setInterval(() => { if (!document.hidden) sendAll(); }, LOOK_EVERY);
    try {
      await show();
      if (navigator.storage && navigator.storage.persist) navigator.storage.persist();
    } catch {
      trouble(words().unsafe);
    }
    if ("serviceWorker" in navigator) navigator.serviceWorker.register(WORKER).catch(() => {});
    await sendAll();
  };

  begin();
})();
