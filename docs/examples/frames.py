"""Reads record/frames.bin of a run: python3 frames.py FOLDER prints a line a frame.

docs/record.md has the layout. Nothing but Python is needed.
"""
import struct
import sys

MEASURES = ["response", "service", "lag", "journey", "first_frame", "dns", "connect", "tls",
            "first_byte", "body"]
OUTCOMES = ["ok", "rejected", "http_error", "check_failed", "timeout", "connect_error", "broken",
            "abandoned"]
ARRIVALS = ["intended", "on_time", "late", "dropped_target", "dropped_pool", "dropped_descriptors",
            "lost"]
QOE = ["started", "failed_starts", "left_before_start", "cut_before_start", "gave_up",
       "segments_skipped", "stalls", "stalled_us", "short_stalls", "short_stalled_us", "watched_us",
       "down_us", "rated_us", "rated_bits", "viewers_watched", "viewers_stalled"]
PROCESS = ["run_delay_us", "pss_kib", "anonymous_kib", "machine_sockets_kib"]
ENDS = ["completed", "vanished", "refused", "lost", "abandoned"]
CAUSES = ["capacity", "auth", "not_ready", "server", "network", "client"]
SYNC = ["undetectable", "detectable", "unacceptable"]
SETUP = ["http_us", "tcp_us", "tls_us", "upgrade_us"]
# Of what a session's caller felt, in their order: u is unsigned, f a float, ? may be absent.
FELT = {"frames": "u", "watched_us": "u", "stalled_us": "u", "stall_ratio": "?f", "fps": "?f",
        "fps_min_second": "?u", "drops": "u", "gap_variance_ms2": "?f", "freezes": "u",
        "freeze_us": "u", "pauses": "u", "underrun_ticks": "u", "underrun_events": "u",
        "underrun_us": "u", "low_water_events": "u", "audio_dropped_us": "u", "av_offset_ms": "?f",
        "av_drift_ms_per_min": "?f"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def unsigned(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self):
        number = self.unsigned()
        return (number >> 1) ^ -(number & 1)

    def text(self):
        length = self.unsigned()
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def many(self, item):
        return [item() for _ in range(self.unsigned())]

    def optional(self, item):
        return item() if self.unsigned() else None

    def numbers(self, count):
        return [self.unsigned() for _ in range(count)]

    def float(self):
        self.at += 8
        return struct.unpack("<d", self.data[self.at - 8:self.at])[0]

    def histogram(self):
        buckets = self.many(lambda: (self.unsigned(), self.unsigned()))
        return buckets, dict(zip(["min_us", "max_us", "sum_us", "above"], self.numbers(4)))

    def series(self):
        key = (MEASURES[self.unsigned()], self.text(), self.text(), OUTCOMES[self.unsigned()],
               self.text())
        return key, *self.histogram()

    def send(self):
        return (self.text(), self.text(), self.text(), self.signed(), *self.numbers(5))

    def unanswered(self):
        return (*self.numbers(2), self.text(), OUTCOMES[self.unsigned()])

    def response(self):
        return (self.text(), self.optional(self.signed), *self.numbers(8))

    def trouble(self):
        return (self.text(), self.text(), self.text(), self.unsigned())

    def raw(self):
        who = self.numbers(5)
        times = (self.signed(), self.signed(), self.signed())
        end = (OUTCOMES[self.unsigned()], self.optional(self.unsigned), self.unsigned())
        return (*who, *times, *end, self.unsigned())

    def callers(self):
        return dict(zip(["open", "frames"], self.numbers(2))) | {
            "latency": self.histogram(), "lag": self.histogram()}

    def end(self):
        end = ENDS[self.unsigned()]
        return (end, CAUSES[self.unsigned()]) if end in ("refused", "lost") else (end,)

    def felt(self):
        read = {"u": self.unsigned, "f": self.float}
        felt = {name: self.optional(read[form[1]]) if form[0] == "?" else read[form]()
                for name, form in FELT.items()}
        felt["av_class"] = self.optional(lambda: SYNC[self.unsigned()])
        felt["jitter_us"], felt["latency"] = self.float(), self.histogram()
        felt["backlog_slope"] = self.optional(
            lambda: ([self.float() for _ in range(4)], self.unsigned()))
        return felt

    def session(self):
        session = {"caller": self.unsigned(), "intended_at": self.signed(),
                   "wanted_us": self.unsigned(), "end": self.end()}
        session["setup"] = dict(zip(SETUP, [self.optional(self.unsigned) for _ in SETUP]))
        for name in ["setup_us", "first_frame_us"]:
            session[name] = self.optional(self.unsigned)
        session["turn_us"], session["barge_ins"] = self.many(self.unsigned), self.unsigned()
        session["barge_in_us"] = self.many(self.unsigned)
        session["served_us"], session["lag_us_max"] = self.numbers(2)
        return session | {"felt": self.felt(), "attempt": self.unsigned()}

    def frame(self, version):
        frame = dict(zip(["worker", "incarnation", "sequence"], self.numbers(3)))
        frame |= {"from": self.signed(), "to": self.signed(), "watermark": self.signed()}
        frame["series"] = self.many(self.series)
        frame["arrivals"] = dict(zip(ARRIVALS, self.numbers(len(ARRIVALS))))
        frame["sends"] = self.many(self.send)
        frame["answers"] = self.many(lambda: (self.text(), *self.numbers(2)))
        frame["unanswered"] = self.many(self.unanswered)
        frame["unanswered_untold"] = self.unsigned()
        frame["responses"] = self.many(self.response)
        frame["troubles"] = self.many(self.trouble)
        frame["bytes_received"] = self.unsigned()
        frame["audience"], frame["machine"] = self.numbers(6), self.numbers(8)
        frame["qoe"] = dict(zip(QOE, self.numbers(len(QOE))))
        frame["raw"], frame["raw_untold"] = self.many(self.raw), self.unsigned()
        frame["process"] = dict(zip(PROCESS, [self.optional(self.unsigned) for _ in PROCESS]))
        if version >= 5:
            frame |= {"callers": self.callers(), "sessions": self.many(self.session),
                      "sessions_untold": self.unsigned()}
        return frame


def frames(folder):
    with open(f"{folder}/record/frames.bin", "rb") as file:
        magic = file.read(8)
        assert magic in (b"HULKFRM4", b"HULKFRM5"), "not a file of frames of version 4 or 5"
        while head := file.read(4):
            reader = Reader(file.read(struct.unpack("<I", head)[0]))
            yield reader.frame(int(magic[7:]))
            assert reader.at == len(reader.data), "a frame of another version"


if __name__ == "__main__":
    for frame in frames(sys.argv[1]):
        first = sum(send[4] for send in frame["sends"])
        print(frame["sequence"], frame["from"] / 1e6, "s:", frame["audience"][0], "viewers,",
              frame["arrivals"]["intended"], "arrivals,", first, "first attempts,",
              len(frame.get("sessions", [])), "sessions ended")
