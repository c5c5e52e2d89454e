"""What a profile costs beside a bare forward pass, in time and memory.

A GPT-2-small-shaped model with random weights (12 layers x 12 heads, width 768), no prediction head.
Every measurement runs in a process of its own, so that peak memory is its own; the methods take turns,
so that a busy machine slows all of them alike. Ratios count, seconds do not.

    python -m benchmarks.capture --lengths 128 512 1024 2048 4096
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import torch
from transformers import GPT2Config, GPT2Model

from sinklens.capture.loaded_model import LoadedModel, install_observers
from sinklens.capture.memory import free_bytes
from sinklens.capture.probe import probe_attention
from sinklens.records import CapturePlan

METHODS = ("fused", "profile", "eager")
EAGER_BYTES_PER_CELL = 9
"""Measured: kept maps and the softmax's copies, per layer, head, query and key."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 1024, 2048, 4096])
    parser.add_argument("--n-repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("METHOD", "LENGTH"))
    choices = parser.parse_args()
    if choices.child:
        print(json.dumps(measure(choices.child[0], int(choices.child[1]))))
        return
    print(f"{'tokens':>7} | {'time / fused':>21} | {'time / eager':>12} | {'memory / fused':>21}")
    print(f"{'':>7} | {'profile':>10} {'eager':>10} | {'profile':>12} | {'profile':>10} {'eager':>10}")
    for n_tokens in choices.lengths:
        print(row(n_tokens, choices.n_repeats), flush=True)


def row(n_tokens: int, n_repeats: int) -> str:
    """One line of the table: medians over repeats in which the methods take turns."""
    needed = 144 * n_tokens**2 * EAGER_BYTES_PER_CELL
    methods = [m for m in METHODS if m != "eager" or needed < free_bytes(torch.device("cpu"))]
    runs = {method: [] for method in methods}
    for _ in range(n_repeats):
        for method in methods:
            runs[method].append(_child(method, n_tokens))
    seconds = {m: statistics.median(run["seconds"] for run in runs[m]) for m in methods}
    peak = {m: statistics.median(run["peak_bytes"] for run in runs[m]) for m in methods}
    eager_time = f"{seconds['eager'] / seconds['fused']:.2f}" if "eager" in runs else "no memory"
    eager_peak = f"{peak['eager'] / peak['fused']:.2f}" if "eager" in runs else "no memory"
    over_eager = f"{seconds['profile'] / seconds['eager']:.2f}" if "eager" in runs else "-"
    over_fused = seconds["profile"] / seconds["fused"], peak["profile"] / peak["fused"]
    return (
        f"{n_tokens:>7} | {over_fused[0]:>10.2f} {eager_time:>10} | {over_eager:>12} | "
        f"{over_fused[1]:>10.2f} {eager_peak:>10}"
        f"    (fused {seconds['fused']:.2f} s, {peak['fused'] / 1e6:.0f} MB above the model)"
    )


def measure(method: str, n_tokens: int) -> dict[str, float]:
    """Best of two or three passes after a short warm-up, and the peak above the loaded model."""
    torch.manual_seed(0)
    config = GPT2Config(n_positions=max(n_tokens, 1024), attn_implementation="sdpa")
    model = GPT2Model(config).eval()
    step = {"fused": _fused, "eager": _eager, "profile": _profile}[method](model)
    ids = torch.randint(0, config.vocab_size, (1, n_tokens))
    with torch.inference_mode():
        step(ids[:, :16])
        loaded_bytes = _peak_bytes()
        seconds = []
        for _ in range(3 if n_tokens <= 1024 else 2):
            started = time.perf_counter()
            step(ids)
            seconds.append(time.perf_counter() - started)
    return {"seconds": min(seconds), "peak_bytes": max(_peak_bytes() - loaded_bytes, 1)}


def _fused(model):
    return lambda ids: model(input_ids=ids, use_cache=False)


def _eager(model):
    model.set_attn_implementation("eager")
    return lambda ids: model(input_ids=ids, use_cache=False, output_attentions=True)


def _profile(model):
    probe = probe_attention(model, model.config)
    streams = dict.fromkeys(probe.attention_names, "self")
    loaded = LoadedModel(model, None, None, probe.attention_names, streams, probe.n_calls)
    blocks = [name.rpartition(".")[0] for name in probe.attention_names.values()]
    install_observers(model, blocks, model)

    def step(ids):
        call = loaded.call(
            plan=CapturePlan(states=False), keep_states=False, keep_mean_maps=ids.shape[1] <= 1024
        )
        with call.running():
            model(input_ids=ids, use_cache=False)
        return [builder.profile() for builder in call.builders.values()]

    return step


def _peak_bytes() -> int:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def _child(method: str, n_tokens: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.capture", "--child", method, str(n_tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
