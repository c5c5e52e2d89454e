"""Which entry of the vocabulary somebody means."""

from __future__ import annotations

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.logit_lens import token_labels
from sinklens.errors import BadSelection

HINT = "a leading space counts where a word begins."


def token_id_of(loaded: LoadedModel, wanted: int | str, n_vocabulary: int) -> int:
    """The id of a token, given as an id or as text that is exactly one token.

    Raises
    ------
    BadSelection
        No such id, or a text of no or of several tokens, which are named.
    """
    if isinstance(wanted, int):
        if not 0 <= wanted < n_vocabulary:
            raise BadSelection(f"The vocabulary has tokens 0 to {n_vocabulary - 1}; got {wanted}.")
        return wanted
    ids = loaded.tokenizer(wanted, add_special_tokens=False)["input_ids"] if wanted else []
    if len(ids) == 1:
        return int(ids[0])
    if not ids:
        raise BadSelection(f"Type one token; {HINT}")
    labels = token_labels(loaded, list(dict.fromkeys(ids)))
    pieces = ", ".join(f"“{labels[i]}”" for i in ids)
    raise BadSelection(f"“{wanted}” is {len(ids)} tokens here: {pieces}. Type one of them; {HINT}")
