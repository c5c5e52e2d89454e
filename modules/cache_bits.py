"""Keys and values in few bits, as the card asks for it: a trial, ranges, and rounding without the model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pandas as pd

from modules.bench import Bench
from sinklens.analysis.cache_ranges import CacheRanges, cache_ranges, rounding_table
from sinklens.errors import BadIntervention
from sinklens.interventions import QuantiseCache
from sinklens.records import Prompt
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.trial_records import Arm, TrialReport, TrialRequest

KEPT = {"first": "the first token", "four": "the first 4 tokens", "sinks": "the sinks of this run"}
SCALES = {"channel": "each channel", "token": "each token", "head": "each head"}
N_BITS = (8, 4)
NO_SINK = (
    "No token of this run counts as a sink under the Sinks page's own definition; choose the first tokens."
)


@dataclass(frozen=True)
class BitsWish:
    """What the controls ask."""

    kept: str = "first"
    """A key of KEPT."""
    scale: str = "channel"
    """A key of SCALES."""


@dataclass(frozen=True, eq=False)
class BitsTried:
    """What the card shows."""

    capture: Capture
    stream: str
    wish: BitsWish
    keep: tuple[int, ...]
    """Positions in full precision."""
    report: TrialReport
    ranges: tuple[CacheRanges, ...]
    """Of keys and of values of the run's own text; empty where the run kept no vectors."""
    errors: pd.DataFrame | None
    """`rounding_table` of the tokens that are not kept, by "none", "sinks" and "random"."""

    @property
    def prompt(self) -> Prompt:
        return self.capture.key_prompt(self.stream)


def arm_name(n_bits: int, *, kept: bool) -> str:
    """ "4 bits" or "4 bits, chosen tokens exact"."""
    return f"{n_bits} bits" + (", chosen tokens exact" if kept else "")


def kept_positions(kept: str, sinks: tuple[int, ...], n_tokens: int) -> tuple[int, ...]:
    """Positions in full precision for a key of KEPT; BadIntervention where there is no sink."""
    if kept == "sinks" and not sinks:
        raise BadIntervention(NO_SINK)
    return {"first": (0,), "four": tuple(range(min(4, n_tokens))), "sinks": sinks}[kept]


def bits_arms(keep: tuple[int, ...], scale: str, stream: str) -> tuple[Arm, ...]:
    """Everything in few bits, and the same without the sinks; the trial adds other tokens as controls."""
    return tuple(
        Arm(
            arm_name(n_bits, kept=bool(kept)),
            (QuantiseCache(stream=stream, n_bits=n_bits, keep=kept, scale=scale),),
        )
        for n_bits in N_BITS
        for kept in ((), keep)
    )


async def try_bits(
    bench: Bench,
    capture: Capture,
    texts: tuple[str, ...],
    stream: str,
    sinks: tuple[int, ...],
    wish: BitsWish,
    on_status: OnStatus,
) -> BitsTried:
    """Run the trial, and round what the run kept in every way.

    Raises
    ------
    BadIntervention
        No sink was found, or the model's attention cannot be edited.
    """
    keep = kept_positions(wish.kept, sinks, len(capture.key_prompt(stream)))
    own = capture.request
    request = TrialRequest(
        own.model,
        # Sinks were found in this text; in another one other tokens stand there.
        texts[:1] if wish.kept == "sinks" else texts,
        bits_arms(keep, wish.scale, stream),
        add_bos=own.add_bos,
        special_tokens=own.special_tokens,
        long_text="first" if own.long_text == "windows" else own.long_text,
    )
    report = await bench.service.trial(request, on_status)
    ranges, errors = await asyncio.to_thread(read_ranges, capture, stream, keep)
    return BitsTried(capture, stream, wish, keep, report, ranges, errors)


def read_ranges(
    capture: Capture, stream: str, keep: tuple[int, ...]
) -> tuple[tuple[CacheRanges, ...], pd.DataFrame | None]:
    """Ranges and rounding errors of the vectors that a run kept; nothing where it kept none."""
    states = capture.states.get(stream) or ()
    if not states or len(keep) >= states[0].k.shape[1]:
        return (), None
    kinds = {"keys": [state.k for state in states], "values": [state.v for state in states]}
    others = np.setdiff1d(np.arange(states[0].k.shape[1]), keep)
    # One draw, away from the sinks, is left out of what is judged like them.
    drawn = np.random.default_rng(0).choice(others, min(len(keep), len(others) - 1), replace=False)
    keeps = {"none": (), "sinks": keep, "random": tuple(int(i) for i in drawn)}
    judged = np.setdiff1d(others, drawn)
    ranges = tuple(cache_ranges(vectors, keep, what) for what, vectors in kinds.items())
    return ranges, rounding_table(kinds, keeps, N_BITS, judged)
