"""What a person waits for: `python -m benchmarks.page` prints one table of targets and measurements.

The real app serves a random model of GPT-2 small's shape to a real browser. Times of the page are taken
inside it, from the change of a control until the canvas holds the pixels of the head that was asked for;
bytes are the text of the WebSocket messages in between, before compression.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from benchmarks.chromium import Tab
from models.recipes.example import example_of
from modules.widgets.mosaic import pack_mosaic
from sinklens import capture_file
from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
MODEL = "demo-gpt2"
WORDS = ["<bos>", "<unk>", *(f"w{i}" for i in range(500))]
N_SWITCHES = 20
N_HEAP_SWITCHES = 50
HOOKS = Path(__file__).with_name("page_hooks.js")


@dataclass(frozen=True)
class Row:
    """One measurement beside its target."""

    name: str
    measured: float
    unit: str
    target: float | None = None

    def __str__(self) -> str:
        if self.target is None:
            return f"{self.name:<58}{self.measured:>10.3g} {self.unit:<8}"
        verdict = "reached" if self.measured <= self.target else "MISSED"
        return f"{self.name:<58}{self.measured:>10.3g} {self.unit:<8}{self.target:>8g}  {verdict}"


class Served:
    """The app in a process of its own over a folder of models."""

    def __init__(self, models_dir: Path, cache_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        app_file = str(REPOSITORY / "app.py")
        command = [sys.executable, "-m", "shiny", "run", "--port", str(self.port), app_file]
        given = {"MODELS_DIR": models_dir, "CACHE_DIR": cache_dir, "DEFAULT_MODEL": MODEL}
        env = {f"SINKLENS_{key}": str(value) for key, value in given.items()} | {"HF_HUB_OFFLINE": "1"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started = time.perf_counter()
        self._process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | env, **quiet)
        while not self._answers():
            time.sleep(0.02)
        self.first_page_s = time.perf_counter() - started

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except ConnectionRefusedError:
            return False
        finally:
            connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sinklens-bench-") as name:
        folder = Path(name)
        save_model(folder / MODEL)
        engine = Engine(Settings(models_dir=folder))
        (folder / "examples").mkdir()
        example = example_of(engine, CaptureRequest(MODEL, text(64)))
        capture_file.save(example, folder / "examples" / f"{MODEL}.safetensors")
        long_capture = capture_of(engine, text(512, seed=9))
        rows = [
            Row("bare forward, 128 tokens", bare_forward_ms(folder / MODEL, 128), "ms"),
            Row("bare forward, 512 tokens", bare_forward_ms(folder / MODEL, 512), "ms"),
        ]
        pack_ms = median_ms(lambda: pack_mosaic(long_capture.profile().thumbnails, is_pooled=True), n=5)
        del engine
        with Served(folder, folder / "cache") as app, Tab() as tab:
            rows += page_rows(app, tab, pack_ms, rows[0].measured)
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"Waiting processes per core in the last minute: {busy:.1f}; times mean little above 1.\n")
    print(f"{'':<58}{'measured':>10} {'':<8}{'target':>8}")
    print(*rows, sep="\n")


def page_rows(app: Served, tab: Tab, pack_ms: float, bare_ms: float) -> list[Row]:
    """All measurements of one browser."""
    tab.run_first(HOOKS.read_text("utf-8"))
    tab.goto(f"http://127.0.0.1:{app.port}/")
    first_picture = tab.evaluate("drawnAfter(0)") / 1000
    tab.evaluate("document.querySelector('a[data-value=heads]').click()")
    first_map = tab.evaluate("drawnAfter(0, 'heads-chosen-picture')") / 1000
    rows = [
        Row("server start to first page", app.first_page_s, "s", 3),
        Row("page to first picture (stored example)", first_picture, "s"),
        Row("page to first head map, Heads opened at once", first_map, "s", 3),
    ]
    tab.evaluate(f"ran({text(128, seed=1)!r}, 'heads-chosen-picture')")
    runs = [tab.evaluate(f"ran({text(128, seed=seed)!r}, 'heads-chosen-picture')") for seed in (2, 3, 4)]
    run_ms = statistics.median(end - start for start, end in runs)
    rows += [
        Row("Run to picture, warm model, 128 tokens", run_ms, "ms"),
        Row("the same / bare forward", run_ms / bare_ms, "times"),
    ]
    rows += switch_rows(tab, 128, max_ms=60, max_kb=90)
    rows.append(heap_row(tab))
    rows += mosaic_rows(tab, pack_ms)
    return rows + switch_rows(tab, 512, max_ms=100, max_kb=350)


def mosaic_rows(tab: Tab, pack_ms: float) -> list[Row]:
    """All heads of three different runs, amid everything else that a new run changes on the page."""
    mosaics = [mosaic(tab, seed) for seed in (5, 6, 7)]
    ms = pack_ms + statistics.median(drawing_ms for drawing_ms, _ in mosaics)
    n_bytes = statistics.median(size for _, size in mosaics)
    return [
        Row("mosaic of 144 heads, 512 tokens: packing on the server", pack_ms, "ms"),
        Row("mosaic: packing, and from its message to the picture", ms, "ms", 100),
        Row("mosaic: bytes of its message", n_bytes / 1000, "kB", 500),
    ]


def mosaic(tab: Tab, seed: int) -> tuple[float, int]:
    """Milliseconds from the arrival of a run's mosaic to its picture, and the bytes that arrived."""
    start, drawn = tab.evaluate(f"ran({text(512, seed=seed)!r}, 'heads-all-mosaic')")
    tab.evaluate(f"drawnAfter({start}, 'heads-chosen-picture')")
    messages = [message for message in tab.evaluate("received") if start <= message[0] <= drawn]
    arrived, n_bytes = max(messages, key=lambda message: message[1])
    return drawn - arrived, n_bytes


