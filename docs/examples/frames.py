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

    def series(self):
        key = (MEASURES[self.unsigned()], self.text(), self.text(), OUTCOMES[self.unsigned()],
               self.text())
        buckets = self.many(lambda: (self.unsigned(), self.unsigned()))
        return key, buckets, dict(zip(["min_us", "max_us", "sum_us", "above"], self.numbers(4)))

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

    def frame(self):
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
        return frame


def frames(folder):
    with open(f"{folder}/record/frames.bin", "rb") as file:
        assert file.read(8) == b"HULKFRM4", "not a file of frames of version 4"
        while head := file.read(4):
            reader = Reader(file.read(struct.unpack("<I", head)[0]))
            yield reader.frame()
            assert reader.at == len(reader.data), "a frame of another version"


if __name__ == "__main__":
    for frame in frames(sys.argv[1]):
        first = sum(send[4] for send in frame["sends"])
        print(frame["sequence"], frame["from"] / 1e6, "s:", frame["audience"][0], "viewers,",
              frame["arrivals"]["intended"], "arrivals,", first, "first attempts")
