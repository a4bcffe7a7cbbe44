"""A load generator in a process of its own: `python -m benchmarks.load PLAN PORT CLIENTS SECONDS`, JSON out.

So many clients, each with a connection of its own that it keeps, send one request after the other, with no pause
between. PLAN is a pickled list of whole HTTP/1.1 requests; client n sends number n, then n + CLIENTS, and so on, and
begins anew behind the last. It does no more than a client must (its own processor time is told, for it may be the
server's rival on one machine): it writes bytes, reads a status and a body by its length or its chunks.
"""

import asyncio
import json
import pickle
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from pathlib import Path
from typing import Any


class Client:
    """One client: its connection, and what it saw."""

    def __init__(self, port: int):
        self._port = port
        self._reader: StreamReader | None = None
        self._writer: StreamWriter | None = None
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()

    async def ask(self, request: bytes) -> str:
        """Send a request and read the whole answer: its status, or "lost" where none came."""
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            assert self._reader is not None
            self._writer.write(request)
            status, kept = await _answer(self._reader)
        except (OSError, EOFError, ValueError):  # asyncio.IncompleteReadError is an EOFError
            status, kept = "lost", False
        if not kept:
            await self.close()
        return status

    async def go_on(self, requests: list[bytes], first: int, step: int, until: float) -> None:
        """One request after the other until a moment on the monotonic clock; what is under way then is finished."""
        number = first
        while (begun := time.monotonic()) < until:
            status = await self.ask(requests[number % len(requests)])
            number += step
            self.seconds.append(time.monotonic() - begun)
            self.statuses[status] += 1

    async def close(self) -> None:
        """Give the connection up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def _answer(reader: StreamReader) -> tuple[str, bool]:
    """(status, whether the connection is kept)."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in head[1:])}
    if b"content-length" in fields:
        await reader.readexactly(int(fields[b"content-length"]))
    elif fields.get(b"transfer-encoding") == b"chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    kept = head[0].startswith(b"HTTP/1.1") and fields.get(b"connection", b"").lower() != b"close"
    return head[0].split(b" ")[1].decode(), kept


async def load(requests: list[bytes], port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Load a server: requests answered, seconds they took, sorted, statuses, seconds in all, and of our processor."""
    crowd = [Client(port) for _ in range(clients)]
    busy, begun = time.process_time(), time.monotonic()
    await asyncio.gather(
        *(one.go_on(requests, number, clients, begun + seconds) for number, one in enumerate(crowd)),
    )
    took, busy = time.monotonic() - begun, time.process_time() - busy
    for one in crowd:
        await one.close()
    waits = sorted(seconds for one in crowd for seconds in one.seconds)
    statuses = sum((one.statuses for one in crowd), Counter[str]())
    return {"seconds": took, "processor": busy, "waits": waits, "statuses": dict(statuses)}


def main() -> None:
    """As the module says."""
    plan, port, clients, seconds = sys.argv[1:]
    requests = pickle.loads(Path(plan).read_bytes())
    print(json.dumps(asyncio.run(load(requests, int(port), int(clients), float(seconds)))))


if __name__ == "__main__":
    main()
