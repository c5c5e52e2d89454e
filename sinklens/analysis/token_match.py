"""Which token of an edited text is which token of the text itself."""

from __future__ import annotations

import numpy as np

from sinklens.interventions import ChangeTokens, Intervention

NEW = -1
"""Instead of the position of a token that the text did not have."""


def stack_of(stream: str, axis: str = "key") -> str:
    """Whose text an axis of an attention stream runs over: "decoder", else "encoder", also of one stack."""
    return "decoder" if stream == "decoder" or (stream == "cross" and axis == "query") else "encoder"


def came_from(interventions: tuple[Intervention, ...], n_tokens: int, stack: str = "encoder") -> list[int]:
    """For every token after the edits its position before, NEW for one that was put there.

    Parameters
    ----------
    stack : whose text it is; edits of the stream "decoder" change the decoder's, all others the other one
    """
    streams = ("decoder",) if stack == "decoder" else ("self", "encoder")
    origins = list(range(n_tokens))
    for edit in interventions:
        if isinstance(edit, ChangeTokens) and edit.stream in streams:
            origins = origins[edit.n_removed :]
            if edit.replace_first_by is not None:
                origins[0] = NEW
            origins = [NEW] * len(edit.prepend) + origins
    return origins


def shared_tokens(
    interventions: tuple[Intervention, ...], n_tokens: int, stack: str = "encoder"
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) positions before and (n,) positions after of the tokens that both texts have."""
    pairs = [(old, new) for new, old in enumerate(came_from(interventions, n_tokens, stack)) if old != NEW]
    before, after = np.array(pairs, int).reshape(-1, 2).T
    return before, after
