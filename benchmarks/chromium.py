"""One tab of Chromium over its own protocol, so that no driver copies what the page receives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1280,1000",
)
START_PATIENCE_S = 60


class Tab:
    """A browser with one tab; use as a context manager."""

    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="sinklens-chromium-", ignore_cleanup_errors=True)
        names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
        path = next(filter(None, (shutil.which(name) for name in names if name)), None)
        if path is None:
            raise FileNotFoundError("No Chromium found: install one, or set CHROMIUM to its path.")
        self._process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = connect(self._address(), max_size=None)
        self._n_sent = 0

    def __enter__(self) -> Tab:
        self.send("Page.enable")
        return self

    def __exit__(self, *error) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)
        self._profile.cleanup()

    def send(self, method: str, **parameters) -> dict:
        """Send one command and return its result; RuntimeError with the browser's words when it fails."""
        self._n_sent += 1
        self._socket.send(json.dumps({"id": self._n_sent, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=180))
            if answer.get("id") == self._n_sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def run_first(self, script: str) -> None:
        """Run a script in every page before its own scripts."""
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def goto(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def evaluate(self, script: str):
        """Value of an expression in the page, awaited when it is a promise."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {})
            raise RuntimeError(thrown.get("description", "The script failed."))
        return answer["result"].get("value")

    def heap_bytes(self) -> int:
        """Size of the JavaScript heap after a full collection."""
        self.send("HeapProfiler.collectGarbage")
        return int(self.send("Runtime.getHeapUsage")["usedSize"])

    def _address(self) -> str:
        port_file = Path(self._profile.name) / "DevToolsActivePort"
        end = time.monotonic() + START_PATIENCE_S
        while not (port_file.exists() and port_file.read_text().strip()):
            if time.monotonic() > end:
                raise TimeoutError("Chromium did not open its debugging port.")
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as response:
            tabs = json.load(response)
        return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
