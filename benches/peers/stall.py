"""A server that answers after 1 ms, and nothing at all for one second: stall.py PORT

From its first request on it counts. What is in flight or comes in [5, 6) s is answered at 6 s.
The law for 1,000 requests a second over 10 s: 900 answers take longer than 100 ms, p99 is 901 ms.
"""
import asyncio
import sys

LATENCY_S = 0.001
STALL_S = (5.0, 6.0)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
END = b"\r\n\r\n"


class Stalling(asyncio.Protocol):
    """One connection; requests without a body, one after another."""

    first = None

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        now = loop.time()
        while END in self.rest:
            _, self.rest = self.rest.split(END, 1)
            if Stalling.first is None:
                Stalling.first = now
            due = now + LATENCY_S
            begin, end = (Stalling.first + at for at in STALL_S)
            if begin <= due and now < end:
                due = end + LATENCY_S
            loop.call_at(due, self.answer)

    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


async def serve(port):
    server = await loop.create_server(Stalling, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


loop = asyncio.new_event_loop()
loop.run_until_complete(serve(int(sys.argv[1])))
