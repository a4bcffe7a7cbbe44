"""A way to a server that can be closed and opened again: what a service sees of a network or a server that is gone."""

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Gate:
    """Forwards connections to a port of this machine while it is open; while it is closed, connections are refused.

    Whatever comes from there is kept back for `delay` seconds. `asked`: how often something went there behind an
    answer, which is so many round trips.
    """

    def __init__(self, target: int):
        self._target, self.delay, self._closed = target, 0.0, threading.Event()
        self.asked = 0
        self._ends: list[socket.socket] = []
        self._listener: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = int(chosen.getsockname()[1])

    def __enter__(self) -> "Gate":
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Let connections through from now on."""
        self._closed.clear()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Cut all connections and take no more."""
        self._closed.set()
        listener, self._listener = self._listener, None
        for end in (*([listener] if listener else []), *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [here, there]
                waits = threading.Event()  # for an answer
                for source, target in ((here, there), (there, here)):
                    ends = (source, target, source is there, waits)
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool, waits: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_answer:
                    waits.clear()
                    if self.delay:
                        self._closed.wait(self.delay)
                elif not waits.is_set():
                    waits.set()
                    self.asked += 1
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
