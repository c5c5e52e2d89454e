"""What a comparison says, in sentences."""

from __future__ import annotations

import math

from modules.compare_sides import Compared
from modules.quantity import percent, quantity
from sinklens.analysis.comparison import Comparison, Side
from sinklens.analysis.loss_difference import LossDifference
from sinklens.file_name import file_name

SAME_RUN = (
    "Both sides are the same run, so that nothing differs. Choose another model, text, start token or edit "
    "for side B."
)
PRECISION = {"share": 1, "nats": 3, "tokens": 0}


def main_finding(compared: Compared) -> str:
    """How both sides treat the first token, and how much of the rest they share."""
    found = compared.comparison
    if is_same_run(found):
        return SAME_RUN
    first = [_rests(name, side) for name, side in (("A", found.a), ("B", found.b))]
    return f"{first[0]}; {first[1]}. {found.sinks_sentence} {heads_finding(found)}"


def is_same_run(found: Comparison) -> bool:
    """Is side B nothing but side A again?"""
    a, b = found.a.capture, found.b.capture
    same_edit = a.request.interventions == b.request.interventions
    return (
        a.model.revision == b.model.revision and a.prompt == b.prompt and a.target == b.target and same_edit
    )


def _rests(name: str, side: Side) -> str:
    share = percent(side.summary.first_share)
    label = side.keys.tokens[0].label
    uniform = percent(side.summary.first_floor)
    return f"{name} ({side_name(side)}) gives {share} of its attention to “{label}” (uniform {uniform})"


def side_name(side: Side) -> str:
    """Model and edit of a side."""
    return (
        f"{side.capture.model.name}, edited"
        if side.capture.request.interventions
        else side.capture.model.name
    )


def side_sentence(side: Side, done: str = "") -> str:
    """What stands on a side: model, tokens, start token, edit."""
    start = "with" if side.capture.prompt.bos_added else "without"
    sees = "each token sees the ones before it" if side.profile.is_causal else "each token sees all others"
    edit = f" Edit: {done}." if done else ""
    model = side.capture.model
    size = f"{model.n_layers} layers × {model.n_heads} heads"
    return f"{model.name}, {size}, {len(side.keys)} tokens, {start} a start token; {sees}.{edit}"


def heads_finding(found: Comparison) -> str:
    """How many heads have a counterpart."""
    if found.heads is None:
        return found.heads_missing
    counts = found.heads.counts()
    total = sum(counts.values())
    parts = f"{counts['matched']} matched, {counts['changed']} changed, {counts['unmatched']} unmatched"
    return f"Of the {total} heads of A: {parts}."


def threshold_note(found: Comparison) -> str:
    """How heads were compared, and what the words for them mean."""
    heads = found.heads
    what = {
        "maps": "the cells of their maps that both sides see, each row less its mean",
        "profiles": "what every token receives above the uniform floor",
    }[heads.kind]
    how = (
        "Heads of one model are held against the head of the same number."
        if heads.rule == "same"
        else "Heads are paired one to one so that the sum of the correlations is as large as possible "
        "(optimal assignment)."
    )
    return (
        f"{how} r: Pearson correlation of {what}. Matched: r ≥ 0.71, half of the variance in common, and "
        f"above chance. Unmatched: r ≤ {heads.threshold:.2f}, below which 95 % of the pairs lie that the "
        "same rule makes after the words of every row are shuffled, or no partner is left. Changed: between."
    )


def alignment_finding(found: Comparison) -> str:
    """How the tokens meet."""
    keys = found.keys
    both, only_a, only_b = (keys.count(place) for place in ("both", "only A", "only B"))
    alone = [f"{n} only on {side}" for n, side in ((only_a, "A"), (only_b, "B")) if n]
    rest = f", {' and '.join(alone)}" if alone else ""
    return f"{len(found.a.keys)} tokens of A and {len(found.b.keys)} of B form {both} shared groups{rest}."


def loss_finding(found: Comparison) -> str:
    """Which side predicts the shared text better."""
    if found.loss is None:
        return found.loss_missing
    loss = found.loss
    if not loss.counted.any():
        return "Both sides predict no common part of the text, so that losses cannot be compared."
    return f"{_losses(loss)} {_interval(loss)}"


def _losses(loss: LossDifference) -> str:
    n, size = int(loss.counted.sum()), loss.n_bytes
    bits = [loss.bits_per_byte(side) for side in ("A", "B")]
    per_byte = f"{bits[0]:.3f} and {bits[1]:.3f} bits per byte"
    if loss.is_by_token:
        nats = f"{loss.mean('A'):.3f} and {loss.mean('B'):.3f} nats a token"
        return f"On the {n} tokens that both predict, A and B lose {nats}: {per_byte} ({size} bytes)."
    return (
        f"The tokenizers differ, so that losses are compared on the same characters: {per_byte} over {size} "
        f"bytes in {n} groups."
    )


def _interval(loss: LossDifference) -> str:
    interval = loss.interval()
    mean = f"A − B is {interval.mean:+.3f} nats a {'token' if loss.is_by_token else 'group'}"
    if not interval.is_known:
        return f"{mean} ({interval.sentence()})."
    if interval.low > 0 or interval.high < 0:
        better = "B" if interval.mean > 0 else "A"
        verdict = f"{better} predicts this text better"
    else:
        verdict = (
            "the interval includes 0, so that neither is better on this text" if interval.mean else "equal"
        )
    if interval.method == "all equal":
        return f"{mean}: {interval.sentence()}."
    return f"{mean} ({interval.low:+.3f} to {interval.high:+.3f}): {verdict}; {interval.sentence()}."


def predictions_finding(found: Comparison) -> str:
    """How often the likeliest token is the same, and how far the distributions are apart."""
    table = found.predictions
    if found.predictions_missing and table.empty:
        return found.predictions_missing
    if table.empty:
        return "The two sides predict at no common place."
    same = int(table["same_top"].sum())
    sentence = (
        f"The likeliest token is the same at {same} of {len(table)} shared places; of the ten likeliest "
        f"{percent(float(table['overlap'].mean()))} are shared, compared by their text."
    )
    if found.kl_missing:
        return f"{sentence} No KL divergence: {found.kl_missing}"
    worst = table.loc[table["kl"].idxmax()]
    kl = float(table["kl"].mean())
    where = f", most after “{worst['label']}” ({worst['kl']:.2f})" if kl > 1e-6 else ""
    return f"{sentence} KL(A ‖ B) is {kl:.3f} nats on average{where}."


def delta_text(value: float, unit: str) -> str:
    """A − B with its sign; shares in percentage points."""
    if math.isnan(value):
        return "–"
    if unit == "share":
        return f"{100 * value:+.1f} pp"
    return f"{value:+.{PRECISION.get(unit, 3)}f}"


def value_text(value: float, unit: str) -> str:
    """A number of the table; a dash where it does not apply."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if unit == "tokens" else quantity(value, unit)


def filename(compared: Compared, what: str, ending: str) -> str:
    """ "compare-demo-gpt2-demo-bert-heads.csv" """
    found = compared.comparison
    names = (side_name(side) for side in (found.a, found.b))
    return file_name("compare", *names, what, ending=ending).lower()
