"""From a wish to the trial that answers it: which tokens, heads and dimensions are meant in every text."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from modules.bench import LIGHT, require_editable, text_request
from modules.edit_choice import KINDS, EditWish, Target, intervention
from modules.head_view import sink_positions
from modules.massive_target import massive_dimensions, mean_elsewhere
from sinklens.analysis.shares import share_by_head
from sinklens.analysis.sinkfix import sinkfix_verdict
from sinklens.errors import BadIntervention, BadSelection, EmptyText, TextTooLong
from sinklens.interventions import Intervention
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.trial_records import Arm, TrialRequest


@dataclass(frozen=True)
class TrialPlan:
    """A trial, and what was found out on the way to it."""

    request: TrialRequest
    name: str
    """Of the edit's arm."""
    own: Intervention | None
    """The edit of the run's own text; None where that text cannot take it."""
    notes: tuple[str, ...] = ()
    """What was found, and which texts are left out for what reason."""

    @property
    def own_index(self) -> int | None:
        """Place of the run's own text among those of the trial."""
        return None if self.own is None else 0


@dataclass(frozen=True, eq=False)
class _Reading:
    """One text and the tokens that are meant in it."""

    text: str
    capture: Capture | None
    """None where the tokens are known without a run."""
    tokens: tuple[int, ...]


async def plan_trial(
    service: InferenceService,
    capture: Capture,
    texts: tuple[str, ...],
    wish: EditWish,
    on_status: OnStatus | None = None,
) -> TrialPlan:
    """Look at every text as far as the wish needs it.

    Raises
    ------
    BadIntervention
        No text has what the wish means, with the reason.
    BadSelection
        No massive dimension, no start token, no head above the threshold.
    """
    require_editable(capture)
    readings, notes = await _read_texts(service, capture, texts, wish, on_status)
    target, notes = await _shared_target(service, capture, readings, wish, notes, on_status)
    targets = [replace(target, tokens=reading.tokens) for reading in readings]
    if wish.kind == "dims_mean":
        targets, note = await _with_means(service, capture, readings, targets, on_status)
        notes += [note] if note else []
    name = KINDS[wish.kind].name
    edits = [intervention(wish, target) for target in targets]
    request = TrialRequest(
        model=capture.request.model,
        texts=tuple(reading.text for reading in readings),
        arms=(),
        with_controls=wish.with_controls,
        add_bos=capture.request.add_bos,
        special_tokens=capture.request.special_tokens,
        long_text=text_request(capture, "").long_text,
        own_arms=tuple((Arm(name, (edit,)),) for edit in edits),
    )
    is_own_there = readings[0].text == texts[0]
    return TrialPlan(request, name, edits[0] if is_own_there else None, tuple(notes))


async def _read_texts(service, capture: Capture, texts, wish: EditWish, on_status):
    """The texts that have the tokens, and a note for every one that has not."""
    readings: list[_Reading] = []
    notes: list[str] = []
    for index, text in enumerate(texts):
        try:
            readings.append(await _read_text(service, capture, index, text, wish, on_status))
        except (BadSelection, EmptyText, TextTooLong) as error:
            notes.append(f"Text {index + 1} is left out: {error}")
    if not readings:
        raise BadIntervention(notes[0].partition(": ")[2] if len(notes) == 1 else _nobody(notes))
    return readings, notes


def _nobody(notes: list[str]) -> str:
    first = notes[0].partition(": ")[2]
    return f"None of the {len(notes)} texts can take this edit. {first}"


async def _read_text(service, capture: Capture, index: int, text: str, wish: EditWish, on_status) -> _Reading:
    needs_tokens = "tokens" in wish.parts
    looks = needs_tokens and wish.tokens in ("sinks", "detrimental")
    if not looks:
        tokens = tuple(range(wish.n_first)) if wish.tokens == "first" else wish.listed
        return _Reading(text, None, tokens if needs_tokens else ())
    one = capture if index == 0 and not _is_windowed(capture) else None
    one = one or await service.capture(text_request(capture, text, plan=LIGHT), on_status)
    found = await asyncio.to_thread(tokens_of, one, wish)
    if not found:
        raise BadSelection(NOTHING_FOUND[wish.tokens])
    return _Reading(text, one, found)


