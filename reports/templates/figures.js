"use strict";
// Figures as text, and the figures of any window: the twins of words.rs and behind.rs.

const data = JSON.parse(document.getElementById("data").textContent);
const dash = "–";
const rowsMax = 240;

// As Rust rounds: what lies exactly between two goes to the even one.
function fixed(of, digits) {
  const text = of.toFixed(digits);
  const rest = Math.abs(of).toFixed(20).split(".")[1].slice(digits);
  if (!/^50*$/.test(rest)) return text;
  const unit = 10 ** digits;
  return ((2 * Math.round((of * unit) / 2)) / unit).toFixed(digits);
}

function commas(text) {
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${grouped}.${fraction}` : grouped;
}

function decimals(of) {
  const size = Math.abs(of);
  if (size >= 100 || size === 0) return 0;
  if (size >= 10) return 1;
  return size >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(size)));
}

function number(of) {
  const text = fixed(of, decimals(of));
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return commas(short === "-0" ? "0" : short);
}

function micros(us) {
  if (us < 1e3) return `${number(us)} µs`;
  return us < 1e6 ? `${number(us / 1e3)} ms` : `${number(us / 1e6)} s`;
}

const count = (of) => commas(String(of));
const orDash = (of, text) => (of === null ? dash : text(of));
const minuteAt = (match_s) => data.from_min + match_s / 60;
const minute = (of) => fixed(of, 1).replace(/^-0\.0$/, "0.0");
const exactMinute = (match_s) => fixed(minuteAt(match_s), 2);
const wallSeconds = (match_s) => fixed(match_s / data.speed, 1);

const binsOf = (level) => level.requests.length;
const binFrom = (level, index) => Math.min(index * level.step_s, level.end_s);

// The bins of a level that a window has, as [first, next).
function span(level, { from, to }) {
  const first = Math.floor(from / level.step_s + 1e-6);
  const next = Math.ceil(Math.min(to, level.end_s) / level.step_s - 1e-6);
  return [Math.min(first, binsOf(level) - 1), Math.min(Math.max(next, first + 1), binsOf(level))];
}

// The finest level that a screen has room for.
function levelFor({ from, to }) {
  const fits = data.levels.filter((level) => (to - from) / level.step_s <= rowsMax + 1e-6);
  return fits.length ? fits[fits.length - 1] : data.levels[0];
}

const isWhole = ({ from, to }) => from <= 0 && to >= data.total_s;

// A window of whole bins, so that every figure is of exactly what is seen.
function snapped({ from, to }) {
  const level = levelFor({ from, to });
  const first = Math.min(Math.round(from / level.step_s), binsOf(level) - 1);
  const next = Math.max(first + 1, Math.round(Math.min(to, level.end_s) / level.step_s));
  return {
    from: first * level.step_s,
    to: next >= binsOf(level) || to >= level.end_s ? Math.min(Math.max(to, level.end_s), data.total_s) : next * level.step_s,
  };
}

// A service's steps that reach into a window.
function stepsIn(service, { from, to }) {
  const steps = service.at_s.map((at_s, index) => ({
    at_s,
    end_s: index + 1 < service.at_s.length ? service.at_s[index + 1] : service.end_s,
    demand: service.demand[index],
    supply: service.supply[index],
    missing: service.supply[index] === null ? 0 : Math.max(0, service.demand[index] - service.supply[index]),
  }));
  return steps.filter((step) => step.at_s < to && step.end_s > from);
}

function shortages(view) {
  if (!data.services.length) return "not known";
  const worst = [];
  for (const service of data.services) {
    let step = null;
    for (const next of stepsIn(service, view)) {
      if (next.missing > (step ? step.missing : 0)) step = next;
    }
    if (step) worst.push({ service, step });
  }
  if (!worst.length) return "none";
  worst.sort((a, b) => b.step.missing - a.step.missing);
  const told = worst.slice(0, 3).map(({ service, step }) => {
    const at = minute(minuteAt(Math.max(step.at_s, view.from)));
    return `${service.name} ${number(step.missing)} of ${number(step.demand)} missing at minute ${at}`;
  });
  const more = worst.length - told.length;
  if (more > 0) told.push(`and ${more} more service${more === 1 ? "" : "s"}`);
  return told.join("; ");
}

// The percentile of all answers lies between the smallest and the largest of its bins.
function bounds(values, whole) {
  if (whole !== undefined) return whole === null ? dash : micros(whole);
  const known = values.filter((us) => us !== null);
  if (!known.length) return dash;
  const [low, high] = [Math.min(...known), Math.max(...known)].map(micros);
  return low === high ? low : `${low} to ${high}`;
}

// What the window says, by the names of its places in the page.
function figuresOf(view) {
  const level = levelFor(view);
  const [first, next] = span(level, view);
  const part = (column) => level[column].slice(first, next);
  const sum = (column) => part(column).reduce((a, b) => a + b, 0);
  const most = (column) => {
    const known = part(column).filter((of) => of !== null);
    return known.length ? count(Math.max(...known)) : dash;
  };
  const whole = (index) => {
    if (!isWhole(view)) return undefined;
    return data.whole_us ? data.whole_us[index] : null;
  };
  return {
    peak: `${most("present")} of ${most("wanted")} wanted`,
    requests: `${count(sum("requests"))}, ${count(sum("retries"))} of them retries`,
    failures: count(sum("failures")),
    p50: bounds(part("p50"), whole(0)),
    p99: bounds(part("p99"), whole(1)),
    p999: bounds(part("p999"), whole(2)),
    short: shortages(view),
  };
}

// The rows of the table of bins.
function binRows(view) {
  const level = levelFor(view);
  const [first, next] = span(level, view);
  const rows = [];
  for (let index = first; index < next; index += 1) {
    const from = binFrom(level, index);
    rows.push([
      exactMinute(from),
      wallSeconds(from),
      orDash(level.present[index], count),
      orDash(level.wanted[index], count),
      ...["requests", "retries", "failures"].map((column) => count(level[column][index])),
      ...["p50", "p99", "p999"].map((column) => orDash(level[column][index], micros)),
    ]);
  }
  return rows;
}

// The rows of the table of a service's instances.
function stepRows(service, view) {
  return stepsIn(service, view).map((step) => [
    exactMinute(step.at_s),
    wallSeconds(step.at_s),
    exactMinute(step.end_s),
    wallSeconds(step.end_s),
    number(step.demand),
    ...(step.supply === null ? ["not seen", "–"] : [step.supply, step.missing].map(number)),
  ]);
}

// All values of one bin, as [what, value, whether it is bad].
function readout(level, index, services) {
  const from = binFrom(level, index);
  const middle = (from + Math.min(from + level.step_s, level.end_s)) / 2;
  const at = (column) => level[column][index];
  const told = [
    ["minute", exactMinute(from)],
    ["wall", `${wallSeconds(from)} s`],
    ["viewers", `${orDash(at("present"), count)} of ${orDash(at("wanted"), count)}`],
    ["requests", count(at("requests"))],
    ["failed", count(at("failures")), at("failures") > 0],
    ["p50", orDash(at("p50"), micros)],
    ["p99", orDash(at("p99"), micros)],
    ["p99.9", orDash(at("p999"), micros)],
  ];
  for (const service of services) {
    const step = stepsIn(service, { from: middle, to: middle + 1e-6 })[0];
    if (step) {
      const short = step.missing > 0;
      told.push([service.name, `${orDash(step.supply, number)} of ${number(step.demand)}${short ? " ✗" : ""}`, short]);
    }
  }
  return told;
}
