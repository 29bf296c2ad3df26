// Opens the reports of a folder in Chromium and says of each claim what is wrong, as JSON: an empty
// text where it holds. Pictures are kept in the same folder.
//   node report.mjs FOLDER
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { axe, launch, listen } from "./chromium.mjs";
import { figuresIn, minutesOf, rowsIn } from "./expected.mjs";

const folder = resolve(process.argv[2]);
const cases = ["pass", "fail", "long", "cut"];
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
// What Jenkins sends with every file of a build, unless somebody relaxes it.
const jenkins = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';";

const browser = await launch();
const server = createServer((request, response) => {
  // A browser asks each host for its icon by itself.
  if (!request.url.endsWith(".html")) return response.writeHead(204).end();
  response.setHeader("Content-Security-Policy", jenkins);
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(readFileSync(join(folder, request.url.slice(1))));
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const served = (name) => `http://127.0.0.1:${server.address().port}/${name}.html`;
const onDisk = (name) => pathToFileURL(join(folder, `${name}.html`)).href;

// Opens a page, runs `look` on it and gives what was wrong meanwhile.
async function open(url, options, look = async () => {}) {
  const context = await browser.newContext({ viewport: desktop, ...options });
  const page = await context.newPage();
  const wrong = [];
  listen(page, wrong);
  page.on("request", (request) => {
    if (request.url() !== url) wrong.push(`asked for ${request.url()}`);
  });
  const devtools = await context.newCDPSession(page);
  devtools.on("Audits.issueAdded", ({ issue }) => wrong.push(`issue ${issue.code}`));
  devtools.on("Log.entryAdded", ({ entry }) => wrong.push(`log ${entry.text}`));
  await devtools.send("Audits.enable");
  await devtools.send("Log.enable");
  try {
    await page.goto(url, { waitUntil: "load" });
    const told = await look(page, context);
    if (told) wrong.push(told);
  } catch (error) {
    wrong.push(String(error.message ?? error));
  }
  await context.close();
  return wrong.map((text) => `${url.split("/").pop()}: ${text}`);
}

const must = (holds, told) => {
  if (!holds) throw new Error(told);
};

async function opens() {
  const names = cases.flatMap((name) => [name, `${name}-static`]);
  return (await Promise.all(names.map((name) => open(onDisk(name), {})))).flat();
}

// An element's box by the browser's own tools: no script can look under this policy.
async function boxOf(devtools, selector, at) {
  const { root } = await devtools.send("DOM.getDocument");
  const { nodeIds } = await devtools.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector });
  must(nodeIds.length, `no ${selector}`);
  const nodeId = nodeIds.at(at);
  await devtools.send("DOM.scrollIntoViewIfNeeded", { nodeId });
  const { model } = await devtools.send("DOM.getBoxModel", { nodeId });
  return { x: model.border[0], y: model.border[1], width: model.width, height: model.height };
}

// Nothing is blocked, for nothing is asked; the curves are seen, and a folded table can be opened.
async function underJenkins() {
  const wrong = [];
  for (const name of ["pass", "fail", "long"]) {
    wrong.push(...(await open(served(`${name}-static`), {}, async (page, context) => {
      const devtools = await context.newCDPSession(page);
      const curve = await boxOf(devtools, "svg svg path[stroke-dasharray]", 0);
      must(curve.width > 500, `a curve is ${curve.width} pixels wide`);
      const fold = await boxOf(devtools, "summary", -1);
      await page.mouse.click(fold.x + 20, fold.y + fold.height / 2);
      const table = await boxOf(devtools, "details[open] table", 0);
      must(table.height > 30, "no table is unfolded");
    })));
  }
  return wrong;
}

