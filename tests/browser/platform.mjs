// Drives the page of `hulk platform` in Chromium and says of each claim what is wrong, as JSON: an empty
// text where it holds. Pictures are kept in the folder. The last claim closes the page.
//   node platform.mjs PAGE NORTH SOUTH FOLDER
import http from "node:http";
import { join, resolve } from "node:path";
import { axe, launch, listen } from "./chromium.mjs";

const [page_url, north, south] = process.argv.slice(2, 5);
const folder = resolve(process.argv[5]);
const HOME = "/v1/home";

const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true });
const page = await context.newPage();
const wrong = [];
listen(page, wrong);
page.on("request", (request) => {
  if (!request.url().startsWith(page_url)) wrong.push(`asked for ${request.url()}`);
});

const must = (holds, told) => {
  if (!holds) throw new Error(told);
};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A request on a connection of its own, or of the agent; status and headers, or the error's code.
const get = (url, agent) =>
  new Promise((done) => {
    const request = http.get(url, { agent: agent ?? false, timeout: 2000 }, (answer) => {
      answer.resume().on("end", () => done({ status: answer.statusCode, headers: answer.headers }));
    });
    request.on("error", (error) => done({ status: error.code, headers: {} }));
    request.on("timeout", () => request.destroy());
  });

async function eventually(told, look, limit_ms = 5000) {
  const until = Date.now() + limit_ms;
  let found;
  while (Date.now() < until) {
    found = await look();
    if (found === true) return;
    await pause(50);
  }
  throw new Error(`${told}: ${JSON.stringify(found)}`);
}

const home = page.getByRole("article", { name: "home" });
const figure = async (name) =>
  Number((await home.locator("dl.figures div", { hasText: name }).locator("dd").innerText()).replace(/[^\d.]/g, ""));
const text = (id) => page.locator(`#${id}`).innerText();

// Twenty viewers who ask for the home page until they are stopped.
const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
let asking = true;
const load = async () => {
  while (asking) {
    await Promise.all(Array.from({ length: 20 }, () => get(south + HOME, agent)));
    await pause(100);
  }
};

async function moves() {
  await page.goto(page_url, { waitUntil: "load" });
  await eventually("the first event", async () => (await text("name")) === "match-day");
  must((await page.getByRole("article").count()) === 9, "nine services");
  must((await figure("requests/s")) === 0 && (await text("connections")) === "0", "nobody asks yet");
  load();
  await eventually("viewers", async () => (await text("connections")) === "20" || (await text("connections")));
  must((await text("viewers")) === "250K", `at full scale ${await text("viewers")}`);
  await eventually("requests", async () => (await figure("requests/s")) > 20);
  await eventually("demand", async () => (await figure("needed")) > 3);
  const curve = () => home.locator("path.demand").getAttribute("d");
  const before = await curve();
  await eventually("the chart", async () => (await curve()).length > before.length);
}

async function policies() {
  const metrics = async () => (await fetch(new URL("/metrics", page_url))).text();
  const by = async (name) => (await metrics()).includes(`hulk_platform_policy_info{service="home",policy="${name}"} 1`);
  must(await by("ladder"), "home is not on its ladder");
  const before = await figure("wanted");
  const select = home.getByLabel("Policy of home");
  must((await select.inputValue()) === "match-day", "whose policy it is");
  await select.selectOption("match-day-cloud-group");
  await eventually("cloud_group in the metrics", () => by("cloud_group"));
  await eventually("another number is wanted", async () => (await figure("wanted")) !== before);
  await home.locator("summary").click();
  must((await home.locator("summary").innerText()).startsWith("cloud group"), "its name on the page");
  const own = home.getByLabel("Another, in the form of a file");
  await own.fill('{ "hpa": { "rps_per_instance": 2500 } }');
  await home.getByRole("button", { name: "Apply this policy" }).click();
  await eventually("why not", async () => (await text("said")).includes("`max_instances` is missing"));
  must(await by("cloud_group"), "a policy that is not one changes nothing");
  wrong.splice(wrong.findIndex((told) => told.includes("400 (Bad Request)")), 1);
  await own.fill('{ "requests": { "rated_per_min": 150000, "min_instances": 777, "max_instances": 777 } }');
  await home.getByRole("button", { name: "Apply this policy" }).click();
  await eventually("777 are wanted", async () => (await figure("wanted")) === 777);
  await home.locator("summary").click();
}

