"use strict";
// What peers chose reaches the page as text only, never as markup.
const element = (id) => document.getElementById(id);

const scaled = (value, base, units, least) => {
  let i = 0;
  while (i < units.length - 1 && value >= base - least) { value /= base; i++; }
  return (i === 0 ? Math.round(value) : value.toFixed(1)) + "\u00a0" + units[i];
};
const bytes = (n) => scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 0.05);
const rate = (n) => scaled(n, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"], 0.05);
const percent = (share) => (share * 100).toFixed(1) + "\u00a0%";
const span = (seconds) => {
  const s = Math.max(0, Math.floor(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s >= 86400) return Math.floor(s / 86400) + " d " + two(Math.floor(s / 3600) % 24) + " h";
  if (s >= 3600) return Math.floor(s / 3600) + " h " + two(Math.floor(s / 60) % 60) + " min";
  return s >= 60 ? Math.floor(s / 60) + " min " + two(s % 60) + " s" : s + " s";
};
const files = (total) => total.files + (total.files === 1 ? " file, " : " files, ") + bytes(total.bytes) +
  (total.failed ? ", " + total.failed + " failed" : "");

// Invisible characters could make one name look like another.
const visible = (name) => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
  (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));

const cell = (row, label, text, kind) => {
  const td = row.insertCell();
  td.dataset.label = label;
  if (kind) td.className = kind;
  td.textContent = text;
  return td;
};

const show = (status) => {
  element("running").textContent = status.running;
  element("sent").textContent = files(status.sent);
  element("received").textContent = files(status.received);
  element("up").textContent = span((Date.parse(status.time) - Date.parse(status.since)) / 1000);
  const rows = document.createElement("tbody");
  rows.id = "transfers";
  for (const t of status.transfers) {
    const row = rows.insertRow();
    cell(row, "Name", "", "name").append(Object.assign(document.createElement("bdi"), { textContent: visible(t.name) }));
    cell(row, "Direction", (t.direction === "sending" ? "↑ " : "↓ ") + t.direction);
    cell(row, "Peer", t.peer + " (" + t.carrier.toUpperCase() + ")");
    const known = t.total !== null;
    const progress = cell(row, "Progress", bytes(t.bytes) + (known ? " of " + bytes(t.total) : ""));
    const bar = document.createElement("progress");
    bar.max = 1;
    if (known) bar.value = t.total ? t.bytes / t.total : 1;
    bar.setAttribute("aria-label", "Progress of " + visible(t.name));
    progress.append(bar);
    cell(row, "Rate", rate(t.rate), "number");
    cell(row, "Loss", t.loss === null ? "–" : percent(t.loss), "number");
    cell(row, "RTT", t.rtt === null ? "–" : (t.rtt < 10 ? t.rtt.toFixed(2) : t.rtt.toFixed(0)) + "\u00a0ms", "number");
  }
  element("transfers").replaceWith(rows);
  element("none").hidden = status.running > 0;
  const hidden = status.running - status.transfers.length;
  element("more").hidden = hidden === 0;
  element("more").textContent = hidden + " more are not shown.";
};

const source = new EventSource("status/events");
source.onopen = () => { element("state").textContent = "Live."; };
source.onmessage = (event) => show(JSON.parse(event.data));
source.onerror = () => { element("state").textContent = "The server does not answer; these figures are old."; };
