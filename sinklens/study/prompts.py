"""From a row of texts.parquet to the tokens that a model reads."""

from __future__ import annotations

import numpy as np

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.tokenising import TokenPolicy, token_records, tokenise
from sinklens.errors import TextTooLong
from sinklens.records import Prompt
from sinklens.study.errors import BadTexts
from sinklens.study.plan import ModelChoice, Sampling, Study, TextSource


class PromptMaker:
    """Makes the prompts of one model."""

    def __init__(self, loaded: LoadedModel, choice: ModelChoice, study: Study) -> None:
        self._loaded, self._choice, self._sampling = loaded, choice, study.sampling
        self._generated = {
            (s.generate, s.label, s.n_tokens): s for s in study.texts if s.generate is not None
        }

    def of(self, text: dict) -> Prompt:
        """The prompt of a text.

        Raises
        ------
        EmptyText, TextTooLong, BadTexts, BadSelection
            With the reason for which the text is left out.
        """
        if text["kind"] != "text":
            source = self._generated[(text["kind"], text["category"], text["n_tokens_asked"])]
            prompt = self._drawn(text, source)
        else:
            prompt = self._read(text["text"])
        if len(prompt) < self._sampling.min_tokens:
            raise BadTexts(f"The text has {len(prompt)} tokens; min_tokens is {self._sampling.min_tokens}.")
        return prompt

    def _read(self, text: str) -> Prompt:
        sampling, limit = self._sampling, _least(self._sampling, self._loaded.info.n_tokens_max)
        policy = TokenPolicy(
            self._choice.add_bos,
            self._choice.special_tokens,
            "first" if sampling.longer == "cut" else "refuse",
        )
        try:
            return tokenise(self._loaded.tokenizer, text, policy, n_tokens_max=limit)
        except TextTooLong as error:
            if error.n_tokens_max != sampling.max_tokens:
                raise
            raise BadTexts(
                f"The text has {error.n_tokens:,} tokens; max_tokens is {sampling.max_tokens:,}."
            ) from None

    def _drawn(self, text: dict, source: TextSource) -> Prompt:
        """Random ids of the vocabulary, or one of them again and again."""
        loaded, n = self._loaded, text["n_tokens_asked"]
        if loaded.info.n_tokens_max is not None and n > loaded.info.n_tokens_max:
            raise BadTexts(f"{n:,} tokens are asked for; this model takes {loaded.info.n_tokens_max:,}.")
        head, tail, bos_added = self._frame() if source.special_tokens else ([], [], False)
        n_body = n - len(head) - len(tail)
        if n_body < 1:
            raise BadTexts(f"{n} generated tokens leave no room beside {len(head) + len(tail)} special ones.")
        ordinary = np.setdiff1d(
            np.arange(loaded.info.vocabulary_size), np.array(loaded.tokenizer.all_special_ids, int)
        )
        rng = np.random.default_rng([text["seed"], int(text["hash"][:12], 16)])
        n_drawn = n_body if text["kind"] == "random tokens" else 1
        body = rng.choice(ordinary, n_drawn).tolist() * (n_body // n_drawn)
        ids = [*head, *body, *tail]
        tokens = token_records(loaded.tokenizer, ids, [None] * len(ids))
        return Prompt(text["text"], tokens, bos_added=bos_added, n_tokens_total=len(ids))

    def _frame(self) -> tuple[list[int], list[int], bool]:
        """Special tokens before and after a text, and whether the first is a BOS."""
        policy = TokenPolicy(self._choice.add_bos, self._choice.special_tokens)
        framed = tokenise(self._loaded.tokenizer, "a", policy, n_tokens_max=None)
        body = [token.index for token in framed.tokens if not token.is_special] or [len(framed)]
        ids = list(framed.ids)
        return ids[: body[0]], ids[body[-1] + 1 :], framed.bos_added


def _least(sampling: Sampling, n_tokens_max: int | None) -> int | None:
    limits = [limit for limit in (sampling.max_tokens, n_tokens_max) if limit is not None]
    return min(limits, default=None)
