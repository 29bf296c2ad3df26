"use strict";
// What the page keeps of each service for its chart, in looks of a second, and the least that it is wide.
const KEPT = 180;
const WIDE = 30;
// A lost edge is lent for so long, and renewed with each event: it heals by itself when nobody looks.
const LEASE_MS = 3000;
// Numbers of the faults of pages: a rehearsal's own begin at 1.
const FIRST_FAULT = 1_000_000;
const OWN = "";

const by = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const rounded = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const cards = new Map();
const lent = new Map();
let last = null;
// Whether an event tells of a change between two looks.
let between = false;

// An element with its class, its text or its children.
function make(tag, kind = "", ...inside) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.append(...inside);
  return element;
}

function drawn(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// What is the same already is left alone: a reader of the screen would hear it again.
function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

const plain = (name) => name.replaceAll("_", " ");
const minutes = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function say(text, wrong = false) {
  write(by("said"), text);
  by("said").classList.toggle("wrong", wrong);
}

// Asks the platform for a change, and says what came of it; whether it was done.
async function ask(method, path, body, done) {
  try {
    const answer = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (answer.ok) {
      if (done) say(`${minutes(last?.match_s ?? 0)} ${done}`);
      return true;
    }
    say((await answer.text()).trim(), true);
  } catch {
    say("the platform does not answer", true);
  }
  return false;
}

function choice(name, texts, chosen) {
  const group = make("span", "choice");
  group.role = "group";
  group.ariaLabel = name;
  for (const [text, act] of texts) {
    const button = make("button", "", text);
    button.type = "button";
    button.addEventListener("click", act);
    group.append(button);
  }
  chosen(group);
  return group;
}

function row(list, name) {
  const [state, detail] = [make("span", "state"), make("span", "soft")];
  const line = make("li", "", make("span", "what", make("b", "", plain(name)), state, " ", detail));
  list.append(line);
  return { line, state, detail };
}

function newEdge(edge, place) {
  const [id, fault] = [FIRST_FAULT + place, { edge_lost: { edge: edge.name } }];
  const card = row(by("edges"), edge.name);
  card.detail.textContent = edge.address ?? "";
  card.button = make("button", "", "Lose");
  card.button.type = "button";
  card.button.addEventListener("click", async () => {
    if (card.lost) {
      lent.delete(id);
      await ask("DELETE", `/faults/${id}`, undefined, `edge ${edge.name} restored`);
    } else if (await ask("POST", "/faults", { id, fault, lease_ms: LEASE_MS }, `edge ${edge.name} lost`)) {
      lent.set(id, edge.name);
    }
  });
  card.line.append(card.button);
  return card;
}

function showEdge(card, edge) {
  card.lost = edge.lost;
  write(card.state, edge.lost ? "lost" : "serves");
  card.state.classList.toggle("wrong", edge.lost);
  write(card.button, edge.lost ? "Restore" : "Lose");
  card.button.ariaLabel = `${edge.lost ? "Restore" : "Lose"} edge ${edge.name}`;
}

function newSwitch(known) {
  const card = row(by("switches"), known.name);
  const press = (state) => () =>
    ask("PUT", `/switches/${known.name}`, { state }, `${plain(known.name)}: ${state}`);
  const texts = ["automatic", "on", "off"].map((state) => [state, press(state)]);
  card.line.append(choice(plain(known.name), texts, (group) => (card.group = group)));
  return card;
}

function showSwitch(card, known) {
  write(card.state, known.on ? "on" : "off");
  card.state.classList.toggle("wrong", known.on);
  const chosen = { true: "on", false: "off", null: "automatic" }[known.forced];
  for (const button of card.group.children) button.ariaPressed = button.textContent === chosen;
}

const FIGURES = [
  ["needed", "needed"], ["ready", "ready"], ["desired", "wanted"],
  ["rps", "requests/s here"], ["pending", "on their way"], ["rejected", "turned away"],
];

function newService(service, place, choices) {
  const card = { history: [], figures: {}, root: make("article", "service") };
  const title = make("h3", "", service.name);
  title.id = `service-${place}`;
  card.root.setAttribute("aria-labelledby", title.id);
  card.tone = make("span", "state");
  card.chart = drawn("svg", { preserveAspectRatio: "none", role: "img" });
  card.lines = ["desired", "supply", "demand"].map((kind) => drawn("path", { class: kind }));
  card.chart.append(...card.lines);
  card.scale = make("p", "scale");
  const figures = make("dl", "figures");
  for (const [key, text] of FIGURES) {
    card.figures[key] = make("dd", { needed: "demand", ready: "supply" }[key]);
    figures.append(make("div", "", make("dt", "", text), card.figures[key]));
  }
  card.root.append(make("header", "", title, card.tone), card.chart, card.scale, figures);
  policyOf(card, service.name, choices);
  by("services").append(card.root);
  return card;
}

function policyOf(card, name, choices) {
  card.select = make("select");
  for (const known of choices) card.select.append(new Option(known, known));
  card.select.append(new Option("another, below", OWN));
  const own = make("textarea");
  own.value = '{ "hpa": { "rps_per_instance": 2500, "target_utilisation": 0.6, "min_instances": 3, "max_instances": 400 } }';
  own.spellcheck = false;
  const apply = make("button", "", "Apply");
  apply.type = "button";
  apply.ariaLabel = `Apply this policy to ${name}`;
  card.numbers = make("dl", "numbers");
  card.policy = make("summary");
  card.more = make("details", "", card.policy, card.numbers, make("label", "", "Another, in the form of a file, as JSON", own), apply);
  const follow = (policy, whose) => ask("PUT", `/policies/${encodeURIComponent(name)}`, policy, `${name} is scaled as ${whose}`);
  card.select.addEventListener("change", () => {
    if (card.select.value === OWN) {
      card.more.open = true;
      own.focus();
    } else follow({ like: card.select.value }, `in ${card.select.value}`);
  });
  apply.addEventListener("click", () => {
    try {
      const policy = JSON.parse(own.value);
      follow(policy, `told: ${Object.keys(policy)[0]}`);
    } catch (error) {
      say(`not JSON: ${error.message}`, true);
    }
  });
  card.root.append(make("label", "", `Policy of ${name}, as in`, card.select), card.more);
}

// A policy's name and its numbers, however deep they lie.
function numbersOf(policy) {
  const rows = [];
  const walk = (value, path) => {
    if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) walk(inner, key === "bounds" ? path : [...path, key]);
    } else if (value !== null) rows.push([path.join(" "), typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : value]);
  };
  const [name, inside] = Object.entries(policy)[0];
  walk(inside, []);
  return { name, rows };
}

