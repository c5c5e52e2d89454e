"""What each view of a run costs beside one bare forward pass, and the memory of masked predictions.

A GPT-2-small-shaped model with random weights (12 layers x 12 heads, width 768) is loaded as any other. Times
are the best of three, in one process; ratios count, seconds do not.

    python -m benchmarks.views --lengths 64 256 512
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from sinklens.analysis.head_clusters import head_clusters
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.layer_flow import layer_flow
from sinklens.analysis.rollout import rollout
from sinklens.analysis.sentences import even_map, sentence_matrix
from sinklens.analysis.sinks import sink_table
from sinklens.capture.engine import Engine
from sinklens.language.alignment import sentences_of_tokens
from sinklens.records import CaptureRequest
from sinklens.residual_records import LogitQuestion
from sinklens.results import Capture
from sinklens.settings import REPOSITORY, Settings

SENTENCE = "The old lighthouse stood at the end of the harbour for more than a century. "
N_MASKED_TOKENS = 128
N_REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 256, 512])
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        print(json.dumps(masked_cost()))
        return
    with tempfile.TemporaryDirectory() as folder:
        engine, name = Engine(Settings()), save_model(Path(folder))
        for n_tokens in choices.lengths:
            report(engine, name, n_tokens)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.views", "--child"], capture_output=True, text=True, check=True
    )
    cost = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\nmasked predictions at all of {cost['n_tokens']} positions, BERT-base shape: "
        f"{cost['grown_bytes'] / 1e9:.2f} GB above the loaded model, "
        f"{cost['peak_bytes'] / 1e9:.2f} GB in all; {cost['passes_each']:.2f} forward passes per position"
    )


def save_model(folder: Path) -> str:
    """Write a GPT-2-small-shaped model with the tokenizer of demo-gpt2."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(REPOSITORY / "models" / "demo-gpt2")
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_positions=1024)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def text_of(engine: Engine, name: str, n_tokens: int) -> str:
    """Words of a fixed sentence, as many as make just under n_tokens tokens."""
    words = (SENTENCE * n_tokens).split()
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        request = CaptureRequest(name, " ".join(words[:middle]), long_text="first")
        low, high = (middle, high) if len(engine.tokenise(request)) <= n_tokens else (low, middle - 1)
    return " ".join(words[:low])


def report(engine: Engine, name: str, n_tokens: int) -> None:
    """One line per view."""
    capture = engine.capture(CaptureRequest(name, text_of(engine, name, n_tokens)))
    ids = torch.tensor([capture.prompt.ids])
    model = engine.model(name).model

    def forward() -> None:
        with torch.inference_mode():
            model(input_ids=ids, use_cache=False)

    unit = best_seconds(forward)
    print(f"\n{len(capture.prompt)} tokens, one forward pass {unit * 1000:.0f} ms")
    for label, work in views(engine, capture).items():
        print(f"  {label:<34} {best_seconds(work) / unit:6.2f} x", flush=True)


def views(engine: Engine, capture: Capture) -> dict[str, Callable[[], object]]:
    """Every view's computation, as the pages ask for it."""
    maps, visible = engine.layer_maps(capture, "self"), engine.layer_visibility(capture, "self")
    profiles = engine.head_profiles(capture, "self")
    languages = engine.token_language(capture, "self")
    sentences = [sentences_of_tokens(side.words, side.annotation) for side in languages]
    residual = engine.residual(capture)
    everything, first = np.ones(len(capture.prompt), bool), np.arange(len(capture.prompt)) == 0
    profile = capture.profile()
    return {
        "capture (pass and profile)": lambda: engine.capture(capture.request),
        "metrics grid (all metrics)": lambda: [head_metric(profile, key) for key in HEAD_METRICS],
        "sink table": lambda: sink_table(capture),
        "one head's map": lambda: engine.head_map(capture, "self", 5, 3),
        "head profiles and types": lambda: engine.head_profiles(capture, "self"),
        "head groups": lambda: head_clusters(profiles.table),
        "heads from A to B": lambda: engine.group_shares(capture, "self", everything, first),
        "maps of all layers": lambda: engine.layer_maps(capture, "self"),
        "rollout": lambda: rollout(maps),
        "one position through the layers": lambda: layer_flow(maps, len(maps[0]) - 1),
        "sentence matrix": lambda: sentence_matrix(maps.mean(0), even_map(visible), *sentences),
        "residual stream": lambda: engine.residual(capture),
        "norms of what is written": lambda: engine.norm_maps(capture, residual, "self"),
        "logit lens": lambda: engine.logit_lens(capture, residual),
        "one logit by parts": lambda: engine.logit_attribution(capture, residual, LogitQuestion(5)),
    }


def masked_cost() -> dict[str, float]:
    """What masking every position of a text in turn costs, in memory and in forward passes."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = AutoTokenizer.from_pretrained(REPOSITORY / "models" / "demo-bert")
        BertForMaskedLM(BertConfig(vocab_size=30_522)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        engine = Engine(Settings())
        capture = engine.capture(CaptureRequest(folder, text_of(engine, folder, N_MASKED_TOKENS)))
        model, ids = engine.model(folder).model, torch.tensor([capture.prompt.ids])
        with torch.inference_mode():
            unit = best_seconds(lambda: model.base_model(input_ids=ids))
        positions = tuple(range(1, len(capture.prompt) - 1))
        before, started = start_peak(), time.perf_counter()
        engine.masked_predictions(capture, positions)
        seconds = time.perf_counter() - started
        return {
            "n_tokens": len(capture.prompt),
            "grown_bytes": peak_bytes() - before,
            "peak_bytes": peak_bytes(),
            "passes_each": seconds / unit / len(positions),
        }


def start_peak() -> int:
    """Forget the highest memory so far where the system can (Linux); bytes in use from where it counts."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def best_seconds(work: Callable[[], object]) -> float:
    """Best of a few runs."""
    seconds = []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def peak_bytes() -> int:
    """Highest memory of this process since it began or `start_peak`."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