def switch_rows(tab: Tab, n_tokens: int, *, max_ms: float, max_kb: float) -> list[Row]:
    """Time and bytes of choosing another head."""
    tab.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))")
    switches = [switch(tab, f"chosen({(5 * i + 1) % 12})") for i in range(N_SWITCHES)]
    times = [ms for ms, _ in switches]
    n_bytes = statistics.median(size for _, size in switches)
    clicks = [switch(tab, f"pickedHead({i % 11}, {(5 * i + 3) % 12})")[0] for i in range(N_SWITCHES)]
    name = f"head switch, {n_tokens} tokens"
    return [
        Row(f"{name}, median of {N_SWITCHES}", statistics.median(times), "ms", max_ms),
        Row(f"{name}, fastest", min(times), "ms"),
        Row(f"{name}, by a click in the mosaic", statistics.median(clicks), "ms", max_ms),
        Row(f"{name}, bytes", n_bytes / 1000, "kB", max_kb),
    ]


def switch(tab: Tab, action: str) -> tuple[float, float]:
    """Milliseconds and bytes of one switch; steps and marks that follow are waited for and counted."""
    start, end = tab.evaluate(action)
    tab.evaluate("new Promise((resolve) => setTimeout(resolve, 250))")
    return end - start, tab.evaluate(f"bytesBetween({start}, performance.now())")


def heap_row(tab: Tab) -> Row:
    before = tab.heap_bytes()
    for i in range(N_HEAP_SWITCHES):
        tab.evaluate(f"chosen({(5 * i + 7) % 12})")
    growth = (tab.heap_bytes() - before) / N_HEAP_SWITCHES
    return Row(f"JS heap growth per switch, after {N_HEAP_SWITCHES}", growth / 1e6, "MB", 0.1)


def save_model(folder: Path) -> None:
    """A random model of GPT-2 small's shape with a word tokenizer."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(WORDS), bos_token_id=0, eos_token_id=0, initializer_range=0.05)
    GPT2LMHeadModel(config).half().save_pretrained(folder)
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<bos>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)


def text(n_tokens: int, *, seed: int = 0) -> str:
    """As many different words as fit."""
    return " ".join(f"w{(7 * i + 31 * seed) % 500}" for i in range(n_tokens))


def capture_of(engine: Engine, words: str):
    return engine.capture(CaptureRequest(MODEL, words)).seal()


def bare_forward_ms(folder: Path, n_tokens: int) -> float:
    """One forward pass of the same model with transformers' fused attention."""
    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32).eval()
    ids = torch.arange(n_tokens)[None] % len(WORDS)
    with torch.inference_mode():
        return median_ms(lambda: model(ids), n=5)


def median_ms(work, *, n: int) -> float:
    work()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