NOTHING_FOUND = {
    "sinks": "No sink was found in it, so there is nothing to edit; choose the first tokens or positions.",
    "detrimental": "SinkFix's rule calls none of its tokens detrimental.",
}


def tokens_of(capture: Capture, wish: EditWish) -> tuple[int, ...]:
    """The tokens of a run that a wish looks for; empty where there are none."""
    if wish.tokens == "sinks":
        return sink_positions(capture, wish.stream)
    labels = sinkfix_verdict(capture.profile(wish.stream)).labels
    return tuple(index for index, label in enumerate(labels) if label == "detrimental")


def heads_above(capture: Capture, wish: EditWish, token: int) -> tuple[tuple[int, int], ...]:
    """Heads whose mean weight on a token is above the wish's threshold; BadSelection for none.

    The mean is over the queries that can see the token (Gu et al. 2025).
    """
    share = share_by_head(capture.profile(wish.stream), "eligible", token)
    pairs = tuple(
        (int(layer), int(head)) for layer, head in zip(*(share > wish.epsilon).nonzero(), strict=True)
    )
    if not pairs:
        raise BadSelection(
            f"No head gives token {token} more than {wish.epsilon:g} of its attention (the most is "
            f"{share.max():.2f}); lower the threshold or name heads."
        )
    return pairs


async def _shared_target(service, capture: Capture, readings, wish: EditWish, notes: list[str], on_status):
    """What is the same in every text: heads, the word, the dimensions; all found in the run itself."""
    target, notes = Target(), list(notes)
    if "heads" in wish.parts:
        token = (await asyncio.to_thread(sink_positions, capture, wish.stream) or (0,))[0]
        pairs = {"chosen": (wish.head,), "listed": wish.pairs}.get(wish.heads)
        pairs = pairs or await asyncio.to_thread(heads_above, capture, wish, token)
        target = replace(target, pairs=pairs)
        if wish.heads == "above":
            notes.insert(0, f"{len(pairs)} heads give token {token} of the run more than {wish.epsilon:g}.")
    if "word" in wish.parts:
        target = replace(target, word_id=await word_id(service, capture, wish.word, on_status))
    if wish.kind.startswith("dims"):
        residual = await service.residual(
            readings[0].capture or await _run(service, capture, readings[0]), on_status
        )
        found = await asyncio.to_thread(massive_dimensions, residual.states, readings[0].tokens)
        target = replace(target, layer=found.layer, dimensions=found.dimensions)
        notes.insert(0, found.sentence)
    return target, notes


async def word_id(service: InferenceService, capture: Capture, word: str, on_status=None) -> int:
    """The id of the one token that a word is, the model's start token for none; BadSelection otherwise."""
    word = word or capture.model.bos_token or ""
    if not word:
        raise BadSelection(f"'{capture.model.name}' has no start token; type a word that is one token.")
    request = text_request(capture, word, add_bos=False, special_tokens=False, plan=LIGHT)
    tokens = (await service.capture(request, on_status)).prompt.tokens
    if len(tokens) != 1:
        names = " ".join(token.label for token in tokens[:6])
        raise BadSelection(f"Type one token; '{word}' is {len(tokens)} for this model: {names}")
    return tokens[0].id


SAME_EVERYWHERE = (
    "These dimensions are the same in all of the texts, because a first token cannot see what follows: their "
    "mean cannot change anything."
)


async def _with_means(service, capture: Capture, readings, targets: list[Target], on_status):
    """The targets with the values of the other texts, and a note where those are the text's own."""
    states = []
    for reading in readings:
        run = reading.capture or await _run(service, capture, reading)
        states.append((await service.residual(run, on_status)).states)
    tokens = [reading.tokens for reading in readings]
    layer, dimensions = targets[0].layer, targets[0].dimensions
    means = await asyncio.to_thread(mean_elsewhere, states, tokens, layer, dimensions)
    is_same = all(len(own) == 1 for own in tokens) and np.allclose(means, means[0], rtol=1e-3)
    with_values = [
        replace(target, values=tuple(map(float, mean))) for target, mean in zip(targets, means, strict=True)
    ]
    return with_values, SAME_EVERYWHERE if is_same else ""


async def _run(service, capture: Capture, reading: _Reading) -> Capture:
    return await service.capture(text_request(capture, reading.text, plan=LIGHT))


def _is_windowed(capture: Capture) -> bool:
    return capture.request.long_text == "windows"
