"""A headless Chromium, driven over the WebDriver protocol with nothing but the standard library."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]


def missing() -> str:
    """Why no browser can be had; empty if one can."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"the display is tested in a browser, but there is no {' and no '.join(lacking)} here" if lacking else ""


class Browser:
    """One window."""

    def __init__(self, port: int, size: tuple[int, int], profile: str):
        self.root = f"http://127.0.0.1:{port}"
        options = {
            "binary": shutil.which("chromium"),
            "args": [*FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={profile}"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.root += f"/session/{made['sessionId']}"

    def open(self, address: str) -> None:
        """Load a page and wait until its display is ready."""
        self._ask("POST", "/url", {"url": address})
        self.run("await window.lampyris.ready")

    def run(self, script: str):
        """The result of JavaScript that may await."""
        body = (
            f"const done = arguments[0]; (async () => {{ {script} }})().then(v => done([v]), e => done(['' + e, true]))"
        )
        answer = self._ask("POST", "/execute/async", {"script": body, "args": []})
        if len(answer) > 1:
            raise AssertionError(answer[0])
        return answer[0]

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
            self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def move_to(self, x: int, y: int) -> None:
        """Move the mouse to a point of the window."""
        actions = [{"type": "pointerMove", "x": x, "y": y, "duration": 0}]
        self._ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "m", "actions": actions}]})

    def screenshot(self, path: Path) -> None:
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def messages(self) -> list[str]:
        """What the console has said since the last call."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        """End the session."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None


@contextlib.contextmanager
def browser(size: tuple[int, int] = (1440, 900)) -> Iterator[Browser]:
    """A browser with an empty profile; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            window = Browser(port, size, profile)
            try:
                yield window
            finally:
                window.close()
        finally:
            driver.terminate()
            driver.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("chromedriver did not start")