function showService(card, service) {
  const few = service.needed > service.ready;
  card.root.classList.toggle("wrong", few);
  write(card.tone, few ? `${service.needed - service.ready} too few` : "enough");
  card.tone.classList.toggle("wrong", few);
  for (const [key] of FIGURES) {
    write(card.figures[key], key === "rps" ? rounded.format(service.rps) : grouped.format(service[key]));
  }
  draw(card, { demand: service.needed, supply: service.ready, desired: service.desired });
  if (document.activeElement !== card.select) card.select.value = service.like ?? OWN;
  const text = JSON.stringify(service.policy);
  if (text === card.shown) return;
  card.shown = text;
  const { name, rows } = numbersOf(service.policy);
  write(card.policy, `${plain(name)}: its numbers, and another`);
  card.numbers.replaceChildren(...rows.flatMap(([key, value]) => [make("dt", "", key), make("dd", "", value)]));
}

// A change is told at once: what comes between two looks takes the place of the last.
function draw(card, look) {
  if (between) card.history.pop();
  card.history.push(look);
  if (card.history.length > KEPT) card.history.shift();
  const wide = Math.max(WIDE, card.history.length) - 1;
  card.chart.setAttribute("viewBox", `0 0 ${wide} 100`);
  const all = card.history.flatMap((look) => [look.demand, look.supply, look.desired]);
  const most = Math.max(1, ...all);
  ["desired", "supply", "demand"].forEach((kind, at) => {
    const y = (look) => (96 - (92 * look[kind]) / most).toFixed(1);
    // Counts change in steps.
    const steps = card.history.map((look, x) => (x ? `H${x}V${y(look)}` : `M0,${y(look)}`));
    card.lines[at].setAttribute("d", steps.join(""));
  });
  const now = card.history.at(-1);
  card.chart.ariaLabel = `needed ${now.demand}, ready ${now.supply}, wanted ${now.desired}; at most ${most} in the last ${wide} s`;
  write(card.scale, `0 to ${grouped.format(most)} instances, ${wide} s`);
}

// Shows each thing on a card of its own, which is made when it is first seen.
function each(kind, things, create, update) {
  things.forEach((thing, place) => {
    const key = `${kind} ${thing.name}`;
    if (!cards.has(key)) cards.set(key, create(thing, place));
    update(cards.get(key), thing);
  });
}

function show(now) {
  between = last !== null && (now.match_s - last.match_s) / now.speed < 0.5;
  if (!between) last = now;
  document.body.classList.remove("stale");
  write(by("name"), now.name);
  document.title = `${now.name}: HULK platform`;
  const stands = grouped.format(1 / now.scale);
  const faults = now.faults.map((fault) => `${plain(fault.kind)} at ${fault.at}`).join(", ") || "none";
  write(by("clock"), `match time ${minutes(now.match_s)}, ${now.speed} match seconds a second; a viewer here stands for ${stands}; faults: ${faults}`);
  write(by("viewers"), rounded.format(now.connections / now.scale));
  write(by("connections"), grouped.format(now.connections));
  const short = now.services.filter((service) => service.needed > service.ready).length;
  write(by("short"), `${short} of ${now.services.length}`);
  by("short").classList.toggle("wrong", short > 0);
  write(by("rejected"), grouped.format(now.services.reduce((sum, service) => sum + service.rejected, 0)));
  each("edge", now.edges, newEdge, showEdge);
  each("switch", now.switches, newSwitch, showSwitch);
  each("service", now.services, (service, place) => newService(service, place, now.choices), showService);
}

// With the events, not with a timer: a browser slows those of a page that nobody sees.
function renew() {
  for (const [id, edge] of lent) {
    fetch(`/faults/${id}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ lease_ms: LEASE_MS }),
    }).then((answer) => {
      if (answer.status === 409 && lent.delete(id)) say(`edge ${edge} came back: it was not renewed in time, or somebody else restored it`);
    }, () => {});
  }
}

const events = new EventSource("/events");
events.addEventListener("message", (event) => {
  show(JSON.parse(event.data));
  renew();
});
events.addEventListener("error", () => {
  document.body.classList.add("stale");
  write(by("clock"), "not connected: the platform has ended, or is busy; what stands here is old");
});
