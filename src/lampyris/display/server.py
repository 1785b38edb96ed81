"""The event display fed one event at a time by a server on this machine."""

import errno
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.display.page import render
from lampyris.display.payload import Shown, event_payload

LOOPBACK = "127.0.0.1"
_EVENT = re.compile(r"/events/(\d{1,9})")


class EventServer(ThreadingHTTPServer):
    """Serves the page at `/` and its events at `/events/NUMBER`, on the loopback address alone, and nothing else.

    `load` gives the event of a number; it is called by one thread at a time. A port that is taken raises
    `LampyrisError`.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        detector: Detector,
        load: Callable[[int], Shown],
        count: int,
        *,
        title: str = "",
        first: int = 0,
        port: int = 0,
    ):
        self.page = render(detector, [None] * count, range(count), title=title, first=first).encode()
        self.count, self.lock = count, threading.Lock()
        self.tell = lambda number: json.dumps(event_payload(detector, load(number))).encode()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise LampyrisError(f"Port {port} of this machine {why}; choose another one, or 0 for any.") from error

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/"

    def allowed_hosts(self) -> set[str]:
        """Names under which a browser on this machine reaches the page; others come from a page that plays tricks."""
        return {f"{name}:{self.server_address[1]}" for name in (LOOPBACK, "localhost")}


class _Handler(BaseHTTPRequestHandler):
    server: EventServer
    server_version, sys_version = "lampyris", ""
    timeout = 30

    def do_GET(self) -> None:
        number = _EVENT.fullmatch(self.path)
        if self.headers.get("Host") not in self.server.allowed_hosts():
            self._answer(403, b"This page is for browsers on this machine.", "text/plain")
        elif self.path == "/":
            self._answer(200, self.server.page, "text/html; charset=utf-8")
        elif number is not None and int(number[1]) < self.server.count:
            self._event(int(number[1]))
        else:
            self._answer(404, b"There is no such page.", "text/plain")

    def _event(self, number: int) -> None:
        try:
            with self.server.lock:
                body = self.server.tell(number)
        except LampyrisError as error:
            self._answer(500, str(error).encode(), "text/plain; charset=utf-8")
        else:
            self._answer(200, body, "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args) -> None:
        """Requests are not written anywhere."""