async function switches() {
  const panic = async () => (await get(south + HOME)).headers["x-panic"] ?? "";
  const group = page.getByRole("group", { name: "static home" });
  const state = page.locator("#switches li", { has: group }).locator(".state");
  must((await panic()) === "", "no switch is on at first");
  await group.getByRole("button", { name: "on", exact: true }).click();
  await eventually("the header", async () => (await panic()) === "static_home");
  await eventually("the state", async () => (await state.innerText()) === "on");
  // By the keyboard: back to what the audience decides.
  await group.getByRole("button", { name: "automatic" }).focus();
  await page.keyboard.press("Enter");
  await eventually("no header", async () => (await panic()) === "");
  await eventually("off", async () => (await state.innerText()) === "off");
}

// A page of another origin in this browser has no say.
async function strangers() {
  const server = http.createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>x</title>"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const stranger = await context.newPage();
  await stranger.goto(`http://127.0.0.1:${server.address().port}/`);
  const send = (path, method, mode, type) =>
    stranger.evaluate(([url, method, mode, type]) => {
      const body = '{"id":9,"fault":{"edge_lost":{"edge":"south"}},"lease_ms":60000}';
      return fetch(url, { method, mode, body, headers: { "content-type": type } }).then(() => "sent", () => "stopped");
    }, [new URL(path, page_url).href, method, mode, type]);
  must((await send("/faults", "POST", "no-cors", "text/plain")) === "sent", "a browser sends that");
  must((await send("/faults", "POST", "cors", "application/json")) === "stopped", "JSON was sent");
  must((await send("/switches/static_home", "PUT", "cors", "application/json")) === "stopped", "a switch was pressed");
  await stranger.close();
  server.close();
  const now = await get(south + HOME);
  must(now.status === 200 && !now.headers["x-panic"], `a stranger changed something: ${now.status}`);
}

async function accessible() {
  const told = [];
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    // Of the cards that are alike, one; in the second scheme only the colours are others.
    const only = colorScheme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const result = await page.evaluate((only) => axe.run({ exclude: [".service:nth-child(n+2)"] }, { resultTypes: ["violations"], ...only }), only);
    const grave = result.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    told.push(...grave.map(({ id, nodes }) => `${colorScheme}: ${id} ${nodes[0].html} (${nodes[0].failureSummary})`));
    const path = join(folder, `platform-${colorScheme}.png`);
    await page.screenshot({ path, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  must(!told.length, told.join("\n"));
}

async function phone() {
  const size = { width: 390, height: 844 };
  await page.setViewportSize(size);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: join(folder, "platform-phone.png"), fullPage: true });
  must(width <= size.width, `${width} pixels wide`);
}

let lost_at = 0;
async function loses() {
  const lose = page.getByRole("button", { name: "Lose edge north" });
  const refuses = async () => (await get(north + HOME)).status === "ECONNREFUSED";
  const serves = async () => (await get(north + HOME)).status === 200;
  must(await serves(), "north does not serve");
  await lose.click();
  await eventually("north refuses", refuses);
  await page.getByRole("button", { name: "Restore edge north" }).click();
  await eventually("north is back", serves);
  await lose.click();
  await eventually("north refuses again", refuses);
  lost_at = Date.now();
  must((await get(south + HOME)).status === 200, "south serves on");
}

// Longer than a lease: as long as the page is open it renews it.
async function heals() {
  asking = false;
  await pause(Math.max(0, lost_at + 3500 - Date.now()));
  must((await get(north + HOME)).status === "ECONNREFUSED", "the lease was not renewed");
  await page.close();
  await eventually("north heals by itself", async () => (await get(north + HOME)).status === 200);
}

const found = {};
for (const [claim, check] of Object.entries({ moves, loses, policies, switches, strangers, accessible, phone, heals })) {
  const start = Date.now();
  found[claim] = await check().then(() => "", (error) => String(error.message ?? error));
  console.error(`${claim}: ${Date.now() - start} ms`);
}
asking = false;
found.quiet = wrong.join("\n");
await browser.close();
agent.destroy();
console.log(JSON.stringify(found, null, 1));
process.exit(0);
