"""A prompt with other tokens at its beginning."""

from __future__ import annotations

from dataclasses import replace

from transformers import PreTrainedTokenizerBase

from sinklens.capture.tokenising import token_records
from sinklens.errors import TextTooLong
from sinklens.interventions import ChangeTokens, Intervention
from sinklens.records import Prompt


def changed_prompt(
    prompt: Prompt,
    interventions: tuple[Intervention, ...],
    tokenizer: PreTrainedTokenizerBase,
    n_tokens_max: int | None,
    stack: str = "encoder",
) -> Prompt:
    """The prompt after all ChangeTokens, in their order; the same object without any.

    Parameters
    ----------
    stack : whose text it is, "decoder" or "encoder"; a model with one stack alone reads the encoder's

    Raises
    ------
    BadIntervention
        More tokens are removed than there are, or an id is outside of the vocabulary.
    TextTooLong
        More tokens than the model takes.
    """
    streams = ("decoder",) if stack == "decoder" else ("self", "encoder")
    for edit in interventions:
        if isinstance(edit, ChangeTokens) and edit.stream in streams:
            edit.check_text(len(prompt), len(tokenizer))
            prompt = _changed(prompt, edit, tokenizer)
    if n_tokens_max is not None and len(prompt) > n_tokens_max:
        raise TextTooLong(
            f"With the tokens put in front the text has {len(prompt):,}; this model takes {n_tokens_max:,}.",
            n_tokens=len(prompt),
            n_tokens_max=n_tokens_max,
        )
    return prompt


def _changed(prompt: Prompt, edit: ChangeTokens, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    kept = prompt.tokens[edit.n_removed :]
    ids = [token.id for token in kept]
    spans = [None if token.start is None else (token.start, token.end) for token in kept]
    if edit.replace_first_by is not None:
        ids[0], spans[0] = edit.replace_first_by, None
    tokens = token_records(tokenizer, [*edit.prepend, *ids], [*(None for _ in edit.prepend), *spans])
    # What stands first now was chosen, so that it is not the tokenizer's own beginning any more.
    is_same_start = edit.replace_first_by is None and not edit.prepend and not edit.n_removed
    return replace(
        prompt,
        tokens=tokens,
        bos_added=prompt.bos_added and is_same_start,
        n_tokens_total=prompt.n_tokens_total + edit.offset,
    )
