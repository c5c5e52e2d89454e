"""How likely a model finds the versions of an item.

Decoders: log likelihood of the tokens of the version, given the context. Masked models: pseudo log
likelihood, each token masked alone (Salazar et al. 2020, arXiv 1910.14659). Versions of one pair that differ
in a word are compared by their sum, for masked models over the tokens that both share (Nangia et al. 2020);
sets with an unrelated version by the mean, because their lengths differ (as GPT-2 in Nadeem et al. 2021).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from sinklens.capture.edit_limits import check_edits
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.masked_prediction import masked_predictions
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.prediction import read_causal
from sinklens.capture.tokenising import TokenPolicy, default_bos_id, tokenise
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.errors import (
    BadIntervention,
    BadSelection,
    EmptyText,
    NotANumber,
    NotCaptured,
    RunCancelled,
    TextTooLong,
)
from sinklens.interventions import ChangeTokens, Intervention
from sinklens.records import Prompt

Key = tuple[str, str, str]
"""(benchmark, kind, identifier) of an item."""


def key_of(item: ContrastItem) -> Key:
    """What tells an item from all others."""
    return item.benchmark, item.kind, item.identifier


def score_items(
    loaded: LoadedModel,
    items: Sequence[ContrastItem],
    known: Mapping[Key, ItemScore] | None = None,
    interventions: tuple[Intervention, ...] = (),
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    on_score: Callable[[ItemScore], None] = lambda score: None,
) -> tuple[tuple[ItemScore, ...], tuple[LeftOut, ...]]:
    """Score items one after the other; those that the model cannot read are listed.

    Parameters
    ----------
    known : scores of an earlier run that was stopped, under the same edits; they are taken over
    interventions : edits that are in force meanwhile, such as dropped heads
    on_score : called with every new score, so that a run can be resumed

    Raises
    ------
    NotCaptured
        The model has no prediction head, or is an encoder-decoder.
    RunCancelled
        Between two items.
    BadIntervention
        An edit names layers or heads that the model does not have.
    """
    check_head(loaded)
    scores, left_out, known = [], [], known or {}
    for number, item in enumerate(items):
        if is_cancelled():
            raise RunCancelled("The benchmark was stopped.")
        if key_of(item) in known:
            scores.append(known[key_of(item)])
            continue
        try:
            scores.append(score_item(loaded, item, interventions))
            on_score(scores[-1])
        except (TextTooLong, EmptyText, BadSelection, NotANumber) as error:
            left_out.append(LeftOut(item.identifier, str(error)))
        on_progress((number + 1) / len(items), f"item {number + 1:,} of {len(items):,}")
    return tuple(scores), tuple(left_out)


def score_item(
    loaded: LoadedModel, item: ContrastItem, interventions: tuple[Intervention, ...] = ()
) -> ItemScore:
    """The log likelihood of every version of an item, nats, under edits if there are any.

    Raises
    ------
    TextTooLong, EmptyText, NotANumber
    BadSelection
        Two versions share no token, or a version has none to score.
    """
    prompts, places = read_item(loaded, item, interventions)
    read = _masked_logs if loaded.info.mask_token is not None else _causal_logs
    logs = {role: read(loaded, prompt, places[role], interventions) for role, prompt in prompts.items()}
    return item_score(loaded, item, logs)


def read_item(
    loaded: LoadedModel, item: ContrastItem, interventions: tuple[Intervention, ...] = ()
) -> tuple[dict[str, Prompt], dict[str, np.ndarray]]:
    """Role -> the tokens of a version, and the positions of those that are scored; errors as `score_item`."""
    prompts = {role: read_version(loaded, text) for role, text in item.versions.items()}
    places = {role: _scored_places(loaded, prompt, item) for role, prompt in prompts.items()}
    if loaded.info.mask_token is not None and item.unrelated is None:
        places = _shared_places(prompts, places)
    for role, prompt in prompts.items():
        if not len(places[role]):
            raise BadSelection(f"Item {item.identifier} has a version without a token to score.")
        _check_edits(loaded, interventions, prompt)
    return prompts, places


def item_score(loaded: LoadedModel, item: ContrastItem, logs: Mapping[str, np.ndarray]) -> ItemScore:
    """The score of an item from the log probabilities of every version's scored tokens, nats."""
    is_masked, by_sum = loaded.info.mask_token is not None, item.unrelated is None
    scores = {role: float(own.sum() if by_sum else own.mean()) for role, own in logs.items()}
    which = "shared tokens" if is_masked and by_sum else "sum" if by_sum else "mean"
    counts = {role: len(own) for role, own in logs.items()}
    return ItemScore(item, scores, counts, f"{'masked' if is_masked else 'causal'}, {which}")


