"""A Shiny app in a process of its own, as a user would start it."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
START_PATIENCE_S = 120
TRIALS = (
    "bias",
    "cache",
    "compare",
    "deep_dive",
    "flow",
    "geometry",
    "heads",
    "intervene",
    "sink_runs",
    "sinks",
)
"""Trial apps that `tests/browser/apps/all_apps.py` serves from one process, each below its name."""
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:\s.*\n)*(\S.*)", re.MULTILINE)


class AppProcess:
    """Starts `shiny run` on a free port and waits for its first page.

    RuntimeError with the end of its log when it stops, or serves nothing in time.
    """

    def __init__(
        self, app_file: Path, log_file: Path, env: dict[str, str] | None = None, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = log_file
        command = [sys.executable, "-m", "shiny", "run", "--host", "127.0.0.1", "--port", str(self.port)]
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(app_file)],
                cwd=REPOSITORY,
                env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)} | (env or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_for_page()

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def errors(self) -> list[str]:
        """What the server's log tells of exceptions, without those of sessions that were closed."""
        return [error for error in TRACEBACK.findall(self.log()) if "CancelledError" not in error]

    def kill(self) -> None:
        """End it at once, as a machine does that has no memory left."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_page(self) -> None:
        end = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"The app stopped at its start:\n{self.log()[-4000:]}")
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The app served no page within {START_PATIENCE_S} s:\n{self.log()[-4000:]}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
