"""A cache study in words and tables; pure."""

from __future__ import annotations

import math

import pandas as pd

from modules.capital import capital
from modules.quantity import SPACE, count, percent
from modules.trial_words import ppl
from sinklens.analysis.cache_curve import (
    N_BLOW_UP_SINKS,
    blow_up_interval,
    first_eviction,
    nearest_n,
    passkey_verdict,
    perplexity_at_multiples,
    perplexity_from,
    policy_table,
    smallest_n,
)
from sinklens.cache_records import CacheCoverage, CachePolicy, CacheReport, PolicyLoss

COUNTED = {"late": "tokens after the cache is full", "all": "the whole text"}
FEW_TOKENS = 16
LAZY = 0.9
"""SimLayerKV's threshold for Llama 3; others are 0.65 (Llama 2), 0.8 (Mistral), 0.85 (Qwen)."""
WITHIN = "within 1 % of the whole text in view"


def start_of(report: CacheReport, counted: str) -> int:
    """First step that counts, for a key of COUNTED."""
    return first_eviction(report) if counted == "late" else 0


def usable_positions(report: CacheReport, wanted: str) -> str:
    """The positions that are shown: the wanted ones where the model can take them."""
    is_known = any(found.policy.positions == wanted for found in report.losses if found.policy.n_sink)
    return wanted if is_known else "original"


def can_count_anew(report: CacheReport) -> bool:
    """Are there policies whose positions are counted in the cache?"""
    return usable_positions(report, "in-cache") == "in-cache"


def shown_losses(report: CacheReport, positions: str) -> list[PolicyLoss]:
    """The policies that belong together in one picture."""
    return [
        found for found in report.losses if not found.policy.n_sink or found.policy.positions == positions
    ]


def cache_finding(report: CacheReport, positions: str, counted: str) -> str:
    """What dropping the first tokens costs, and how few of them are enough."""
    start, size = start_of(report, counted), report.request.size
    n_counted = len(report.losses[0].loss) - start
    dense = ppl(perplexity_from(report.find("dense").loss, start))
    window = report.find("sinks", 0)
    alone = ppl(perplexity_from(window.loss, start))
    kept = report.find("sinks", N_BLOW_UP_SINKS, positions)
    first = f"With {size} of {len(report.prompt)} tokens in the cache the window alone has perplexity {alone}"
    if kept is not None:
        ratio = blow_up_interval(report, positions, start)
        spread = f" ({ratio.low:.2f} to {ratio.high:.2f})" if ratio.is_known else ""
        own = ppl(perplexity_from(kept.loss, start))
        first += f", {ratio.mean:.2f}{SPACE}×{spread} that of {kept.policy.name} ({own})"
    few = " These are few tokens: a longer text says more." if n_counted < FEW_TOKENS else ""
    return (
        f"{first}; with the whole text in view it is {dense}. {enough_sentence(report, positions, start)} "
        f"Over {count(n_counted)} tokens, {'after the cache is full' if start else 'the whole text'}.{few}"
    )


def enough_sentence(report: CacheReport, positions: str, start: int) -> str:
    """How many first tokens are enough."""
    limit = report.model.n_tokens_max
    if limit is not None and len(report.prompt) > limit:
        return (
            "How many first tokens are enough is asked of texts within the model's length: the whole text in "
            "view is no measure of it here."
        )
    enough = smallest_n(report, positions, start)
    if enough is None:
        best, ratio = nearest_n(report, positions, start)
        return f"No number of first tokens comes {WITHIN}; {best} comes nearest ({ratio - 1:+.1%})."
    if enough == 0:
        return f"No first token is needed: the window alone is {WITHIN}."
    tokens = "1 first token is" if enough == 1 else f"{enough} first tokens are"
    return f"{tokens} enough to come {WITHIN}."


def policy_rows(report: CacheReport, counted: str) -> list[tuple[str, ...]]:
    """Cells of the table of policies, as they are read."""
    table = policy_table(report, start=start_of(report, counted))
    return [
        (
            row.policy,
            ppl(row.perplexity),
            f"{row.times_dense:.3f}{SPACE}×" if math.isfinite(row.times_dense) else "too large",
            _change(row),
            bytes_of(row.cache_bytes),
        )
        for row in table.itertuples()
    ]


