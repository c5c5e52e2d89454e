"""What the cards of one block say, from the watched block and a place in it; pure."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from modules.dive import number
from modules.pipeline import Place
from modules.quantity import count, percent
from sinklens.pipeline_records import BlockTrace, HeadWrites, Neurons, NormStep, WriteStep

UNKNOWN_WRITES = (
    "Not applicable: SinkLens does not know which modules of the family '{family}' write to the residual "
    "stream."
)
NO_PROJECTION = "Not applicable: the output projection of '{family}' was not found."
NO_NEURONS = (
    "Not applicable: in the family '{family}' SinkLens finds no single feed-forward layer, as where each "
    "token is sent to experts of its own."
)
NOT_A_SUM = (
    "Careful: these steps do not lead exactly to what leaves the block; something else changes the stream "
    "here, such as an edit of this run."
)
ORDERS = {
    "post-norm": "This model is post-norm: the sum is normalised after every addition and goes on like that.",
    "side by side": "Attention and feed-forward stand side by side: both read what entered the block, and "
    "both add to it.",
    "both": "This model normalises a copy before each sub-layer, and again what it gives before it is added.",
    "pre-norm": "This model is pre-norm: only a copy is normalised for each sub-layer; the stream itself is "
    "only added to.",
}
READS = {
    "stream": "normalises a copy of the stream for {reader}",
    "entry": "normalises a copy of what entered the block for {reader}",
    "sum": "normalises the stream itself",
    "write": "normalises what {reader} gives, before it is added",
    "other": "normalises something else on the way to {reader}",
}
READERS = {
    "encoder": "the decoder's cross-attention reads the result",
    "head": "the prediction head reads the result",
    "nothing": "this is the model's output",
}


def heads_finding(place: Place, written: HeadWrites | None) -> str:
    """The chosen head among those of its layer."""
    if written is None:
        return NO_PROJECTION.format(family=place.capture.model.family)
    norms, part = written.norm[:, place.position], written.part[place.head, place.position]
    rank, most = int((norms > norms[place.head]).sum()) + 1, int(norms.argmax())
    return (
        f"At {place.token} the heads of layer {place.layer} write a sum of length "
        f"{number(written.total[place.position])}. Head {place.layer}.{place.head} writes "
        f"{number(norms[place.head])}, rank {rank} of {len(norms)}, and makes up {percent(part)} of the sum; "
        f"most is from head {place.layer}.{most}: {number(norms[most])}."
    )


def bias_sentence(place: Place, written: HeadWrites) -> str:
    """The part that belongs to no head."""
    if not written.bias_norm:
        return "The output projection adds no bias: all of the sum comes from the heads."
    return (
        f"The projection's bias, length {number(written.bias_norm)}, belongs to no head and makes up "
        f"{percent(written.bias_part[place.position])} of the sum."
    )


def order_of(trace: BlockTrace) -> str:
    """Where the normalisations stand, as seen in the pass: a key of ORDERS."""
    reads = [step.reads for step in trace.steps if isinstance(step, NormStep)]
    kinds = [isinstance(step, WriteStep) for step in trace.steps]
    follows = any(one and other for one, other in pairwise(kinds))
    if "sum" in reads:
        return "post-norm"
    if "entry" in reads or follows:
        return "side by side"
    return "both" if "write" in reads else "pre-norm"


def stream_finding(place: Place, trace: BlockTrace) -> str:
    """How the block changes the length of the stream at the place, and by what."""
    at = place.position
    writes = [step for step in trace.steps if isinstance(step, WriteStep)]
    if not writes:
        return UNKNOWN_WRITES.format(family=place.capture.model.family)
    parts = " and ".join(f"{step.name} adds {number(step.added[at])}" for step in writes)
    return (
        f"{place.token} enters layer {place.layer} with length {number(trace.before[at])}; {parts}; it "
        f"leaves with {number(trace.after[at])}."
    )


def stream_note(trace: BlockTrace) -> str:
    """The order of the steps in words, and whether they add up."""
    return ORDERS[order_of(trace)] + ("" if trace.adds_up else f" {NOT_A_SUM}")


def stream_rows(place: Place, trace: BlockTrace) -> list[tuple[str, str, str, str]]:
    """(step, what it does, length before, length after), from entering to leaving the block."""
    at, rows = place.position, [("enters", "", "", number(trace.before[place.position]))]
    for index, step in enumerate(trace.steps):
        before, after = number(step.before[at]), number(step.after[at])
        if isinstance(step, WriteStep):
            words = f"adds length {number(step.added[at])}, cosine with the stream {step.cosine[at]:.2f}"
            rows.append((step.name, words, before, after))
        else:
            words = READS[step.reads].format(reader=_reader(trace, index))
            rows.append((f"{step.module} ({step.path})", words, before, after))
    return [*rows, ("leaves", "", "", number(trace.after[at]))]


def _reader(trace: BlockTrace, index: int) -> str:
    """The sub-layer that writes next; side by side, one norm may be read by all that follow."""
    names = [step.name for step in trace.steps[index:] if isinstance(step, WriteStep)]
    later = [step for step in trace.steps[index + 1 :] if isinstance(step, NormStep)]
    return " and ".join(names if not later else names[:1]) or "what follows"


def neuron_finding(place: Place, neurons: Neurons | None) -> str:
    """The width of the layer and its strongest neuron at the place."""
    model, at = place.capture.model, place.position
    if neurons is None:
        return NO_NEURONS.format(family=model.family)
    kind = "gated, " if neurons.is_gated else ""
    return (
        f"Layer {place.layer} widens {count(model.hidden_size)} numbers to {count(neurons.n_neurons)} "
        f"neurons and back ({kind}activation {neurons.activation}). At {place.token} the strongest is neuron "
        f"{neurons.ids[at, 0]}: {number(neurons.values[at, 0])}; it writes a vector of length "
        f"{number(neurons.write[at, 0])}."
    )


def inactive_sentence(place: Place, neurons: Neurons) -> str:
    """How many neurons are off, as far as the activation function lets any be off."""
    zero = neurons.zero_share[place.position]
    sentence = f"At {place.token} {percent(zero)} of the neurons are exactly 0."
    if neurons.negative_share is None or "relu" in neurons.activation.lower():
        return sentence
    what = "gate" if neurons.is_gated else "input"
    return (
        f"{sentence} {neurons.activation} has no sharp end; the {what} is below 0, where little gets "
        f"through, for {percent(neurons.negative_share[place.position])}."
    )


def neuron_table(place: Place, neurons: Neurons) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of the strongest neurons."""
    columns = {"gate" if neurons.is_gated else "input": neurons.before, "up": neurons.up}
    columns |= {"activation": neurons.values, "length written": neurons.write}
    shown = {name: values[place.position] for name, values in columns.items() if values is not None}
    rows = [
        (str(neuron), *(number(values[i]) for values in shown.values()))
        for i, neuron in enumerate(neurons.ids[place.position])
    ]
    return ("neuron", *shown), rows


def final_finding(place: Place, trace: BlockTrace) -> str:
    """What the last normalisation does to the token, or why there is none."""
    norm, at = trace.final_norm, place.position
    if norm is None:
        ends = trace.steps and isinstance(trace.steps[-1], NormStep) and trace.steps[-1].reads == "sum"
        why = "each block already ends with one" if ends else "none was seen in this pass"
        return f"Not applicable: nothing is normalised after the last block; {why}."
    return (
        f"After the last block {norm.module} ({norm.path}) brings {place.token} from length "
        f"{number(norm.before[at])} to {number(norm.after[at])}; {READERS[_last_reader(place)]}."
    )


def _last_reader(place: Place) -> str:
    if place.stack == "encoder":
        return "encoder"
    return "head" if place.capture.model.has_lm_head else "nothing"


def final_rows(place: Place, norm: NormStep) -> list[tuple[str, str, str]]:
    """Lengths before and after, for the token and in the middle of the text."""
    at = place.position
    middle = [number(float(np.median(values))) for values in (norm.before, norm.after)]
    return [
        (place.token, number(norm.before[at]), number(norm.after[at])),
        ("median of the text", *middle),
    ]
