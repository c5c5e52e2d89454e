"""What every head, every feed-forward layer, the embeddings and the biases add to one token's logit.

The last state is the sum of the embeddings and of everything that was written to it. With the scale of
the final normalisation frozen at its value in this run, the logit is linear in that sum, so each part has
a share. Sources: nostalgebraist 2020, "interpreting GPT: the logit lens"; Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits"; "direct logit attribution" in TransformerLens. Only the direct way to
the logit is counted: what a part changes by way of later layers is counted as theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.head_parts import HeadParts
from sinklens.capture.linear_head import LinearHead, linear_head
from sinklens.capture.linear_norm import LinearNorm
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.logit_lens import N_TOP, NO_HEAD, final_norm, token_labels
from sinklens.capture.token_choice import token_id_of
from sinklens.errors import BadSelection, NotCaptured
from sinklens.residual_records import LogitAttribution, LogitQuestion, ResidualStream

POST_NORM = (
    "Not applicable: this model normalises the sum after every sub-layer, so what a layer writes is scaled "
    "again by every layer after it, and no part has a share of its own in the logit."
)


def logit_attribution(
    loaded: LoadedModel, residual: ResidualStream, question: LogitQuestion
) -> LogitAttribution:
    """Split one logit, or its difference to another, into what each part adds to it.

    Raises
    ------
    NotCaptured
        The model has no prediction head, or its logits are no sum over parts; the reason is said.
    BadSelection
        A position outside the text, or a token that the vocabulary does not have.
    """
    _require_sum(loaded, residual, question)
    at, head_input = question.position, torch.tensor(residual.head_input)
    head = linear_head(loaded, head_input)
    logits = head.uncapped(head_input[at : at + 1])[0]
    pair = _pair(loaded, question, logits)
    norm = LinearNorm.of_module(final_norm(loaded, residual), loaded)
    reading, head_bias = _reading(head, pair)
    direction, norm_bias = norm.pulled_back(reading, torch.tensor(residual.states[-1, at]).double())
    heads, note = _heads(HeadParts(loaded, residual, at), direction)
    along = direction.numpy()
    return LogitAttribution(
        position=at,
        token_id=pair.token_id,
        against=question.against,
        against_id=pair.against_id,
        heads=heads,
        writes={name: values[:, at] @ along for name, values in residual.writes.items()},
        embeddings=float(residual.states[0, at] @ along),
        norm_bias=norm_bias,
        head_bias=head_bias,
        logit=_difference(pair, logits),
        softcap=head.softcap,
        is_centred=norm.is_centred,
        ids=pair.top,
        probabilities=head.capped(logits).softmax(-1)[pair.top].numpy(),
        labels=token_labels(loaded, pair.shown),
        note=note,
    )


def _require_sum(loaded: LoadedModel, residual: ResidualStream, question: LogitQuestion) -> None:
    if not loaded.info.has_lm_head:
        raise NotCaptured(NO_HEAD)
    if not residual.is_additive:
        raise NotCaptured(POST_NORM if residual.writes else residual.note)
    n_tokens = residual.states.shape[1]
    if not 0 <= question.position < n_tokens:
        raise BadSelection(f"The text has tokens 0 to {n_tokens - 1}; got position {question.position}.")


@dataclass(frozen=True, eq=False)
class _Pair:
    """The token in question and what its logit is compared with."""

    token_id: int
    against: str
    against_id: int | None
    top: np.ndarray
    """(k,) the likeliest tokens"""

    @property
    def shown(self) -> list[int]:
        others = [] if self.against_id is None else [self.against_id]
        return list(dict.fromkeys([self.token_id, *others, *self.top.tolist()]))


def _pair(loaded: LoadedModel, question: LogitQuestion, logits: torch.Tensor) -> _Pair:
    top = logits.topk(min(N_TOP, len(logits))).indices.numpy()
    token_id = int(top[0]) if question.token is None else token_id_of(loaded, question.token, len(logits))
    against_id = None
    if question.against == "runner-up":
        against_id = int(top[top != token_id][0])
    elif question.against == "token":
        against_id = token_id_of(loaded, question.other, len(logits))
    return _Pair(token_id, question.against, against_id, top)


def _reading(head: LinearHead, pair: _Pair) -> tuple[torch.Tensor, float]:
    """What reads the logit, or the difference, out of the head's input: a direction and a constant."""
    row, bias = head.row(pair.token_id)
    if pair.against == "nothing":
        return row, bias
    other, other_bias = head.mean_row() if pair.against == "mean" else head.row(pair.against_id)
    return row - other, bias - other_bias


def _difference(pair: _Pair, logits: torch.Tensor) -> float:
    own = float(logits[pair.token_id])
    if pair.against == "nothing":
        return own
    return own - float(logits.mean() if pair.against == "mean" else logits[pair.against_id])


def _heads(parts: HeadParts, direction: torch.Tensor) -> tuple[dict[str, np.ndarray], str]:
    """(L, H) by kind of attention; without them, why: the layers as wholes are known all the same."""
    try:
        kinds = [kind for kind in parts.residual.writes if kind != "feed-forward"]
        return {kind: parts.along(kind, direction) for kind in kinds}, ""
    except NotCaptured as reason:
        return {}, str(reason)