def check_head(loaded: LoadedModel) -> None:
    """Raise NotCaptured unless the model predicts tokens of one text."""
    if not loaded.info.has_lm_head:
        raise NotCaptured(
            f"'{loaded.info.name}' has no prediction head, so no sentence is likelier than another."
        )
    if loaded.is_encoder_decoder:
        raise NotCaptured("Benchmarks are not offered for encoder-decoder models: they read two texts.")


def read_version(loaded: LoadedModel, text: str) -> Prompt:
    """The tokens of a version, opened by BOS where there is one, so that the first word counts too."""
    has_bos = default_bos_id(loaded.tokenizer) is not None
    policy = TokenPolicy(add_bos=True if has_bos else None)
    return tokenise(loaded.tokenizer, text, policy, n_tokens_max=loaded.info.n_tokens_max)


def _scored_places(loaded: LoadedModel, prompt: Prompt, item: ContrastItem) -> np.ndarray:
    """Positions of the version's own tokens; the first token of all only where something comes before it."""
    n_context = len(item.context)
    first = 0 if loaded.info.mask_token is not None else 1
    return np.array(
        [
            token.index
            for token in prompt.tokens[first:]
            if not token.is_special and (token.end is None or token.end > n_context)
        ],
        int,
    )


def _shared_places(prompts: dict[str, Prompt], places: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """For two versions the positions of the tokens that both have, in the same order."""
    (one, other), roles = prompts.values(), list(prompts)
    ids = [[prompt.ids[at] for at in own] for prompt, own in zip((one, other), places.values(), strict=True)]
    blocks = difflib.SequenceMatcher(None, *ids, autojunk=False).get_matching_blocks()
    here = [place for block in blocks for place in range(block.a, block.a + block.size)]
    there = [place for block in blocks for place in range(block.b, block.b + block.size)]
    return {roles[0]: places[roles[0]][here], roles[1]: places[roles[1]][there]}


def _check_edits(loaded: LoadedModel, interventions: tuple[Intervention, ...], prompt: Prompt) -> None:
    if any(isinstance(edit, ChangeTokens) for edit in interventions):
        raise BadIntervention("Items are scored on their own tokens: tokens cannot be changed meanwhile.")
    check_edits(loaded, interventions, prompt)


def _masked_logs(loaded: LoadedModel, prompt: Prompt, places: np.ndarray, interventions) -> np.ndarray:
    """(n,) log probability of each token where it alone is masked."""
    positions = tuple(int(at) for at in places)
    return -masked_predictions(loaded, prompt, positions, interventions=interventions).surprisal


def _causal_logs(loaded: LoadedModel, prompt: Prompt, places: np.ndarray, interventions) -> np.ndarray:
    """(n,) log probability of each token after those before it."""
    call = loaded.call(EditedCall, interventions=interventions)
    with torch.inference_mode(), call.running():
        loaded.model(**model_inputs(loaded, prompt, None, interventions))
    _, loss = read_causal(loaded, call.trunk_output[0], prompt.ids)
    if not np.isfinite(loss).all():
        raise NotANumber("The model's logits are not finite (NaN or infinity).")
    return -loss[places - 1].astype(np.float64)
