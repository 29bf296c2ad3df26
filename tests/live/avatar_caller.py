"""Calls an AI avatar backend as a stranger would, and prints what came back as one JSON object."""

import argparse
import asyncio
import http.client
import json
import math
import os
import signal
import struct
import sys
import time
import urllib.error
import urllib.request

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

PATH = "/ws/audio_to_video?avatar_name=test&sample_rate=16000&background_url="
RATE, CHUNK_S, SIDES = 16000, 0.02, (512, 350, 256, 128, 64)
# The parts of a run beside the speech itself; together they stay below ten seconds.
REST_S, OPEN_S, TAIL_S, SLACK_S, CLOSE_S, ALARM_S = 3.5, 2.5, 1.5, 0.5, 0.75, 9.3
# No proxy from the environment and no compression of raw video. No keepalive either: it closes with a
# 1011 of this side's own, and that would look like a refusal.
SOCKET = dict(proxy=None, compression=None, max_size=None, ping_interval=None, open_timeout=OPEN_S, close_timeout=0.5)
TOKEN = "lessonId videoJobId documentId userId sessionId organizationId authToken captureUrl".split()
REST = (("GET", "/models", None), ("GET", "/status", None),
        ("POST", "/load_model", {"model_name": "test", "config_type": "default"}), ("GET", "/streams", None),
        ("POST", "/api/v1/livekit/token", {name: f"test-{name}" for name in TOKEN}),
        ("GET", "/health", None), ("GET", "/api/v1/rooms/status", None))

# The message of the downlink, described here so that no generated code is shared with anyone.
FILE, KIND = descriptor_pb2.FileDescriptorProto(name="f.proto", syntax="proto3"), descriptor_pb2.FieldDescriptorProto
MESSAGE, POOL = FILE.message_type.add(name="FrameMessage"), descriptor_pool.DescriptorPool()
for number, name in enumerate(("video_bytes", "audio_bytes", "start_speech", "end_speech"), 1):
    wire = KIND.TYPE_BYTES if number < 3 else KIND.TYPE_BOOL
    MESSAGE.field.add(name=name, number=number, type=wire, label=KIND.LABEL_OPTIONAL)
POOL.AddSerializedFile(FILE.SerializeToString())
Frame = message_factory.GetMessageClass(POOL.FindMessageTypeByName("FrameMessage"))


def since(start, then):
    return None if start is None or then is None else round(then - start, 4)


