// Drives `hulk proxy` with toxiproxy-node-client and says of each claim what is wrong, as JSON: an empty text
// where it holds. Behind the proxies are a server for pages and one that only listens.
//   node toxiproxy.mjs API
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Toxiproxy } from "toxiproxy-node-client";

const toxiproxy = new Toxiproxy(process.argv[2].replace(/\/$/, ""));
const LIMIT_MS = 10_000;
const PAGE = "a line of a page\n".repeat(300);

// A page, and how many bytes were posted.
const pages = http.createServer((request, answer) => {
  let bytes = 0;
  request.on("data", (part) => (bytes += part.length));
  request.on("end", () => answer.end(request.method === "POST" ? String(bytes) : PAGE));
  request.on("error", () => {});
});
// What it has got on its last connection, in how many pieces, and when it ended.
let got;
const listener = net.createServer((socket) => {
  const mine = (got = { bytes: 0, pieces: 0, ended_ms: undefined });
  socket.on("data", (part) => ((mine.bytes += part.length), mine.pieces++));
  socket.on("end", () => ((mine.ended_ms = performance.now()), socket.end()));
  socket.on("error", () => (mine.ended_ms = performance.now()));
});
// Greets, and ends when it is told so.
let greeted;
const greeter = net.createServer((socket) => {
  greeted = socket;
  socket.on("error", () => {});
  socket.write("hello");
});
const listen = async (server) => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${server.address().port}`;
};
const [to_pages, to_listener, to_greeter] = await Promise.all([pages, listener, greeter].map(listen));
const port_of = (address) => Number(address.split(":").at(-1));

// A connection of its own: what came on it, how long it took, and how it ended.
const exchange = (address, { say = "", half_close = false, until = () => false } = {}) =>
  new Promise((done) => {
    const socket = net.connect({ port: port_of(address), host: "127.0.0.1", allowHalfOpen: true });
    const from_ms = performance.now();
    const came = { text: "", pieces: 0, error: "", ended: false };
    const finish = () => {
      socket.destroy();
      done({ ...came, took_ms: performance.now() - from_ms, at_ms: performance.now() });
    };
    socket.setTimeout(LIMIT_MS, () => ((came.error = "nothing for long"), finish()));
    socket.setNoDelay();
    if (say) socket.write(say);
    if (half_close) socket.end();
    socket.on("data", (part) => {
      came.text += part;
      came.pieces++;
      if (until(came)) finish();
    });
    socket.on("end", () => ((came.ended = true), finish()));
    socket.on("error", (error) => ((came.error = error.code), finish()));
  });

const request = (method, body = "") =>
  `${method} / HTTP/1.1\r\nHost: page\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
// The body of an answer, and how long it took.
const get = async (address) => {
  const { text, ...rest } = await exchange(address, { say: request("GET") });
  return { ...rest, body: text.split("\r\n\r\n").slice(1).join("\r\n\r\n") };
};
const post = async (address, bytes) => {
  const { text, ...rest } = await exchange(address, { say: request("POST", "p".repeat(bytes)) });
  return { ...rest, body: text.split("\r\n\r\n")[1] };
};
const whole = async (address) => assert.equal((await get(address)).body, PAGE);

async function eventually(told, look) {
  const until = performance.now() + LIMIT_MS;
  while (!(await look())) {
    assert.ok(performance.now() < until, `${told}: not within ${LIMIT_MS} ms`);
    await pause(10);
  }
}

// What the client throws tells the status only.
const refused = (work, status) => assert.rejects(work, { message: `Request failed with status code ${status}` });
const make = (name, upstream = to_pages) => toxiproxy.createProxy({ name, listen: "127.0.0.1:0", upstream });

// A proxy with one toxic, which is looked at as the client has it, is updated, and then removed.
async function with_toxic({ upstream, type, stream, attributes, all = attributes, change, bites }) {
  const name = `${type}-${stream}`;
  const proxy = await make(name, upstream);
  const added = await proxy.addToxic({ type, stream, attributes });
  const wanted = { name: `${type}_${stream}`, type, stream, toxicity: 1, attributes: all };
  assert.deepEqual(added.toJson(), wanted, "added");
  assert.deepEqual((await proxy.getToxic(wanted.name)).toJson(), wanted, "read back");
  await bites(proxy.listen, added);
  const changed = { ...wanted, toxicity: 0.5, attributes: { ...all, ...change } };
  const updated = await added.update({ toxicity: 0.5, attributes: change });
  assert.deepEqual(updated.toJson(), changed, "updated");
  assert.deepEqual((await proxy.getToxic(wanted.name)).toJson(), changed, "read back after the update");
  await updated.remove();
  await refused(proxy.getToxic(wanted.name), 404);
  if (upstream === to_pages) await whole(proxy.listen);
  await proxy.remove();
}

