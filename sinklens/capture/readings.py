"""What a model is asked about a text to take its loss: one pass, or several with tokens masked.

A causal model predicts every next token in one pass. A masked model is asked in `N_FOLDS` passes; each
masks every `N_FOLDS`-th token of the text, so that every token is guessed once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinklens.analysis.token_match import came_from
from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import BadIntervention, EmptyText, NotCaptured
from sinklens.interventions import Intervention
from sinklens.records import Prompt, Token

N_FOLDS = 6


@dataclass(frozen=True, eq=False)
class Reading:
    """One pass over a text, and what is read from it."""

    prompt: Prompt
    target: Prompt | None
    """Decoder text of an encoder-decoder model."""
    positions: np.ndarray
    """(n,) int: positions whose prediction is read."""
    actual: np.ndarray
    """(n,) int: ids of the tokens that are to be predicted."""
    is_masked: bool = False
    """The tokens at the positions themselves are hidden and predicted; else those that follow."""

    @property
    def n_back(self) -> int:
        """How far before the predicted token stands what it is predicted from."""
        return 0 if self.is_masked else 1


def readings_of(loaded: LoadedModel, prompt: Prompt) -> tuple[Reading, ...]:
    """The passes that give the loss of a text; a decoder beside an encoder reads the same text.

    Raises
    ------
    NotCaptured
        The model predicts nothing that a loss could be taken of.
    EmptyText
        The text has nothing to predict.
    """
    if not loaded.info.has_lm_head:
        raise NotCaptured(
            f"'{loaded.info.name}' has no prediction head, so that there is no loss to measure."
        )
    if loaded.info.mask_token is not None:
        return _masked(loaded, prompt)
    if not loaded.info.is_causal:
        raise NotCaptured(f"'{loaded.info.name}' predicts neither next nor masked tokens.")
    ids = np.array(prompt.ids)
    if len(ids) < 2:
        raise EmptyText("A loss needs at least two tokens; this text has one.")
    target = prompt if loaded.is_encoder_decoder else None
    return (Reading(prompt, target, np.arange(len(ids) - 1), ids[1:]),)


def _masked(loaded: LoadedModel, prompt: Prompt) -> tuple[Reading, ...]:
    own = [token.index for token in prompt.tokens if not token.is_special]
    if not own:
        raise EmptyText("The text has no token that could be masked.")
    ids = np.array(prompt.ids)
    folds = [np.array(own[start::N_FOLDS]) for start in range(min(N_FOLDS, len(own)))]
    return tuple(
        Reading(
            with_masked(prompt, fold, loaded.tokenizer.mask_token_id), None, fold, ids[fold], is_masked=True
        )
        for fold in folds
    )


def with_masked(prompt: Prompt, positions: np.ndarray, mask_id: int) -> Prompt:
    """The same tokens with those at some positions masked."""

    def masked(token: Token) -> Token:
        return replace(token, id=mask_id) if token.index in positions else token

    return replace(prompt, tokens=tuple(masked(token) for token in prompt.tokens))


def shared_positions(
    reading: Reading, interventions: tuple[Intervention, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The positions that are read before and after; they differ only where tokens were changed.

    Returns
    -------
    before, after : (n,) int
        Positions in the two runs that predict the same token of the text.
    """
    stack = "encoder" if reading.target is None else "decoder"
    origins = came_from(interventions, len(reading.target or reading.prompt), stack)
    back = reading.n_back
    stands_at = {old: new for new, old in enumerate(origins)}
    pairs = [
        (position, stands_at[position + back] - back)
        for position in reading.positions.tolist()
        if stands_at.get(position + back, -1) >= back
    ]
    if not pairs:
        raise BadIntervention("After this change no token of the text is left that both runs predict.")
    before, after = zip(*pairs, strict=True)
    return np.array(before), np.array(after)