async function accessible() {
  const wrong = [];
  for (const name of ["pass", "long", "fail", "pass-static", "long-static"]) {
    for (const colorScheme of ["light", "dark"]) {
      // The static report has one scheme; each of the others is judged in each scheme once.
      if ((name === "long" || name === "long-static") && colorScheme === "light") continue;
      if ((name === "fail" || name === "pass-static") && colorScheme === "dark") continue;
      const isStatic = name.endsWith("static");
      const options = { colorScheme, bypassCSP: true };
      wrong.push(
        ...(await open(isStatic ? served(name) : onDisk(name), options, async (page) => {
          // Everything is open; of rows that are alike a few are enough.
          await page.evaluate(() => {
            document.querySelectorAll("details").forEach((it) => (it.open = true));
            document.querySelectorAll("tbody tr:nth-child(n+6)").forEach((it) => it.remove());
          });
          await page.evaluate(axe);
          const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
          const grave = result.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
          return grave.map(({ id, nodes }) => `${colorScheme}: ${id} ${nodes[0].html} (${nodes[0].failureSummary})`).join("\n");
        })),
      );
    }
  }
  return wrong;
}

// A curve is there when it covers a part of the screen.
async function curves() {
  const wrong = [];
  const kinds = { pass: "PASS", fail: "FAIL", long: "INTERRUPTED" };
  for (const [name, kind] of Object.entries(kinds)) {
    for (const file of [name, `${name}-static`]) {
      for (const javaScriptEnabled of file === name ? [true, false] : [false]) {
        const look = async (page) => {
          const text = await page.locator("body").innerText();
          must(text.includes(kind), `no ${kind}`);
          const first = await page.locator("h1").boundingBox();
          must(first.y + first.height < desktop.height, "the headline is not on the first screen");
          const widths = await page.evaluate(() =>
            [...document.querySelectorAll("svg[role=img] path")].map((it) => it.getBoundingClientRect().width),
          );
          const large = widths.filter((width) => width > 500).length;
          must(widths.length > 20 && large > 12, `${large} of ${widths.length} curves across the screen`);
          must((await page.locator("tbody tr").count()) > 100, "no tables");
        };
        wrong.push(...(await open(onDisk(file), { javaScriptEnabled }, look)));
      }
    }
  }
  return wrong;
}

// What the page says now: the window's figures, and the rows of the table of bins.
const state = (page) =>
  page.evaluate(() => ({
    seen: document.querySelector(".seen").textContent,
    figures: Object.fromEntries(
      [...document.querySelectorAll("[data-figure]")].map((it) => [it.dataset.figure, it.textContent]),
    ),
    rows: [...document.querySelectorAll('table[data-rows="bins"] tbody tr')].map((row) =>
      [...row.cells].map((cell) => cell.textContent),
    ),
    tables: [...document.querySelectorAll("table[data-rows]")].map((table) => table.tBodies[0].textContent.replaceAll(/\s/g, "")),
    captions: [...document.querySelectorAll("caption")].map((caption) => caption.textContent),
    readout: document.querySelector(".readout").textContent,
    data: JSON.parse(document.getElementById("data").textContent),
  }));

// The page's figures and rows must be those of its data in its window.
function agrees({ seen, figures, rows, data }) {
  const window = minutesOf(seen);
  const wanted = rowsIn(data, window);
  must(rows.length === wanted.length, `${rows.length} rows, ${wanted.length} bins in ${seen}`);
  wanted.forEach((row, index) => {
    const found = rows[index].slice(2, 7).map((cell) => Number(cell.replaceAll(",", "")));
    must(JSON.stringify(found) === JSON.stringify(row), `row ${index}: ${found}, but ${row}`);
  });
  for (const [key, text] of Object.entries(figuresIn(data, window))) {
    must(figures[key] === text, `${key} is "${figures[key]}", but "${text}" in ${seen}`);
  }
}

async function toCurves(page) {
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.className === "plots")) return;
  }
  throw new Error("Tab never reaches the curves");
}

