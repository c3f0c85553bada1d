"use strict";

const PAUSE_MS = 300; // at least; and as long as the picture took: the bus keeps half a core
const LOST_AFTER = 3; // answers that did not come
const KEYS = { ArrowUp: -0.005, ArrowDown: 0.005, PageUp: -0.05, PageDown: 0.05 }; // of the picture's height

let language = localStorage.getItem("busense.language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let status = null;
let marked = null; // advice for the horizon that was touched
let missed = 0;

const byId = (id) => document.getElementById(id);
const word = (name, ...values) => {
  const found = WORDS[language][name];
  return typeof found === "function" ? found(...values) : found ?? values[0] ?? name; // what has no word is shown as it is
};
const put = (id, text) => { if (byId(id).textContent !== String(text)) byId(id).textContent = text; }; // said aloud once
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function showWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  put("language", word("language"));
  byId("frame").alt = word("frame");
  byId("view").ariaLabel = word("horizon");
  show();
}

function show() {
  showAim();
  if (!status) return;
  put("device", status.bus.device);
  chip("verdict", status.verdict === null, status.verdict === null ? word("usable") : word(status.verdict === "dropped" ? "dropped_frame" : status.verdict));
  put("rate", status.frames_per_s.toFixed(1));
  put("dropped", status.bus.frames_dropped);
  put("time", status.at.slice(11, 19));
  showFix(status.fix);
  showThings();
  showSteps(status.steps_ms);
  put("messages", status.bus.messages_waiting);
  put("pictures", status.bus.pictures_waiting);
  put("bytes", `${(status.bus.bytes_waiting / 1e6).toFixed(1)} MB`);
}

function showAim() {
  const aim = marked?.aim ?? status?.aim;
  const isLost = missed >= LOST_AFTER;
  const isWrong = status?.verdict === "wrong_view";
  byId("aim").dataset.tilt = isLost ? "lost" : isWrong ? "wrong" : aim?.tilt ?? "unknown";
  if (isLost) {
    put("aim-words", word("lost"));
    put("aim-more", word("lost_more"));
  } else if (!status) {
    put("aim-words", word("waiting"));
    put("aim-more", "");
  } else if (isWrong) {
    const size = status.size;
    put("aim-words", size ? word("wrong_size", size.px, size.configured_px) : word("turned"));
    put("aim-more", word(size ? "wrong_size_more" : "turned_more"));
  } else if (aim) {
    put("aim-words", word(`aim_${aim.tilt}`, aim.degrees.toFixed(1)));
    put("aim-more", aimNote(aim));
  } else {
    put("aim-words", word("aim_unknown"));
    put("aim-more", word("aim_unknown_more"));
  }
}

function aimNote(aim) {
  if (aim.tilt !== "right") return word("aim_now", aim.pitch_deg);
  const turn = status.turn;
  return pitchNote(aim) + (turn && !turn.is_as_configured ? word("turn_other", turn.yaw_deg, turn.configured_deg) : "");
}

function pitchNote(aim) {
  return aim.is_as_configured ? word("aim_same", aim.pitch_deg) : word("aim_other", aim.pitch_deg, aim.configured_deg);
}

function chip(id, isGood, text) {
  put(id, text);
  byId(id).dataset.good = isGood;
}

function showFix(fix) {
  chip("fix", fix !== null, fix ? word("has_fix", fix.accuracy_m) : word("no_fix"));
  put("place", fix ? `${fix.lon.toFixed(6)}, ${fix.lat.toFixed(6)}` : "–");
  put("speed", fix ? `${(fix.speed_mps * 3.6).toFixed(0)} km/h` : "–");
  put("heading", fix ? `${fix.heading_deg.toFixed(0)}°` : "–");
}

function showThings() {
  const tracks = status.tracks.map((track) => ({ ...track, note: `${word("looks", track.looks)}${track.is_confirmed ? `, ${word("confirmed")}` : ""}` }));
  const boxes = status.tracks.length ? [] : status.boxes.map((box) => ({ ...box, note: word("box") }));
  const rows = [...tracks, ...boxes].map((thing) => {
    const row = element("li", "");
    row.append(element("span", `${thing.class_code} ${word(thing.class_code)}`), element("span", `${(100 * thing.confidence).toFixed(0)} % · ${thing.note}`));
    return row;
  });
  byId("things").replaceChildren(...(rows.length ? rows : [element("li", word("nothing"), "quiet")]));
}

function showSteps(steps) {
  const total = Object.values(steps).reduce((sum, ms) => sum + ms, 0);
  const rows = [...Object.entries(steps), [word("total"), total]].map(([name, ms]) => {
    const row = element("div", "", "step");
    const bar = document.createElement("meter");
    bar.max = Math.max(total, 1);
    bar.value = ms;
    row.append(element("span", word(`step_${name}`, name)), bar, element("span", `${ms.toFixed(ms < 100 ? 1 : 0)} ms`));
    return row;
  });
  byId("steps").replaceChildren(...rows);
}

async function showFrame() {
  const answer = await fetch("frame.jpg");
  byId("no-picture").hidden = answer.ok;
  if (!answer.ok) {
    put("no-picture", status.has_picture ? word("no_frame") : word("no_privacy"));
    byId("frame").removeAttribute("src");
    return;
  }
  const image = byId("frame");
  const before = image.src;
  image.src = URL.createObjectURL(await answer.blob());
  await image.decode();
  image.dataset.number = status.number;
  if (before) URL.revokeObjectURL(before);
}

async function follow() {
  for (;;) {
    let tookMs = 0;
    try {
      const answer = await fetch(`status.json?after=${status?.number ?? 0}`);
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      missed = 0;
      if (news) {
        status = news;
        const began = performance.now();
        if (!document.hidden) await showFrame();
        tookMs = performance.now() - began;
      }
    } catch {
      missed += 1;
    }
    show();
    await pause(missed ? 1000 : Math.max(PAUSE_MS, tookMs));
  }
}

async function mark(share) {
  const answer = await fetch(`aim.json?horizon=${share.toFixed(4)}`);
  if (!answer.ok) return;
  marked = { share, aim: await answer.json() };
  byId("view").ariaValueNow = (100 * share).toFixed(1);
  byId("mark").style.top = `calc(${100 * share}% - 1.5px)`;
  byId("mark").style.rotate = `${Math.atan(status?.horizon.fall ?? 0)}rad`;
  byId("mark").hidden = byId("unmark").hidden = false;
  showAim();
}

byId("frame").addEventListener("click", (event) => {
  const box = event.target.getBoundingClientRect();
  const aside = event.clientX - box.left - box.width / 2;
  mark((event.clientY - box.top - (status?.horizon.fall ?? 0) * aside) / box.height);
});
byId("view").addEventListener("keydown", (event) => {
  if (event.key === "Escape") unmark();
  if (!status || !(event.key in KEYS)) return;
  event.preventDefault();
  const from = marked?.share ?? status.horizon.measured ?? status.horizon.configured;
  mark(Math.min(1, Math.max(0, from + KEYS[event.key])));
});
function unmark() {
  marked = null;
  byId("view").ariaValueNow = null;
  byId("mark").hidden = byId("unmark").hidden = true;
  showAim();
}
byId("unmark").addEventListener("click", unmark);
byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("busense.language", language);
  showWords();
});

showWords();
follow();
