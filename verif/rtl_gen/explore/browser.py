"""A headless Chromium, driven through its DevTools protocol: a pipe, so no port and no package is needed."""

import base64
import itertools
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# No sandbox: it needs rights that containers lack, and only the project's own pages are opened.
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-extensions")
QUIET = ("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update")
PATIENCE = 60  # seconds that it may be silent
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}


class Browser:
    """One tab. What the page does wrong is in `faults`: errors, warnings, and requests that leave the file."""

    def __init__(self, commands: int, replies: int) -> None:
        self._commands, self._replies = commands, replies
        self._ids = itertools.count(1)
        self._session: str | None = None
        self._rest = b""
        self.faults: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of one command of the protocol."""
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (reply := self._read()).get("id") != number:
            self._note(reply)
        assert "error" not in reply, (method, reply["error"])
        return reply["result"]

    def show(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Give the window this size and theme."""
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=theme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is drawn anew: events of the window and the pointer come with its frames."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")

    def open(self, path: Path) -> None:
        """Load a page, and wait until its script has run."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.value("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def move(self, x: float, y: float) -> None:
        """The pointer to a place in the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """A key with a name, such as ``ArrowRight``."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def write(self, text: str) -> None:
        """Text into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        whole = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _read(self) -> dict[str, Any]:
        """The next message: JSON that a zero byte ends."""
        pieces = [self._rest]
        while b"\0" not in pieces[-1]:
            assert select.select([self._replies], [], [], PATIENCE)[0], f"Chromium was silent for {PATIENCE} s"
            pieces.append(os.read(self._replies, 1 << 20))
            assert pieces[-1], "Chromium ended"
        message, _, self._rest = b"".join(pieces).partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        found = event.get("params", {})
        match event["method"]:
            case "Runtime.exceptionThrown":
                self.faults.append(str(found["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if found["type"] in ("error", "warning", "assert"):
                self.faults.append(str(found["args"]))
            case "Log.entryAdded" if found["entry"]["level"] in ("error", "warning"):
                self.faults.append(found["entry"]["text"])
            case "Network.requestWillBeSent" if not found["request"]["url"].startswith(("file:", "data:", "about:")):
                self.faults.append(f"request of {found['request']['url']}")


@contextmanager
def start(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a new profile, ended at the end."""
    command_out, command_in = os.pipe()
    reply_out, reply_in = os.pipe()
    # Chromium reads commands from descriptor 3 and answers on 4.
    shell = f'exec "$0" "$@" 3<&{command_out} 4>&{reply_in}'
    options = [*OPTIONS, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *options],
        pass_fds=(command_out, reply_in),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(command_out)
    os.close(reply_in)
    try:
        yield Browser(command_in, reply_out)
    finally:
        process.kill()
        process.wait()
        os.close(command_in)
        os.close(reply_out)