const keyboard = () =>
  open(onDisk("fail"), {}, async (page) => {
    await toCurves(page);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement, "::after").outlineStyle);
    must(outline === "solid", "the focus is not seen");
    const before = await state(page);
    agrees(before);
    for (const key of ["End", "ArrowLeft", "ArrowLeft", "+", "+"]) await page.keyboard.press(key);
    const zoomed = await state(page);
    agrees(zoomed);
    must(zoomed.rows.length < before.rows.length / 2, "the table still has most rows");
    must(zoomed.figures.failures !== before.figures.failures, "the figures are the same");
    must(zoomed.captions.every((text) => /, match minute [\d.]+ to [\d.]+$/.test(text)), "captions");
    must(zoomed.tables[1].length < before.tables[1].length, "the table of home did not follow");
    must(/minute 26\d\.\d\d .*p99 .*home \d+ of \d+/.test(zoomed.readout), `reads ${zoomed.readout}`);
    await page.keyboard.press("Shift+ArrowLeft");
    const panned = await state(page);
    agrees(panned);
    // The last bin may be a part of one.
    const wider = panned.rows.length - zoomed.rows.length;
    must(panned.seen !== zoomed.seen && Math.abs(wider) <= 1, `panned to ${panned.seen}`);
    await page.keyboard.press("-");
    await page.keyboard.press("Home");
    const home = await state(page);
    must(home.readout.includes(`minute ${home.rows[0][0]}`), `Home reads ${home.readout}`);
    await page.keyboard.press("Escape");
    const after = await state(page);
    must(after.tables.join() === before.tables.join(), "Escape does not bring the tables back");
    must(JSON.stringify(after.figures) === JSON.stringify(before.figures), "nor the figures");
  });

const finer = () =>
  open(onDisk("long"), {}, async (page) => {
    const curve = () => page.locator(".plots path.p99").getAttribute("d");
    await page.locator(".plots").focus();
    const [coarse, before] = [await curve(), await state(page)];
    agrees(before);
    for (const key of ["Home", "ArrowRight", "+", "+", "+"]) await page.keyboard.press(key);
    const [fine, zoomed] = [await curve(), await state(page)];
    agrees(zoomed);
    must(zoomed.data.levels.length === 2 && fine.length > 2 * coarse.length, "no finer curve");
    await page.keyboard.press("0");
    must((await curve()) === coarse, "the first view does not come back");
  });

const mouse = () =>
  open(onDisk("fail"), {}, async (page) => {
    await page.locator(".plots").scrollIntoViewIfNeeded();
    const box = await page.locator(".panel").nth(1).boundingBox();
    const at = (share) => box.x + share * box.width;
    await page.mouse.move(at(0.5), box.y + 40);
    const hovered = await state(page);
    const row = hovered.rows[Math.floor((0.5 * hovered.data.total_s) / hovered.data.levels[0].step_s)];
    must(hovered.readout.includes(`minute ${row[0]} wall ${row[1]} s viewers ${row[2]} of ${row[3]}`), `reads ${hovered.readout}, not ${row}`);
    must(await page.locator(".cursor").isVisible(), "no line at the pointer");
    await page.mouse.down();
    await page.mouse.move(at(0.75), box.y + 60, { steps: 4 });
    must(await page.locator(".choice").isVisible(), "the choice is not seen");
    await page.mouse.up();
    const zoomed = await state(page);
    agrees(zoomed);
    must(Math.abs(zoomed.rows.length - hovered.rows.length / 4) <= 2, `${zoomed.rows.length} rows`);
    await page.mouse.wheel(0, -100);
    must((await state(page)).seen === zoomed.seen || (await page.evaluate(() => document.activeElement.className === "plots")), "the wheel took the page");
    await page.getByRole("button", { name: "Zoom out" }).click();
    must((await state(page)).rows.length > zoomed.rows.length, "the button does not zoom out");
    await page.getByRole("button", { name: "Show the whole run" }).click();
    must((await state(page)).rows.length === hovered.rows.length, "the button does not reset");
  });

// The script must not say anything else of the whole run than the page did without it.
async function twins() {
  const wrong = [];
  for (const name of ["fail", "long"]) {
    const text = (page) => page.locator(".window dl").innerText();
    const table = (page, at) => page.locator("table[data-rows]").nth(at).locator("tbody").textContent();
    let plain;
    const read = async (page) => {
      const tables = [0, 1, 2].map((at) => table(page, at));
      return [await text(page), ...(await Promise.all(tables))].map((it) => it.replaceAll("\n", " ").replace(/ ?(?=$)/, ""));
    };
    wrong.push(...(await open(onDisk(name), { javaScriptEnabled: false }, async (page) => {
      plain = await read(page);
    })));
    wrong.push(...(await open(onDisk(name), {}, async (page) => {
      await page.locator(".plots").focus();
      for (const key of ["+", "+", "Escape"]) await page.keyboard.press(key);
      const scripted = await read(page);
      plain.forEach((was, index) => {
        const [a, b] = [was, scripted[index]].map((it) => it.replaceAll(" ", ""));
        const from = [...a].findIndex((letter, place) => letter !== b[place]);
        must(a === b, `part ${index}: "${a.slice(from - 30, from + 30)}", then "${b.slice(from - 30, from + 30)}"`);
      });
    })));
  }
  return wrong;
}

