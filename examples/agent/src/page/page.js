// Shows the frames that the agent sends. Text from the network is set as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

/** Columns of the talkers: title, value for the order, text. */
const COLUMNS = [
  { title: "From", value: (it) => label(it.source), text: true },
  { title: "To", value: (it) => label(it.destination), text: true },
  { title: "Port", value: (it) => service(it), text: true },
  { title: "Rate", value: (it) => it.octet_rate, show: bitRate },
  { title: "Packets/s", value: (it) => it.packet_rate, show: whole },
  { title: "Bytes", value: (it) => it.octets, show: bytes },
  { title: "Packets", value: (it) => it.packets, show: whole },
  { title: "Flows", value: (it) => it.flows, show: whole },
  { title: "Retransmissions", value: (it) => it.retransmissions, show: whole },
  { title: "Dropped", value: (it) => it.dropped, show: whole },
];

const state = { frame: null, events: null, sort: 3, isDescending: true, filter: "" };

// Texts.

function number(value, digits) {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function whole(value) {
  return value === null ? "–" : number(Math.round(value), 0);
}

function plural(count, noun) {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function scaled(value, unit, prefixes) {
  if (value === null) return "–";
  let at = 0;
  while (value >= 1000 && at + 1 < prefixes.length) {
    value /= 1000;
    at += 1;
  }
  return `${number(value, at === 0 || value >= 100 ? 0 : 1)} ${prefixes[at]}${unit}`;
}

function bytes(value) {
  return scaled(value, "B", ["", "k", "M", "G", "T", "P", "E"]);
}

function bitRate(value) {
  return scaled(value === null ? null : value * 8, "bit/s", ["", "k", "M", "G", "T"]);
}

/** Returns the text of a sum of flows: `~` is in front of an estimate. */
function summed(sums, text) {
  return sums.is_estimate && text !== "–" ? `~${text}` : text;
}

function label(end) {
  return end.namespace === null ? end.name : `${end.namespace}/${end.name}`;
}

function service(pair) {
  return pair.port === null ? pair.protocol : `${pair.protocol} ${pair.port}`;
}

/** Returns the cells of the sums of a row. */
function sumCells(of) {
  return COLUMNS.slice(3).map((column) => element("td", summed(of, column.show(column.value(of))), "number"));
}

// Elements.

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

/** Fills a table: `cells` gives those of an item's row. */
function rows(table, list, cells) {
  byId(table).tBodies[0].replaceChildren(...list.map((it) => row(cells(it))));
}

/** Returns the name of an end, with its kind as a tip. */
function named(end) {
  const cell = element("td", label(end));
  cell.title = end.kind;
  return cell;
}

// Parts of the page.

function showHead(frame) {
  const { total } = frame;
  const kept = frame.sampling > 1 ? `; one of ${whole(frame.sampling)} flows that begin now is kept` : "";
  const sampled = kept + (total.is_estimate ? "; sums with ~ are estimates" : "");
  byId("about").textContent =
    `mermin-agent ${frame.version}, ${frame.phase}, ${plural(frame.interfaces, "interface")}; ` +
    `${new Date(frame.now).toLocaleTimeString()}, read in ${number(frame.took, 1)} ms${sampled}`;
  const apart = frame.ledger.packets - frame.ledger.in_flows;
  const tiles = [
    ["Open flows", whole(frame.open)],
    ["Table", `${number((100 * frame.open) / Math.max(frame.capacity, 1), 1)} % of ${whole(frame.capacity)}`],
    ["Rate", summed(total, bitRate(total.octet_rate))],
    ["Packets/s", summed(total, whole(total.packet_rate))],
    ["Retransmissions", summed(total, whole(total.retransmissions))],
    ["Dropped by the kernel", summed(total, whole(total.dropped))],
    ["Packets in no record", whole(apart)],
    ["Degradations", whole(frame.degradations.length)],
  ];
  const list = tiles.map(([term, value]) => {
    const tile = element("div");
    tile.append(element("dt", term), element("dd", value));
    return tile;
  });
  byId("tiles").replaceChildren(...list);
}

function ordered(listed) {
  const value = COLUMNS[state.sort].value;
  const sign = state.isDescending ? -1 : 1;
  const compare = (one, other) => {
    const [a, b] = [value(one), value(other)];
    const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : (a ?? -1) - (b ?? -1);
    // Equal rows keep their order from one frame to the next.
    return sign * order || key(one).localeCompare(key(other));
  };
  return listed.toSorted(compare);
}

function key(pair) {
  return `${label(pair.source)} ${label(pair.destination)} ${service(pair)}`;
}

function showTalkers(frame) {
  const { listed, other_pairs: others, others: rest } = frame.talkers;
  const wanted = listed.filter((it) => key(it).toLowerCase().includes(state.filter));
  const shown = ordered(wanted);
  rows("pairs", shown, (it) => [
    named(it.source),
    named(it.destination),
    element("td", service(it)),
    ...sumCells(it),
  ]);
  const name = element("td", plural(others, "other pair"));
  name.colSpan = 3;
  byId("pairs").tFoot.replaceChildren(...(others > 0 ? [row([name, ...sumCells(rest)])] : []));
  byId("talkers-note").textContent =
    `${shown.length} of ${whole(listed.length + others)} pairs. Bytes, packets and flows are those of open flows; ` +
    "retransmissions and drops are those since the latest record of each flow.";
}

const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/**
 * The groups stand on an ellipse. The width of a line follows the logarithm of its rate. Each line bends to its own right, so the two of a
 * pair, one for each side that began flows, lie apart.
 */
function showMap(frame) {
  const { nodes, edges, other_nodes: others } = frame.map;
  const all = others > 0 ? [...nodes, { kind: "", namespace: null, name: `${others} others` }] : nodes;
  const places = all.map((_, at) => {
    const angle = (2 * Math.PI * at) / Math.max(all.length, 1) - Math.PI / 2;
    return [300 * Math.cos(angle), 225 * Math.sin(angle)];
  });
  const most = Math.max(1, ...edges.map((it) => it.octet_rate ?? 0));
  const lines = edges
    .filter((it) => it.from !== it.to && places[it.from] && places[it.to])
    .map((it) => {
      const [[x1, y1], [x2, y2]] = [places[it.from], places[it.to]];
      const width = 1 + (7 * Math.log1p(it.octet_rate ?? 0)) / Math.log1p(most);
      const bend = [(x1 + x2) / 5 + (y1 - y2) / 12, (y1 + y2) / 5 + (x2 - x1) / 12];
      const line = drawn("path", {
        d: `M${x1} ${y1} Q${bend[0]} ${bend[1]} ${x2} ${y2}`,
        "stroke-width": width.toFixed(1),
        class: it.octet_rate ? "busy" : "idle",
      });
      line.append(drawn("title", {}, `${label(all[it.from])} to ${label(all[it.to])}: ${summed(it, bitRate(it.octet_rate))}`));
      return line;
    });
  const points = all.flatMap((it, at) => {
    const [x, y] = places[at];
    const anchor = Math.abs(x) < 20 ? "middle" : x < 0 ? "end" : "start";
    const [dx, dy] = anchor === "middle" ? [0, y < 0 ? -26 : 22] : [x < 0 ? -10 : 10, 0];
    const text = drawn("text", { x: x + dx, y: y + dy + 4, "text-anchor": anchor }, short(it.name, 22));
    text.append(drawn("title", {}, `${it.kind} ${label(it)}`));
    const under = drawn(
      "text",
      { x: x + dx, y: y + dy + 17, "text-anchor": anchor, class: "namespace" },
      short(it.namespace ?? it.kind, 26),
    );
    return [drawn("circle", { cx: x, cy: y, r: 6 }), text, under];
  });
  byId("picture").replaceChildren(...lines, ...points);
  const ranked = edges.toSorted((one, other) => (other.octet_rate ?? 0) - (one.octet_rate ?? 0) || other.octets - one.octets);
  rows("edges", ranked, (it) => [
    named(all[it.from]),
    named(all[it.to]),
    element("td", summed(it, bitRate(it.octet_rate)), "number"),
    element("td", summed(it, bytes(it.octets)), "number"),
    element("td", summed(it, whole(it.flows)), "number"),
  ]);
  byId("map-note").textContent =
    "Ends are grouped by their workload, else by service, node or address. From is the side that began the flows; traffic is that of both directions.";
}

function showTrouble(frame) {
  const items = [
    ...frame.degradations.map((it) => {
      const on = it.interface === null ? "" : ` on ${it.interface}`;
      return `${it.feature}${on}: ${it.cause}; ${it.fallback}; ${it.impact}; to change that, ${it.remedy}`;
    }),
    ...frame.checks.map((it) => `${it.name}: ${it.message}${it.remedy ? `; ${it.remedy}` : ""}`),
  ].map((text) => element("li", text, "warn"));
  const notices = frame.notices.map((text) => element("li", text, "faint"));
  const none = items.length + notices.length === 0 ? [element("li", "none", "faint")] : [];
  byId("degradations").replaceChildren(...items, ...notices, ...none);
}

function showCounts(frame) {
  const { ledger, total } = frame;
  const losses = [
    { name: "retransmissions", count: total.retransmissions, is_estimate: total.is_estimate, meaning: "TCP segments sent again, of open flows since their latest record" },
    { name: "dropped", count: total.dropped, is_estimate: total.is_estimate, meaning: "packets that the kernel dropped, of open flows since their latest record" },
    ...frame.drops,
  ];
  rows("drops", losses, (it) => [
    element("td", it.name),
    element("td", it.count === null ? "not counted" : summed(it, whole(it.count)), "number"),
    element("td", it.meaning, "faint"),
  ]);
  byId("ledger-sum").textContent =
    `${whole(ledger.packets)} packets crossed the hooks = ${whole(ledger.in_flows)} in flows + ` +
    `${whole(ledger.packets - ledger.in_flows)} in none`;
  rows("reasons", ledger.reasons, (it) => [
    element("td", it.name),
    element("td", whole(it.packets), "number"),
    element("td", bytes(it.frame_octets), "number"),
    element("td", it.remedy === null ? it.meaning : `${it.meaning}; ${it.remedy}`, "faint"),
  ]);
  rows("receivers-table", frame.receivers, (it) => [
    element("td", it.name),
    element("td", whole(it.delivered), "number"),
    element("td", whole(it.waiting), "number"),
    element("td", whole(it.dropped), it.dropped > 0 ? "number warn" : "number"),
    element("td", it.last_error ?? "", "faint"),
  ]);
}

function show() {
  const { frame } = state;
  if (frame === null) return;
  showHead(frame);
  showTalkers(frame);
  showMap(frame);
  showTrouble(frame);
  showCounts(frame);
}

// Events and keys.

function say(text, isWarning) {
  const status = byId("status");
  if (status.textContent !== text) status.textContent = text;
  status.className = isWarning ? "warn" : "";
}

function listen() {
  const events = new EventSource("events");
  events.onmessage = (event) => {
    state.frame = JSON.parse(event.data);
    say("live", false);
    show();
  };
  events.onerror = () => {
    // The browser gives up after an answer that has no events, and does not say which it was; try again.
    const isClosed = events.readyState === EventSource.CLOSED;
    const cause = isClosed ? "no connection, or as many browsers look as there is room for" : "no connection";
    say(`${cause}; the numbers are old`, true);
    if (isClosed) {
      setTimeout(() => state.events === events && restart(), 3000);
    }
  };
  state.events = events;
}

function restart() {
  state.events?.close();
  listen();
}

/** A paused page has no connection, so the agent does nothing for it. */
function pause() {
  const isPaused = state.events !== null;
  if (isPaused) {
    state.events.close();
    state.events = null;
    say("paused", false);
  } else {
    say("connecting", false);
    listen();
  }
  byId("pause").textContent = isPaused ? "Go on" : "Pause";
  byId("pause").setAttribute("aria-pressed", String(isPaused));
}

function sortBy(at) {
  state.isDescending = state.sort === at ? !state.isDescending : !COLUMNS[at].text;
  state.sort = at;
  showOrder();
  show();
}

function showOrder() {
  const cells = byId("pairs").tHead.rows[0].cells;
  COLUMNS.forEach((_, at) => {
    const order = state.isDescending ? "descending" : "ascending";
    cells[at].setAttribute("aria-sort", at === state.sort ? order : "none");
  });
}

function begin() {
  const head = byId("pairs").tHead.rows[0];
  head.append(
    ...COLUMNS.map((column, at) => {
      const cell = element("th", undefined, column.text ? "" : "number");
      cell.scope = "col";
      const button = element("button", column.title);
      button.type = "button";
      button.addEventListener("click", () => sortBy(at));
      cell.append(button);
      return cell;
    }),
  );
  showOrder();
  byId("pause").addEventListener("click", pause);
  byId("filter").addEventListener("input", (event) => {
    state.filter = event.target.value.toLowerCase();
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key === "Escape" && isTyping) event.target.blur();
    if (isTyping) return;
    if (event.key === "p") pause();
    if (event.key === "/") {
      event.preventDefault();
      byId("filter").focus();
    }
  });
  listen();
}

begin();