// Both ways: what a toxic does to what is sent, and to what comes back.
const both = (bites) => async (settings) => {
  for (const stream of ["upstream", "downstream"]) {
    await with_toxic({ upstream: to_pages, ...settings, stream, bites: (...all) => bites(stream, ...all) });
  }
};
// A delay is never shorter than what was asked for; a tick of a clock may be.
const at_least = (took_ms, ms) => assert.ok(took_ms > ms * 0.95, `took ${took_ms} ms, expected ${ms}`);

const claims = {
  async the_version_is_json() {
    assert.match(JSON.parse(await toxiproxy.getVersion()).version, /\d/);
  },

  async a_proxy_is_created_read_updated_and_deleted() {
    const proxy = await make("page");
    assert.ok(port_of(proxy.listen) > 0, proxy.listen);
    const wanted = { name: "page", listen: proxy.listen, upstream: to_pages, enabled: true };
    assert.deepEqual(proxy.toJson(), wanted);
    assert.deepEqual((await toxiproxy.get("page")).toJson(), wanted);
    assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["page"]);
    await whole(proxy.listen);
    const down = await proxy.update({ enabled: false });
    assert.deepEqual(down.toJson(), { ...wanted, enabled: false });
    assert.equal((await get(proxy.listen)).error, "ECONNREFUSED");
    // Its port stays its own.
    assert.deepEqual((await proxy.update({ enabled: true })).toJson(), wanted);
    await whole(proxy.listen);
    const moved = await proxy.update({ upstream: to_greeter });
    assert.deepEqual(moved.toJson(), { ...wanted, upstream: to_greeter });
    const hello = await exchange(proxy.listen, { until: (came) => came.text === "hello" });
    assert.equal(hello.text, "hello");
    await proxy.remove();
    assert.equal((await get(proxy.listen)).error, "ECONNREFUSED");
    await refused(toxiproxy.get("page"), 404);
  },

  async what_is_wrong_is_refused_with_its_status() {
    const proxy = await make("page");
    await refused(make("page"), 409);
    await refused(make(""), 400);
    await refused(toxiproxy.createProxy({ name: "nowhere", listen: "127.0.0.1:0" }), 400);
    await refused(toxiproxy.get("unknown"), 404);
    await refused(proxy.addToxic({ type: "latency", stream: "sideways", attributes: {} }), 400);
    await refused(proxy.addToxic({ type: "unheard", stream: "upstream", attributes: {} }), 400);
    await proxy.addToxic({ type: "noop", stream: "upstream", attributes: {} });
    await refused(proxy.addToxic({ type: "noop", stream: "upstream", attributes: {} }), 409);
    await refused(proxy.getToxic("unknown"), 404);
    await proxy.remove();
  },

  async populate_keeps_what_is_the_same_and_replaces_what_is_not() {
    const bodies = ["one", "two"].map((name) => ({ name, listen: "127.0.0.1:0", upstream: to_pages }));
    const made = await toxiproxy.populate(bodies);
    assert.deepEqual(Object.keys(made), ["one", "two"]);
    await Promise.all(Object.values(made).map((proxy) => whole(proxy.listen)));
    await made.one.addToxic({ type: "noop", stream: "upstream", attributes: {} });
    const again = await toxiproxy.populate([
      { name: "one", listen: made.one.listen, upstream: to_pages },
      { name: "two", listen: made.two.listen, upstream: to_greeter },
    ]);
    assert.equal((await again.one.getToxic("noop_upstream")).name, "noop_upstream");
    assert.equal((await toxiproxy.get("two")).upstream, to_greeter);
    await Promise.all(Object.values(again).map((proxy) => proxy.remove()));
  },

  async a_reset_enables_all_and_removes_all_toxics_and_no_proxy() {
    const [one, two] = await Promise.all(["one", "two"].map((name) => make(name)));
    await one.addToxic({ type: "timeout", stream: "downstream", attributes: { timeout: 0 } });
    await two.update({ enabled: false });
    await toxiproxy.reset();
    assert.deepEqual(Object.keys(await toxiproxy.getAll()).sort(), ["one", "two"]);
    await refused(one.getToxic("timeout_downstream"), 404);
    assert.equal((await toxiproxy.get("two")).enabled, true);
    for (const proxy of [one, two]) {
      await whole(proxy.listen);
      await proxy.remove();
    }
  },

  async latency_delays() {
    await both(async (stream, address) => {
      const { took_ms, body } = await get(address);
      at_least(took_ms, 300);
      assert.equal(body, PAGE);
    })({ type: "latency", attributes: { latency: 300 }, all: { latency: 300, jitter: 0 }, change: { jitter: 9 } });
  },

  async bandwidth_slows_down() {
    await both(async (stream, address) => {
      const { took_ms, body } = stream === "upstream" ? await post(address, PAGE.length) : await get(address);
      // Part of it may go at once.
      at_least(took_ms, (PAGE.length / 10) * 0.7);
      assert.equal(body, stream === "upstream" ? String(PAGE.length) : PAGE);
    })({ type: "bandwidth", attributes: { rate: 10 }, change: { rate: 20 } });
  },

  async slow_close_ends_later() {
    const settings = { type: "slow_close", attributes: { delay: 300 }, change: { delay: 20 } };
    const upstream = async (address) => {
      const from_ms = performance.now();
      await exchange(address, { say: "bye", half_close: true });
      await eventually("an end", () => got?.ended_ms > from_ms);
      assert.equal(got.bytes, 3);
      at_least(got.ended_ms - from_ms, 300);
    };
    await with_toxic({ ...settings, upstream: to_listener, stream: "upstream", bites: upstream });
    const downstream = async (address) => {
      let from_ms;
      const came = await exchange(address, {
        until: () => ((from_ms ??= performance.now()), greeted.end(), false),
      });
      assert.ok(came.ended && came.text === "hello", JSON.stringify(came));
      at_least(came.at_ms - from_ms, 300);
    };
    await with_toxic({ ...settings, upstream: to_greeter, stream: "downstream", bites: downstream });
  },

  async timeout_drops_and_closes() {
    await both(async (stream, address) => {
      const { took_ms, text, error } = await exchange(address, { say: request("GET") });
      assert.deepEqual([text, error], ["", ""]);
      at_least(took_ms, 300);
    })({ type: "timeout", attributes: { timeout: 300 }, change: { timeout: 400 } });
  },

  async reset_peer_resets() {
    await both(async (stream, address) => {
      const { took_ms, text, error } = await exchange(address, { say: request("GET") });
      assert.deepEqual([text, error], ["", "ECONNRESET"]);
      at_least(took_ms, 200);
    })({ type: "reset_peer", attributes: { timeout: 200 }, change: { timeout: 300 } });
  },

  async slicer_cuts_and_loses_nothing() {
    const attributes = { average_size: 200, size_variation: 50, delay: 5000 };
    const settings = { type: "slicer", attributes, change: { delay: 4000 } };
    const many = (pieces) => assert.ok(pieces >= 8, `${pieces} pieces`);
    const upstream = async (address) => {
      await exchange(address, { say: PAGE, half_close: true });
      assert.equal(got.bytes, PAGE.length);
      many(got.pieces);
    };
    await with_toxic({ ...settings, upstream: to_listener, stream: "upstream", bites: upstream });
    const downstream = async (address) => {
      const { body, pieces } = await get(address);
      assert.equal(body, PAGE);
      many(pieces);
    };
    await with_toxic({ ...settings, upstream: to_pages, stream: "downstream", bites: downstream });
  },

  async limit_data_closes_after_so_many_bytes() {
    const settings = { type: "limit_data", attributes: { bytes: 100 }, change: { bytes: 200 } };
    const upstream = async (address) => {
      const { ended, error } = await exchange(address, { say: PAGE });
      assert.ok(ended || error === "ECONNRESET", error);
      await eventually("an end", () => got.ended_ms);
      assert.equal(got.bytes, 100);
    };
    await with_toxic({ ...settings, upstream: to_listener, stream: "upstream", bites: upstream });
    const downstream = async (address) => {
      const { text, ended } = await exchange(address, { say: request("GET") });
      assert.ok(ended);
      assert.equal(text.length, 100);
    };
    await with_toxic({ ...settings, upstream: to_pages, stream: "downstream", bites: downstream });
  },

  async noop_does_nothing() {
    await both((stream, address) => whole(address))({ type: "noop", attributes: {}, change: {} });
  },
};

const told = {};
for (const [claim, holds] of Object.entries(claims)) {
  told[claim] = await holds().then(
    () => "",
    (error) => error.stack,
  );
  // What a claim that does not hold has left is not the next one's.
  for (const proxy of Object.values(await toxiproxy.getAll())) await proxy.remove();
}
console.log(JSON.stringify(told));
process.exit(0);