const windows = () =>
  open(onDisk("long"), {}, async (page) => {
    const items = page.locator(".marks li");
    must((await items.count()) === 8, "two faults and six moments");
    must((await page.locator("text.mark").count()) === 9, "their names and where it stopped");
    for (const [at, what] of [[0, "before"], [0, "during"], [1, "after"], [3, "around"]]) {
      const button = items.nth(at).getByRole("button", { name: `Show the window ${what}` });
      await button.click();
      const shown = await state(page);
      agrees(shown);
      const { from, to } = minutesOf(shown.seen);
      const [first, last] = await items.nth(at).evaluate((it) => [it.dataset.from, it.dataset.until].map(Number));
      const minute = (match_s) => shown.data.from_min + match_s / 60;
      const near = (a, b) => Math.abs(a - b) < (1.1 * shown.data.levels.at(-1).step_s) / 60;
      if (what === "before") must(near(to, minute(first)), `before ends at ${to}`);
      if (what === "during") must(near(from, minute(first)) && near(to, minute(last)), `during is ${from} to ${to}`);
      if (what === "after") must(near(from, minute(last)), `after starts at ${from}`);
      if (what === "around") must(from < minute(first) && minute(first) < to, `around is ${from} to ${to}`);
    }
  });

async function onPhone() {
  const wrong = [];
  // The static report has no style that could let a wide table scroll by itself.
  for (const name of cases) {
    wrong.push(...(await open(onDisk(name), { viewport: phone }, async (page) => {
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      must(width <= phone.width, `${width} pixels wide`);
      const answer = await page.locator("h1").boundingBox();
      must(answer.y + answer.height < phone.height, "the headline is not on the first screen");
    })));
  }
  return wrong;
}

async function pictures() {
  const wrong = [];
  const keep = async (name, url, options, prepare = async () => {}, more = {}) => {
    wrong.push(...(await open(url, options, async (page) => {
      await prepare(page);
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, ...more });
    })));
  };
  const keepStatic = async (name) => {
    wrong.push(...(await open(served(name), {}, async (page, context) => {
      const devtools = await context.newCDPSession(page);
      const { cssContentSize } = await devtools.send("Page.getLayoutMetrics");
      const clip = { ...cssContentSize, height: Math.min(cssContentSize.height, 6000), scale: 1 };
      const picture = await devtools.send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
      writeFileSync(join(folder, `${name}.png`), Buffer.from(picture.data, "base64"));
    })));
  };
  const first = { fullPage: false };
  const print = (page) => page.emulateMedia({ media: "print" });
  const zoomed = async (page) => {
    await page.locator(".plots").focus();
    for (const key of ["End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "+", "+"]) await page.keyboard.press(key);
  };
  for (const name of ["pass", "fail", "long"]) {
    await keep(`${name}-first`, onDisk(name), {}, undefined, first);
    await keep(`${name}-phone`, onDisk(name), { viewport: phone }, undefined, first);
  }
  await keep("pass-desktop", onDisk("pass"), {});
  await keep("fail-desktop", onDisk("fail"), {}, zoomed);
  await keep("fail-dark", onDisk("fail"), { colorScheme: "dark" });
  await keep("fail-print", onDisk("fail"), { viewport: { width: 794, height: 1123 } }, print);
  await keepStatic("fail-static");
  return wrong;
}

const claims = {
  opens, jenkins: underJenkins, accessible, curves, keyboard, finer, mouse, twins, windows,
  phone: onPhone, pictures,
};
const only = process.argv[3];
const found = {};
const waiting = Object.entries(claims).filter(([claim]) => !only || only === claim);
// Two at a time: most of a claim is waiting for the page.
const lane = async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [claim, check] = next;
    const start = Date.now();
    found[claim] = (await check()).join("\n");
    console.error(`${claim}: ${Date.now() - start} ms`);
  }
};
await Promise.all([lane(), lane()]);
await browser.close();
server.close();
console.log(JSON.stringify(found, null, 1));