def _change(row) -> str:
    if row.kind == "dense":
        return "—"
    spread = f" ({row.change_low:+.3f} to {row.change_high:+.3f})" if math.isfinite(row.change_low) else ""
    return f"{row.change:+.3f}{spread}"


def bytes_of(n_bytes: int) -> str:
    """Bytes in kB or MB; a policy that keeps nothing says so."""
    if n_bytes == 0:
        return "none"
    return f"{n_bytes / 1e6:,.2f}{SPACE}MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:,.1f}{SPACE}kB"


def multiple_rows(report: CacheReport) -> tuple[list[str], list[tuple[str, ...]]]:
    """Heads and cells of the table of perplexities at multiples of the cache."""
    table = perplexity_at_multiples(report)
    wide = table.pivot(index="policy", columns="length", values="perplexity")
    names = [found.policy.name for found in report.losses]
    heads = [f"{length}" + (" (end)" if length == wide.columns[-1] else "") for length in wide.columns]
    return heads, [(name, *(ppl(value) for value in wide.loc[name])) for name in names]


def passkey_sentence(report: CacheReport) -> str:
    """Streaming is not memory: what the probe says."""
    verdict, probe = passkey_verdict(report), report.passkey
    if verdict is None:
        return f"No key was planted: {report.passkey_note}"
    n_keys, n_read = probe.seen.shape
    first = (
        f"{n_keys} keys of {n_read + 1} random tokens were planted {probe.distance} tokens before they come "
        f"again. Their second occurrence costs {verdict.seen:.2f} nats a token with the whole text in view, "
        f"{verdict.unseen:.2f} where another key stood, {verdict.streamed:.2f} with {probe.policy.name}."
    )
    if not verdict.is_telling:
        return (
            f"{first} This model does not copy the key even where it sees it, so that the probe says nothing."
        )
    if verdict.is_lost:
        return f"{first} What has left the cache is gone, however fluent the rest: streaming is not memory."
    return f"{first} Here something of the key is passed on by tokens that are still in the cache."


def coverage_sentence(coverage: CacheCoverage) -> str:
    """How much of the attention a small cache keeps, and which layers are lazy."""
    lazy = [str(layer) for layer, score in enumerate(coverage.lazy) if score > LAZY]
    which = (
        f"layers {', '.join(lazy)} are" if len(lazy) > 1 else f"layer {lazy[0]} is" if lazy else "no layer is"
    )
    heads = coverage.heads
    n_streaming, n_heads = int((heads > LAZY).sum()), heads.size
    return (
        f"A cache of {coverage.n_sink} first and {coverage.n_recent} recent tokens keeps "
        f"{percent(float(heads[heads == heads].mean()))} of the attention of the {count(coverage.n_queries)} "
        f"queries that would lose a token (uniform: {percent(float(coverage.heads_floor.mean()))}); "
        f"{n_streaming} of {n_heads} heads keep more than {percent(LAZY)}. By the last {coverage.n_last} "
        f"queries {which} lazy."
    )


def notes_of(report: CacheReport) -> list[str]:
    """What could not be run, and what holds beside the policies."""
    return [f"{capital(skipped.name)}: {skipped.reason}." for skipped in report.plan.skipped] + list(
        report.plan.notes
    )


def recommended(report: CacheReport, positions: str, counted: str) -> CachePolicy:
    """The cache that the settings describe: the fewest first tokens that are enough, else the best."""
    start = start_of(report, counted)
    n_sink = smallest_n(report, positions, start)
    if n_sink is None:
        n_sink = nearest_n(report, positions, start)[0]
    return report.find("sinks", n_sink, positions).policy


def loss_frame(report: CacheReport) -> pd.DataFrame:
    """One row per policy and predicted token, for the CSV file."""
    labels, parts = report.prompt.labels, []
    for found in report.losses:
        parts.append(
            pd.DataFrame(
                {
                    "model": report.model.name,
                    "policy": found.policy.name,
                    "token": range(1, len(found.loss) + 1),
                    "label": labels[1 : len(found.loss) + 1],
                    "loss": found.loss,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def study_facts(report: CacheReport) -> str:
    """What the numbers rest on, for the caption of a figure."""
    size = f"{len(report.prompt)} tokens, cache of {report.request.size}"
    return f"{report.model.name} (revision {report.model.revision}), {size}"
