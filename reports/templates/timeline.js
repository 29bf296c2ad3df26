// The timeline under a hand: zoom, pan, a cursor with all values, and tables that follow.

const figure = document.querySelector(".timeline");
if (data && figure) {
  const plots = figure.querySelector(".plots");
  const inners = [...plots.querySelectorAll("svg.inner")];
  const units = 100000;
  const whole = { from: 0, to: data.total_s };
  const finest = data.levels[data.levels.length - 1];
  const ticksMin = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240];
  let view = whole;
  let drawn = data.levels[0];
  let cursor = null;

  const add = (parent, tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const button = (parent, text, label, act) => {
    const element = add(parent, "button", "", text);
    element.type = "button";
    element.setAttribute("aria-label", label);
    element.title = label;
    element.addEventListener("click", act);
    return element;
  };
  const share = (match_s) => (match_s - view.from) / (view.to - view.from);

  // The curves of one level of detail.
  function path(inner, level, column, place) {
    const [top, height, kind, low, high] = inner.dataset.plot.split(" ").map((of, at) => (at === 2 ? of : +of));
    const y = (value) => {
      const part = kind === "log" ? (Math.log10(value) - low) / (high - low) : (value - low) / (high - low);
      return (top + (1 - Math.min(1, Math.max(0, part))) * height).toFixed(1);
    };
    const x = (match_s) => Math.round((match_s / data.total_s) * units);
    let text = "";
    level[column].forEach((value, index) => {
      const [from, to] = [binFrom(level, index), binFrom(level, index + 1)];
      if (column === "failures") {
        if (value) text += `M${x(from)} ${y(0)}V${y(value)}H${x(to)}V${y(0)}Z`;
      } else if (value !== null) {
        const before = index > 0 && level[column][index - 1] !== null;
        const after = index + 1 < level[column].length && level[column][index + 1] !== null;
        text += `${before ? "L" : "M"}${x(from + (to - from) * place)} ${y(value)}${before || after ? "" : "h300"}`;
      }
    });
    return text;
  }

  const curves = [
    ["path.present", "present", 1],
    ["path.wanted", "wanted", 1],
    ["path.p50", "p50", 0.5],
    ["path.p99", "p99", 0.5],
    ["path.p999", "p999", 0.5],
    ["path.errors", "failures", 0],
  ];
  const served = new Map();

  function drawCurves(level) {
    if (level === drawn) return;
    for (const [selector, column, place] of curves) {
      const curve = plots.querySelector(selector);
      if (!curve) continue;
      if (drawn === data.levels[0]) served.set(selector, curve.getAttribute("d"));
      const coarse = level === data.levels[0];
      curve.setAttribute("d", coarse ? served.get(selector) : path(curve.parentNode, level, column, place));
    }
    drawn = level;
  }

  function moveMarks() {
    for (const text of plots.querySelectorAll(".strip text")) {
      const [from, until] = [+text.dataset.from, +text.dataset.until];
      const seen = until >= view.from && from <= view.to;
      const x = Math.max(0, share(from)) * 100;
      const left = x > 88 || (text.dataset.left === "" && x > 12);
      text.setAttribute("display", seen ? "inline" : "none");
      text.setAttribute("x", `${x.toFixed(3)}%`);
      text.setAttribute("dx", left ? -5 : 5);
      text.setAttribute("text-anchor", left ? "end" : "start");
    }
  }

  const axis = plots.querySelector(".axis");
  const unit = axis.querySelector(".unit");
  function moveTicks() {
    const [from, to] = [minuteAt(view.from), minuteAt(view.to)];
    const step = ticksMin.find((step) => (to - from) / step <= 7) || to - from;
    const digits = Math.abs(Math.min(0, Math.floor(Math.log10(step))));
    axis.querySelectorAll("text:not(.unit)").forEach((text) => text.remove());
    for (let tick = Math.ceil(from / step - 1e-9); tick <= to / step + 1e-9; tick += 1) {
      const x = ((tick * step - from) / (to - from)) * 100;
      const text = unit.cloneNode(false);
      text.removeAttribute("class");
      text.removeAttribute("dx");
      text.setAttribute("x", `${x.toFixed(3)}%`);
      text.setAttribute("text-anchor", x < 3 ? "start" : x > 97 ? "end" : "middle");
      text.textContent = (tick * step).toFixed(digits);
      axis.append(text);
    }
  }

  const told = () => `match minute ${exactMinute(view.from)} to ${exactMinute(view.to)}`;

  function fillTables() {
    for (const table of figure.querySelectorAll("table[data-rows]")) {
      const key = table.dataset.rows;
      const rows = key === "bins" ? binRows(view) : stepRows(data.services[+key], view);
      const body = document.createElement("tbody");
      body.className = "figures";
      for (const cells of rows) {
        const row = body.insertRow();
        for (const cell of cells) row.insertCell().textContent = cell;
      }
      table.tBodies[0].replaceWith(body);
      const name = table.caption.textContent.replace(/, (the whole run|match minute [^,]*)$/, "");
      table.caption.textContent = `${name}, ${isWhole(view) ? "the whole run" : told()}`;
    }
  }

  function fillFigures() {
    for (const [key, text] of Object.entries(figuresOf(view))) {
      figure.querySelector(`[data-figure="${key}"]`).textContent = text;
    }
    figure.querySelector(".window h3").textContent = isWhole(view)
      ? "Figures of the whole run"
      : `Figures of ${told()}; percentiles lie within these bounds`;
  }

  // Above the curves: what is seen, the buttons, and the values under the cursor.
  const bar = document.createElement("div");
  bar.className = "bar";
  const tools = add(bar, "div", "tools");
  const seen = add(tools, "span", "seen");
  button(tools, "◀", "Pan to earlier (Shift + left arrow)", () => pan(-0.5));
  button(tools, "▶", "Pan to later (Shift + right arrow)", () => pan(0.5));
  button(tools, "−", "Zoom out (minus)", () => zoom(2));
  button(tools, "+", "Zoom in (plus)", () => zoom(0.5));
  const reset = button(tools, "Whole run", "Show the whole run (Escape)", () => show(whole));
  const values = add(bar, "p", "readout");
  values.setAttribute("role", "status");
  values.setAttribute("aria-live", "polite");
  const touch = matchMedia("(pointer: coarse)").matches;
  const hint = touch ? "Touch the curves to read them, draw across them to zoom." : "Drag to zoom, or press Tab to the curves: ← → move the cursor, + − zoom, Shift ← → pan, Home End, Esc resets.";
  plots.before(bar);
  const line = add(plots, "div", "cursor");
  const choice = add(plots, "div", "choice");
  line.hidden = choice.hidden = true;

  function show(next) {
    const from = Math.max(0, Math.min(next.from, data.total_s));
    const to = Math.max(from, Math.min(next.to, data.total_s));
    const before = view;
    view = from <= 0 && to >= data.total_s ? whole : snapped({ from, to });
    if (view.from === before.from && view.to === before.to) return;
    refresh();
  }

  function refresh() {
    drawCurves(levelFor(view));
    for (const inner of inners) {
      const height = inner.viewBox.baseVal.height;
      const [from, to] = [view.from, view.to].map((at) => (at / data.total_s) * units);
      inner.setAttribute("viewBox", `${from.toFixed(2)} 0 ${(to - from).toFixed(2)} ${height}`);
    }
    moveMarks();
    moveTicks();
    fillFigures();
    fillTables();
    label();
    if (cursor !== null && (cursor < view.from || cursor > view.to)) cursor = null;
    moveCursor(true);
  }

  function label() {
    seen.textContent = isWhole(view)
      ? `Whole run: ${told()}`
      : `Window: ${told()}, wall ${wallSeconds(view.from)} to ${wallSeconds(view.to)} s`;
    reset.disabled = isWhole(view);
  }

  const least = 2 * finest.step_s;
  function zoom(factor, around) {
    const at = around ?? cursor ?? (view.from + view.to) / 2;
    const width = Math.max(least, (view.to - view.from) * factor);
    // What is under the cursor stays there.
    const from = Math.max(0, Math.min(at - width * share(at), data.total_s - width));
    show({ from, to: from + width });
  }

  function pan(part) {
    const width = view.to - view.from;
    const { step_s } = levelFor(view);
    const by = Math.sign(part) * Math.max(1, Math.round((width * Math.abs(part)) / step_s)) * step_s;
    const from = Math.max(0, Math.min(view.from + by, data.total_s - width));
    show({ from, to: from + width });
  }

  // The cursor stands in the middle of a bin.
  function moveCursor(moved) {
    line.hidden = cursor === null;
    if (cursor === null) {
      delete values.dataset.read;
      values.replaceChildren(add(values, "span", "hint", hint));
      return;
    }
    const level = levelFor(view);
    const [first, next] = span(level, view);
    const index = Math.max(first, Math.min(next - 1, Math.floor(cursor / level.step_s + 1e-9)));
    const [from, to] = [binFrom(level, index), binFrom(level, index + 1)];
    cursor = (from + to) / 2;
    const read = [level.step_s, index, plots.querySelectorAll(".more[open]").length].join();
    if (values.dataset.read === read && !moved) return;
    values.dataset.read = read;
    line.style.left = `${Math.max(0, Math.min(1, share(cursor))) * 100}%`;
    const folded = plots.querySelector(".more:not([open])");
    const panels = folded ? data.services.length - folded.querySelectorAll(".panel").length : data.services.length;
    values.replaceChildren();
    for (const [what, value, bad] of readout(level, index, data.services.slice(0, panels))) {
      const pair = add(values, "span", bad ? "bad" : "");
      pair.append(`${what} `);
      add(pair, "b", "", value);
      values.append(" ");
    }
  }

  function stepCursor(by) {
    const level = levelFor(view);
    const [first, next] = span(level, view);
    const middle = (index) => (binFrom(level, index) + binFrom(level, index + 1)) / 2;
    const start = cursor === null ? Math.floor((first + next) / 2) - by : Math.floor(cursor / level.step_s + 1e-9);
    const index = Math.max(0, Math.min(binsOf(level) - 1, start + by));
    if (index < first || index >= next) pan(by > 0 ? 0.5 : -0.5);
    cursor = middle(index);
    moveCursor();
  }

  function setCursor(match_s) {
    cursor = match_s;
    moveCursor();
  }

  plots.tabIndex = 0;
  plots.setAttribute("role", "application");
  plots.setAttribute("aria-label", "Timeline of the match");
  plots.setAttribute("aria-description", hint);
  plots.addEventListener("keydown", (event) => {
    if (event.target !== plots || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => (event.shiftKey ? pan(-0.25) : stepCursor(-1)),
      ArrowRight: () => (event.shiftKey ? pan(0.25) : stepCursor(1)),
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      _: () => zoom(2),
      Home: () => setCursor(view.from),
      End: () => setCursor(view.to),
      Escape: () => show(whole),
      0: () => show(whole),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // A pointer: moving reads, dragging zooms.
  let start = null;
  const timeOf = (event) => {
    const place = plots.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - place.left) / place.width));
    return view.from + part * (view.to - view.from);
  };
  const wide = (event) => start !== null && Math.abs(event.clientX - start.x) > 5;
  plots.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("summary")) return;
    start = { x: event.clientX, at: timeOf(event) };
  });
  plots.addEventListener("pointermove", (event) => {
    setCursor(timeOf(event));
    choice.hidden = !wide(event);
    if (choice.hidden) return;
    plots.setPointerCapture(event.pointerId);
    const [from, to] = [share(start.at), share(timeOf(event))].sort((a, b) => a - b);
    choice.style.left = `${from * 100}%`;
    choice.style.width = `${(to - from) * 100}%`;
  });
  plots.addEventListener("pointerup", (event) => {
    const chosen = wide(event) ? [start.at, timeOf(event)].sort((a, b) => a - b) : null;
    start = null;
    choice.hidden = true;
    if (chosen) show({ from: chosen[0], to: Math.max(chosen[1], chosen[0] + least) });
    else if (!event.target.closest("summary")) setCursor(timeOf(event));
  });
  plots.addEventListener("pointercancel", () => {
    start = null;
    choice.hidden = true;
  });
  // The wheel is the page's, unless the curves have the focus or Ctrl is held.
  plots.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== plots) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, timeOf(event));
    },
    { passive: false },
  );

  // A fault or moment, and as much time before and after it.
  for (const item of figure.querySelectorAll(".marks li[data-from]")) {
    const [from, until] = [+item.dataset.from, Math.min(+item.dataset.until, data.total_s)];
    const name = item.querySelector("span").textContent;
    const pad = Math.max(until - from, 0.05 * data.total_s, 4 * finest.step_s);
    const windows =
      until > from
        ? [["before", from - pad, from], ["during", from, until], ["after", until, until + pad]]
        : [["before", from - pad, from], ["around", from - pad / 2, from + pad / 2], ["after", from, from + pad]];
    const group = add(item, "span", "show");
    for (const [what, first, last] of windows) {
      const shown = button(group, what, `Show the window ${what} ${name}`, () => {
        show({ from: first, to: last });
        plots.scrollIntoView({ block: "nearest" });
      });
      shown.disabled = last <= 0 || first >= data.total_s;
    }
  }
  label();
  moveCursor();
  figure.classList.add("live");
}
