"""What it takes to weigh heads: a trial on texts, and scores of items, with every head dropped alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from modules.bench import require_editable, text_request, trial_texts
from modules.bias_bench import BenchmarkItems, run_of
from modules.bias_ranking import MarksWish, head_numbers
from modules.bias_worth_drawing import WorthFound
from sinklens.analysis.benchmark_score import benchmark_score
from sinklens.analysis.head_ablation import ablation_request, ranked_heads
from sinklens.analysis.head_fairness import fairness_change, head_fairness_table
from sinklens.analysis.trial_table import loss_change
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService
from sinklens.trial_records import Arm

FEW = 24
WHICH = {"all": "Every head", "few": f"The first {FEW} in this order"}
NO_ITEMS = "Score the items of the benchmark card first, or choose the hand-written set."


@dataclass(frozen=True)
class WorthWish:
    """What is measured; equal wishes give equal numbers."""

    on_screen: Capture
    text: str
    stream: str
    which: str
    """A key of WHICH."""
    key: str
    """A key of RANKINGS, which decides for the first heads; empty for all."""
    marks: MarksWish
    items: BenchmarkItems | None
    n_examples: int


def is_answer(asked: WorthWish, wanted: WorthWish) -> bool:
    """Does what was asked for answer what is wanted now?"""
    return wanted.marks.is_answered_by(asked.marks) and replace(asked, marks=wanted.marks) == wanted


async def weigh(service: InferenceService, wish: WorthWish, on_status: OnStatus) -> WorthFound:
    """Drop every head alone: in all texts for the loss, and in all items for the preference.

    Raises
    ------
    BadSelection
        No item to score, or heads that cannot be put in order.
    BadIntervention
        A model whose attention cannot be edited, or without a loss.
    NotCaptured
        As `BiasEngine.edited_item_scores`.
    """
    require_editable(wish.on_screen)
    items = wish.items or BenchmarkItems.own()
    if not items.items:
        raise BadSelection(NO_ITEMS)
    run = await run_of(service, wish.on_screen, wish.text, on_status)
    profile = run.profile(wish.stream)
    heads = tuple((layer, head) for layer in range(profile.n_layers) for head in range(profile.n_heads))
    if wish.which == "few":
        marks = await wish.marks.find(service, wish.text, on_status)
        heads = ranked_heads((await head_numbers(service, run, wish.stream, wish.key, marks)).values)[:FEW]
    edits = tuple((DropHeads(stream=wish.stream, pairs=(head,)),) for head in heads)
    arms = tuple(Arm(arm_name(head), own) for head, own in zip(heads, edits, strict=True))
    reading, model = text_request(run, wish.text), run.request.model
    request = replace(
        ablation_request(model, trial_texts(wish.text, wish.n_examples, ""), arms),
        with_controls=False,
        add_bos=reading.add_bos,
        special_tokens=reading.special_tokens,
        long_text=reading.long_text,
    )
    report = await service.trial(request, half_of(on_status, 0))
    scores, left_out = await service.edited_item_scores(
        model, items.items, ((), *edits), half_of(on_status, 1)
    )
    if not scores[0]:
        raise BadSelection(f"None of the {len(items.items)} items could be scored: {left_out[0].reason}")
    return await asyncio.to_thread(_weighed, heads, profile, report, scores, items.name, left_out)


def _weighed(heads, profile, report, scores, items_name: str, left_out) -> WorthFound:
    """Intervals of every head; a bootstrap each, so work for a thread."""
    effects = {head: report.of_arm(arm_name(head)) for head in heads}
    worth = {head: loss_change(own) for head, own in effects.items() if own}
    before, *after = scores
    fairness = {head: fairness_change(before, own) for head, own in zip(heads, after, strict=True)}
    shape = (profile.n_layers, profile.n_heads)
    score = benchmark_score(before)
    table = head_fairness_table(np.full(shape, np.nan), worth, fairness, score.mean_preference)
    return WorthFound(table, shape, score, items_name, report, left_out)


def arm_name(head: tuple[int, int]) -> str:
    """What the arm of a head is called in the trial."""
    return f"head {head[0]}.{head[1]}"


def half_of(on_status: OnStatus, number: int) -> OnStatus:
    """Tells the progress of one of two stretches of work as part of the whole."""

    def tell(status: RunStatus) -> None:
        if status.phase == "running":
            status = replace(status, fraction=(number + status.fraction) / 2)
        if status.phase != "done":
            on_status(status)

    return tell
