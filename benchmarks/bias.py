"""What the bias tools cost: the permutation test beside a Python loop, the rest beside one forward pass.

The permutation test runs on random masses of 12 x 12 heads, in the matrix form and as a loop over exchanges
and heads. Integrated gradients, gradient x input, relevance, leave one out and head ablation run on a bundled
model. Times are the best of three, in one process and one thread; ratios count, seconds do not.

    python -m benchmarks.bias [--model demo-gpt2] [--lengths 20 60 128]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from sinklens.analysis.bias_permutation import permutation_test
from sinklens.analysis.bias_ratio import UnitMass
from sinklens.analysis.head_ablation import ablation_arms, ablation_request
from sinklens.analysis.position_strata import strata_of
from sinklens.attribution_records import AttributionTarget
from sinklens.bias.contrast_set import contrast_set
from sinklens.bias.edited_scores import score_item_under
from sinklens.bias.erasure import erasure_curves, leave_one_out
from sinklens.bias.gradients import gradient_x_input, integrated_gradients
from sinklens.bias.relevance import gradient_relevance
from sinklens.bias.scored_text import ScoredText, score_prediction
from sinklens.bias.token_classifier import BUNDLED, find_detector, load_classifier
from sinklens.capture.engine import Engine
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.settings import Settings

SENTENCE = "The old lighthouse stood at the end of the harbour for more than a century. "
N_LOOP_DRAWS = 300
"""The loop is timed on these and its time multiplied, so that nobody waits for it."""
N_REPEATS, N_DRAWS = 3, 9_999
GOAL = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo-gpt2")
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 60, 128])
    choices = parser.parse_args()
    torch.set_num_threads(1)
    print(f"permutation test, 144 heads, {N_DRAWS:,} exchanges (goal: at least {GOAL} times a loop)")
    print(f"{'words':>6} | {'matrix':>9} | {'loop':>9} | times")
    for n_units in choices.lengths:
        matrix, loop = permutation_seconds(n_units)
        print(
            f"{n_units:>6} | {matrix * 1e3:>6.0f} ms | {loop * 1e3:>6.0f} ms | {loop / matrix:.0f}",
            flush=True,
        )
    report_model(Engine(), choices.model)


# --- permutation test ---------------------------------------------------------------------------------


def permutation_seconds(n_units: int) -> tuple[float, float]:
    """Seconds of the matrix form, and of a loop over exchanges and heads that counts the same."""
    rng = np.random.default_rng(0)
    mass = UnitMass(
        received=rng.gamma(1.0, size=(12, 12, n_units)),
        uniform=rng.gamma(9.0, size=(12, n_units)),
        between=None,
        uniform_between=None,
        labels=("",) * n_units,
        tokens=tuple((index,) for index in range(n_units)),
        is_eligible=np.ones(n_units, bool),
    )
    biased = np.zeros(n_units, bool)
    biased[rng.choice(n_units, max(6, n_units // 8), replace=False)] = True
    matrix = best_seconds(lambda: permutation_test(mass, biased, n_draws=N_DRAWS))
    draws = strata_of(biased, mass.is_eligible).draws(n_units, N_LOOP_DRAWS, rng)
    loop = best_seconds(lambda: loop_counts(mass, biased, draws))
    return matrix, loop * N_DRAWS / N_LOOP_DRAWS


def loop_counts(mass: UnitMass, biased: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """(L, H) exchanges that reach the observed ratio, one exchange and one head at a time."""
    n_layers, n_heads, _ = mass.received.shape
    counts = np.zeros((n_layers, n_heads), int)
    for chosen in draws:
        for layer in range(n_layers):
            for head in range(n_heads):
                own = mass.received[layer, head]
                observed = own[biased].sum() / mass.uniform[layer][biased].sum()
                counts[layer, head] += own[chosen].sum() / mass.uniform[layer][chosen].sum() >= observed
    return counts


# --- attribution and ablation -------------------------------------------------------------------------


def report_model(engine: Engine, model: str) -> None:
    """One row for each method: passes that it counts, and time as a multiple of one plain pass."""
    loaded = engine.model(model)
    prompt = engine.tokenise(CaptureRequest(model, SENTENCE * 3))
    scored = score_prediction(loaded, prompt, AttributionTarget())
    unit = best_seconds(lambda: one_pass(scored))
    print(f"\n{model}, {len(prompt)} tokens; one forward pass {unit * 1e3:.1f} ms")
    print(f"{'method':>28} | passes | times a pass")
    methods: dict[str, Callable[[], object]] = {
        "integrated gradients": lambda: integrated_gradients(scored),
        "gradient x input": lambda: gradient_x_input(scored),
        "gradient-weighted attention": lambda: gradient_relevance(scored),
        "leave one out": lambda: leave_one_out(scored),
    }
    for name, work in methods.items():
        found = work()
        print(f"{name:>28} | {found.n_passes:>6} | {best_seconds(work) / unit:.1f}", flush=True)
        if name == "integrated gradients":
            print(f"{'':>28}   {found.n_steps} steps, residual {found.residual:.1%}")
    attribution = leave_one_out(scored)
    curve = erasure_curves(scored, [attribution])[0]
    n_passes = (1 + len(curve.random)) * len(curve.shares)
    seconds = best_seconds(lambda: erasure_curves(scored, [attribution]))
    print(f"{'deletion curve':>28} | {n_passes:>6} | {seconds / unit:.1f}", flush=True)
    ranked = [(layer, head) for layer in range(loaded.info.n_layers) for head in range(2)]
    request = ablation_request(model, (SENTENCE * 3,), ablation_arms(ranked))
    n_passes = engine.trial(request, 0).n_passes
    seconds = best_seconds(lambda: engine.trial(request, 0))
    print(f"{'head ablation with controls':>28} | {n_passes:>6} | {seconds / unit:.1f}", flush=True)
    heads = [(layer, head) for layer in range(loaded.info.n_layers) for head in range(loaded.info.n_heads)]
    edits = ((), *((DropHeads(pairs=(head,)),) for head in heads))
    item = contrast_set()[0]
    seconds = best_seconds(lambda: score_item_under(loaded, item, edits))
    n_passes = len(edits) * len(item.versions)
    print(f"{'every head, one short item':>28} | {n_passes:>6} | {seconds / unit:.1f}", flush=True)
    report_detector(unit)


def report_detector(unit: float) -> None:
    """The bundled tagger on the same text."""
    classifier = load_classifier(find_detector(BUNDLED, Settings()))
    seconds = best_seconds(lambda: classifier.read(SENTENCE * 3))
    print(f"{'bundled tagger':>28} | {1:>6} | {seconds / unit:.1f}")


def one_pass(scored: ScoredText) -> None:
    """The model's logits for the text."""
    with torch.inference_mode():
        scored.model(input_ids=scored.ids[None])


def best_seconds(work: Callable[[], object]) -> float:
    """Best of a few runs."""
    seconds = []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
