// A second opinion on freezes and frames per second: Chromium receives the frames of an avatar backend,
// sends them to itself over WebRTC, and its statistics are printed beside when each frame came, as JSON.
// Meanwhile the backend's GPU 0 fails: six times long enough for a freeze, and six times not quite.
//   node avatar_peer.mjs PORT
import { createServer } from "node:http";
import { launch, listen } from "./chromium.mjs";

const backend = `127.0.0.1:${process.argv[2]}`;
const QUIET_MS = 5000;
const FAULTS = 6;
const EVERY_MS = 3000;
const FREEZE_MS = 600;
// It costs two or three frames, a gap of at most 160 ms: three means and more, but no freeze.
const HICCUP_MS = 100;
// Long enough after the last fault that its gap is closed: no frame ends an open one, and nobody counts it.
const TOTAL_MS = QUIET_MS + FAULTS * EVERY_MS + 3000;
const SIDE = 128;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const must = (holds, told) => {
  if (!holds) throw new Error(told);
};

// Runs in the page, and knows nothing of the rest of this file.
async function watch({ url, side, total_ms }) {
  const fail = (told) => {
    throw new Error(told);
  };
  const canvas = document.querySelector("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");

  // Field 1 of a protobuf message; all other fields are stepped over.
  function video(bytes) {
    let at = 0;
    const varint = () => {
      for (let value = 0, factor = 1; ; factor *= 128) {
        const byte = bytes[at++] ?? fail("the message ends within a number");
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const key = varint();
      if (key % 8 === 0) varint();
      else if (key % 8 === 2) {
        const length = varint();
        const field = bytes.subarray(at, (at += length));
        if (field.length !== length) fail("the message ends within a field");
        if (key === 10) return field;
      } else fail(`a field of type ${key % 8}`);
    }
    return fail("a message without a picture");
  }

  const image = context.createImageData(side, side);
  let painted = 0;
  function paint(rgb) {
    if (rgb.length !== side * side * 3) fail(`a picture of ${rgb.length} bytes`);
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
      for (let colour = 0; colour < 3; colour += 1) image.data[to + colour] = rgb[from + colour];
      image.data[to + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    // A still avatar would be the same picture again: a bar that moves makes each frame another one.
    context.fillStyle = "#fff";
    context.fillRect((painted * 4) % side, 0, 4, 8);
    painted += 1;
  }

  // The two ends are connected before the first frame comes: both counts begin with the same frame.
  const stream = canvas.captureStream(0);
  const [track] = stream.getVideoTracks();
  // Of a picture that moves, a sender short of bits gives up sharpness and not frames.
  track.contentHint = "motion";
  const [sender, receiver] = [new RTCPeerConnection(), new RTCPeerConnection()];
  sender.onicecandidate = ({ candidate }) => candidate && receiver.addIceCandidate(candidate);
  receiver.onicecandidate = ({ candidate }) => candidate && sender.addIceCandidate(candidate);
  receiver.ontrack = ({ streams }) => (document.querySelector("video").srcObject = streams[0]);
  sender.addTrack(track, stream);
  const connected = new Promise((done, no) => {
    receiver.onconnectionstatechange = () => {
      if (receiver.connectionState === "connected") done();
      if (receiver.connectionState === "failed") no(new Error("the two ends do not find each other"));
    };
  });
  await sender.setLocalDescription();
  await receiver.setRemoteDescription(sender.localDescription);
  await receiver.setLocalDescription();
  await sender.setRemoteDescription(receiver.localDescription);
  await connected;

  const arrivals_ms = [];
  let wrong;
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const now_ms = performance.now();
    try {
      paint(video(new Uint8Array(data)));
    } catch (error) {
      wrong ??= error;
    }
    track.requestFrame();
    arrivals_ms.push(now_ms);
  };
  socket.onclose = ({ code, reason }) => (wrong ??= new Error(`closed with ${code} ${reason}`));
  await new Promise((done, no) => {
    socket.onopen = done;
    socket.onerror = () => no(new Error(`${url} does not open`));
  });
  window.opened();

  const inbound = async () =>
    [...(await receiver.getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  const rates = [];
  const until = performance.now() + total_ms;
  while (!wrong && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 100));
    // It is absent at first.
    const { framesPerSecond } = (await inbound()) ?? {};
    if (framesPerSecond !== undefined) rates.push({ at_ms: performance.now(), fps: framesPerSecond });
  }
  if (wrong) throw wrong;
  const page = { frames: painted, arrivals_ms: [...arrivals_ms] };
  const { freezeCount, totalFreezesDuration, framesDecoded } = (await inbound()) ?? fail("nothing was received");
  socket.close();
  const chromium = { freezes: freezeCount, freeze_s: totalFreezesDuration, frames: framesDecoded, rates };
  return { chromium, page };
}

async function control(method, path, body) {
  const answer = await fetch(`http://${backend}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  must(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
}

// Each batch of the GPU fails for so long. The lease ends the fault only if this script dies.
async function lose(id, ms) {
  await control("POST", "/faults", { id, fault: { out_of_memory: { gpu: 0 } }, lease_ms: 2000 });
  await pause(ms);
  await control("DELETE", `/faults/${id}`);
}

// Half of the time between two freezes is more than 30 frames: none is in the mean of the next.
async function inject() {
  const start = Date.now();
  for (let fault = 0; fault < FAULTS; fault += 1) {
    const due = start + QUIET_MS + fault * EVERY_MS;
    await pause(due - Date.now());
    await lose(2 * fault + 1, FREEZE_MS);
    await pause(due + EVERY_MS / 2 + FREEZE_MS - Date.now());
    await lose(2 * fault + 2, HICCUP_MS);
  }
}

// WebRTC wants a page that was served by somebody.
const server = createServer((request, response) => {
  if (request.url !== "/") return response.writeHead(204).end();
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end("<!doctype html><title>peer</title><canvas></canvas><video autoplay muted></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await launch();
const page = await browser.newPage();
const wrong = [];
listen(page, wrong);
try {
  let told_open;
  const opened = new Promise((done) => (told_open = done));
  await page.exposeFunction("opened", () => told_open());
  await page.goto(`http://127.0.0.1:${server.address().port}/`, { waitUntil: "load" });
  const url = `ws://${backend}/ws/audio_to_video?avatar_name=anchor&sample_rate=16000&background_url=`;
  const found = page.evaluate(watch, { url, side: SIDE, total_ms: TOTAL_MS });
  const [told] = await Promise.all([found, Promise.race([opened, found]).then(inject)]);
  must(!wrong.length, wrong.join("\n"));
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
  server.close();
}
process.exit(0);