class Call:
    def __init__(self):
        self.opened = self.spoke = self.first = self.last = self.voice = None
        self.ended, self.audio = False, set()
        self.out = dict(refused=None, frames=0, fps=None, video_bytes=None, square=None, audio_samples=[],
                        voiced_frames=0, start_speech=0, end_speech=0, first_frame_s=None, first_voice_s=None,
                        bright_frames=0, unknown_fields=0)

    def take(self, data):
        now, frame, out = time.monotonic(), Frame.FromString(data), self.out
        self.first, self.last = self.first or now, now
        out["frames"] += 1
        out["start_speech"] += frame.start_speech
        out["end_speech"] += frame.end_speech
        out["unknown_fields"] += len(unknown_fields.UnknownFieldSet(frame))
        video, audio = frame.video_bytes, frame.audio_bytes
        # An odd number of bytes shows as half a sample instead of being rounded away.
        count = len(audio) // 2
        self.audio.add(count + 0.5 if len(audio) % 2 else count)
        power = sum(sample * sample for sample in struct.unpack_from(f"<{count}h", audio))
        if count and power / count > 500 * 500:
            out["voiced_frames"], self.voice = out["voiced_frames"] + 1, self.voice or now
        side = next((s for s in SIDES if len(video) == 3 * s * s), None)
        if video and out["video_bytes"] is None:
            out["video_bytes"], out["square"] = len(video), side
        if side and video[3 * (side // 2 * side + side // 2)] > 128:
            out["bright_frames"] += 1

    async def speak(self, ws, seconds):
        # 220 Hz fits a whole number of times into a second, so that second repeats without a click.
        tone = struct.pack(f"<{RATE}h", *(round(12000 * math.sin(440 * math.pi * n / RATE)) for n in range(RATE)))
        size = round(RATE * CHUNK_S) * 2
        await ws.send(b"start_of_stream")
        self.spoke = time.monotonic()
        for n in range(max(1, round(seconds / CHUNK_S))):
            # Paced by the intended times: a late chunk does not delay those after it.
            await asyncio.sleep(max(0, self.spoke + n * CHUNK_S - time.monotonic()))
            at = n * size % len(tone)
            await ws.send(tone[at : at + size])
        await asyncio.sleep(max(0, self.spoke + seconds - time.monotonic()))
        await ws.send(b"end_of_stream")
        self.ended = True
        # What was said last is still on its way back.
        await asyncio.sleep(TAIL_S)

    async def listen(self, ws):
        while isinstance(data := await ws.recv(), bytes):
            self.take(data)
        raise ValueError("a text message came down")

    async def run(self, url, seconds, abort, errors):
        try:
            ws = await connect(url, **SOCKET)
        except InvalidStatus as refusal:
            self.out["refused"] = {"status": refusal.response.status_code}
            return self.out
        except (OSError, EOFError, ValueError, WebSocketException) as error:
            errors.append(f"the socket did not open: {error!r}")
            return self.out
        self.opened = time.monotonic()
        both = speaker, listener = [asyncio.create_task(part) for part in (self.speak(ws, seconds), self.listen(ws))]
        await asyncio.wait(both, timeout=seconds + TAIL_S + SLACK_S, return_when=asyncio.FIRST_COMPLETED)
        if speaker.done() and speaker.exception():
            # The socket went away under the speaker; the listener reads what had arrived and learns why.
            await asyncio.wait({listener}, timeout=SLACK_S)
        if listener.done():
            self.judge(listener.exception(), errors)
        elif not speaker.done() or speaker.exception():
            errors.append(f"speaking did not finish: {speaker.exception() if speaker.done() else 'out of time'}")
        if not abort:
            await asyncio.wait({asyncio.create_task(ws.close())}, timeout=CLOSE_S)
        # After a proper close this has nothing left to drop.
        ws.transport.abort()
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        span = since(self.first, self.last)
        self.out["fps"] = round((self.out["frames"] - 1) / span, 3) if span else None
        self.out["audio_samples"] = sorted(self.audio)
        self.out["first_frame_s"] = since(self.opened, self.first)
        self.out["first_voice_s"] = since(self.spoke, self.voice)
        return self.out

    def judge(self, error, errors):
        """Why listening ended before this side had closed."""
        if not isinstance(error, ConnectionClosed):
            errors.append(f"a message could not be read: {error!r}")
        elif error.rcvd is None:
            # 1006 is never on the wire: it says that no closing frame came.
            self.out["refused"] = {"close": 1006, "reason": ""}
            errors.append(f"the connection was lost: {error}")
        elif not (self.ended and error.rcvd.code in (1000, 1001)):
            self.out["refused"] = {"close": error.rcvd.code, "reason": error.rcvd.reason}


def ask(url, method, body, until, errors):
    data, kind = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        try:
            request = urllib.request.Request(url, data, kind, method=method)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            reply = opener.open(request, timeout=max(0.05, min(2, until - time.monotonic())))
        except urllib.error.HTTPError as refusal:
            reply = refusal
        with reply:
            raw = reply.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        errors.append(f"{method} {url}: {error!r}")
        return {"status": None, "body": None}
    try:
        return {"status": reply.status, "body": json.loads(raw)}
    except ValueError:
        return {"status": reply.status, "body": None, "text": raw.decode(errors="replace")}


async def call_all(options, errors):
    url = options.url.rstrip("/") + PATH
    runs = [Call().run(url, options.seconds, options.abort, errors) for _ in range(options.calls)]
    return await asyncio.gather(*runs)


def too_long(*_):
    os.write(2, b"the run did not end in time\n")
    os._exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.error = lambda text: parser.exit(1, f"{text}\n")
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rest")
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--abort", action="store_true")
    options, errors, answers = parser.parse_args(), [], {}
    if not (0 < options.seconds < math.inf and options.calls > 0):
        parser.error("SECONDS and --calls must be above zero")
    # Whatever hangs, the run ends.
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, options.seconds + ALARM_S)
    until = time.monotonic() + REST_S
    for method, path, body in REST if options.rest else ():
        answers[f"{method} {path}"] = ask(options.rest.rstrip("/") + path, method, body, until, errors)
    print(json.dumps({"rest": answers, "calls": asyncio.run(call_all(options, errors))}))
    sys.exit("\n".join(errors) or 0)  # a text goes to stderr and makes the exit code 1


if __name__ == "__main__":
    main()
