"""Keys and values in few bits, in words and tables; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modules.cache_bits import N_BITS, SCALES, BitsTried, arm_name
from modules.capital import capital
from modules.dive import named
from modules.quantity import percent
from modules.trial_words import ppl, skipped_sentences, span, texts_of
from sinklens.analysis.cache_ranges import MAX_HALF, CacheRanges
from sinklens.analysis.interval import Interval
from sinklens.analysis.trial_table import change_beyond_controls, loss_change, trial_table

ALL_LAYERS = "all"


def bits_finding(tried: BitsTried) -> str:
    """What few bits cost, and what it is worth to keep the sinks out of it."""
    report, n_bits = tried.report, N_BITS[-1]
    plain, kept = (report.of_arm(arm_name(n_bits, kept=flag)) for flag in (False, True))
    if not plain or not kept:
        return f"The trial gave nothing for {n_bits} bits. {' '.join(skipped_sentences(report))}"
    spoilt, healed = loss_change(plain), loss_change(kept)
    beyond = change_beyond_controls(kept, report.controls_of(arm_name(n_bits, kept=True)))
    other = ""
    if beyond.is_known:
        other = f"; {_against_others(beyond)}"
    return (
        f"With keys and values in {n_bits} bits, one scale for {SCALES[tried.wish.scale]}, the loss changes "
        f"by {spoilt.mean:+.3f} nats a token{span(spoilt)}; with {kept_words(tried)} in full precision by "
        f"{healed.mean:+.3f}{span(healed)}{other}. {capital(texts_of(report))}."
    )


def _against_others(beyond: Interval) -> str:
    if beyond.low <= 0 <= beyond.high:
        return f"no clear difference to other tokens exact instead ({beyond.mean:+.3f}{span(beyond)})"
    side = "less" if beyond.mean < 0 else "more"
    return f"{abs(beyond.mean):.3f} {side} than with other tokens exact instead{span(beyond)}"


def kept_words(tried: BitsTried) -> str:
    """The tokens in full precision, in words."""
    keep, prompt = tried.keep, tried.prompt
    if tried.wish.kept == "first":
        return "the first token"
    if tried.wish.kept == "four":
        return f"the first {len(keep)} tokens"
    names = [named(prompt, token) for token in keep[:3]]
    more = f" and {len(keep) - 3} more" if len(keep) > 3 else ""
    return ("sink " if len(keep) == 1 else "sinks ") + ", ".join(names) + more


def loss_rows(tried: BitsTried) -> list[tuple[str, ...]]:
    """Cells of the table of losses, controls joined to one row for each edit."""
    report, rows = tried.report, []
    table = trial_table(report).set_index("arm")
    for n_bits in N_BITS:
        for kept in (False, True):
            name = arm_name(n_bits, kept=kept)
            if name in table.index:
                rows.append(_loss_row(name, table.loc[[name]]))
            controls = table[(table.of == name) & (table.kind == "control")]
            rows += [_loss_row(control, controls.loc[[control]]) for control in controls.index]
    return rows


def _loss_row(name: str, row) -> tuple[str, ...]:
    only = row.iloc[0]
    spread = f" ({only.change_low:+.3f} to {only.change_high:+.3f})" if np.isfinite(only.change_low) else ""
    return (
        name.replace("chosen tokens exact: ", "instead: "),
        f"{only.change:+.3f}{spread}",
        ppl(only.perplexity_after),
        f"{only.kl:.3f}",
        percent(only.top_changed),
    )


def error_rows(tried: BitsTried) -> list[tuple[str, ...]]:
    """Cells of the table of rounding errors: one row per scale, bits and kind."""
    found = tried.errors.set_index(["what", "scale", "n_bits", "kept"]).error
    return [
        (
            f"{what}, one scale for {said}",
            f"{n_bits}",
            *(percent(found[what, scale, n_bits, kept]) for kept in ("none", "sinks", "random")),
        )
        for what in ("keys", "values")
        for scale, said in SCALES.items()
        for n_bits in N_BITS
    ]


def ranges_sentence(tried: BitsTried) -> str:
    """Which part of the range only the sinks need, and whether fp16 could hold all."""
    if not tried.ranges:
        return "Not applicable: this run kept no keys and values whose range could be read."
    parts = [range_sentence(found) for found in tried.ranges]
    over = [found.what for found in tried.ranges if found.overflows_half]
    dtype = tried.capture.model.dtype
    half = (
        f"Beyond what fp16 can hold ({MAX_HALF:,.0f}): {' and '.join(over)}."
        if over
        else f"All of them fit fp16 (largest {_largest(tried.ranges):.3g} of {MAX_HALF:,.0f})."
    )
    return f"{' '.join(parts)} {half} Computed in {dtype}."


def range_sentence(found: CacheRanges) -> str:
    """The layer in which the sinks take most of the range."""
    layer, what = int(found.sink_share.argmax()), capital(found.what)
    with_sinks, without = float(found.absmax[layer]), float(found.absmax_without[layer])
    if found.sink_share[layer] < 0.005:
        return f"{what}: no layer's range is set by the sinks."
    return (
        f"{what}: in layer {layer} the sinks alone need {percent(float(found.sink_share[layer]))} of the "
        f"range ({with_sinks:.3g} with them, {without:.3g} without); mean over channels and layers "
        f"{percent(float(found.channel_sink_share.mean()))}."
    )


def _largest(ranges: Sequence[CacheRanges]) -> float:
    return max(float(found.absmax.max()) for found in ranges)


def by_token(tried: BitsTried, layer: str) -> dict[str, np.ndarray]:
    """The largest number of every token: in one layer, or in all together."""
    return {
        found.what: found.by_token.max(0) if layer == ALL_LAYERS else found.by_token[int(layer)]
        for found in tried.ranges
    }
