"""A number that a model gives for a text, as a function of the embeddings of its tokens.

The number is a log probability, a loss or the output of a bias detector. Gradients need an attention
function that can be differentiated; the model runs with transformers' plain one, and where that gives
another number than the model's own (learned sinks of some families, off-by-one softmax) the text is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.attribution_records import BASELINES, AttributionTarget
from sinklens.bias.token_classifier import TokenClassifier
from sinklens.capture.loaded_model import LoadedModel, attention_implementation
from sinklens.capture.prediction import token_labels
from sinklens.errors import BadSelection, NotCaptured, TextTooLong
from sinklens.records import Prompt

N_LOGITS_BYTES = 1 << 27
"""Logits of all copies in a batch together."""
N_COPIES_MAX = 32
MAX_DIFFERENCE = 1e-3
"""Between the plain attention and the model's own, relative to 1 + the number."""


@dataclass(frozen=True, eq=False)
class ScoredText:
    """One text, one model, one number."""

    model: torch.nn.Module
    ids: torch.Tensor
    """(T,) int64 as the model reads them: a masked token is masked here."""
    is_special: np.ndarray
    """(T,) bool"""
    value: Callable[[torch.Tensor], torch.Tensor]
    """Logits (n, T, V) -> (n,)"""
    reads: np.ndarray
    """(T,) float64: how much of the number is read from each position; sums to 1."""
    sentence: str
    """What the number is, a phrase."""
    n_outputs: int
    pad_id: int
    mask_id: int | None

    def embeddings(self) -> torch.Tensor:
        """(T, d) of the tokens, before positions are added."""
        with torch.inference_mode():
            return self.model.get_input_embeddings()(self.ids).clone()

    def baseline(self, kind: str) -> torch.Tensor:
        """(T, d): ordinary tokens replaced, special ones and the mask kept.

        Raises
        ------
        BadSelection
            An unknown baseline, or a mask where the model has none.
        """
        if kind not in BASELINES:
            raise BadSelection(f"Baselines are {', '.join(BASELINES)}; got '{kind}'.")
        if kind == "mask" and self.mask_id is None:
            raise BadSelection("This tokenizer has no mask token; take the baseline 'pad' or 'mean'.")
        table = self.model.get_input_embeddings()
        with torch.inference_mode():
            if kind == "mean":
                everything = torch.arange(table.weight.shape[0], device=self.ids.device)
                row = torch.stack([table(part).mean(0) * len(part) for part in everything.split(8_192)])
                row = row.sum(0) / len(everything)
            else:
                row = table(torch.tensor(self.mask_id if kind == "mask" else self.pad_id).to(self.ids))
            replaced = torch.from_numpy(self.replaceable).to(self.ids.device)[:, None]
            return torch.where(replaced, row, self.embeddings()).clone()

    @property
    def replaceable(self) -> np.ndarray:
        """(T,) bool: ordinary tokens of the text, the masked one left out."""
        is_masked = np.zeros(len(self.is_special), bool)
        if self.mask_id is not None:
            is_masked = self.ids.cpu().numpy() == self.mask_id
        return ~self.is_special & ~is_masked

    @property
    def n_copies(self) -> int:
        """Copies of the text in one batch."""
        return int(np.clip(N_LOGITS_BYTES // (4 * len(self.ids) * self.n_outputs), 1, N_COPIES_MAX))

    def of_embeddings(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(n,) float32 numbers of embeddings (n, T, d); gradients flow where they are switched on."""
        return self.value(self._logits(inputs_embeds=embeddings))

    def of_many(self, embeddings: Iterator[torch.Tensor] | list[torch.Tensor]) -> np.ndarray:
        """(n,) float64 numbers of n embeddings (T, d), some at a time, without gradients."""
        waiting, found = [], []
        for one in embeddings:
            waiting.append(one)
            if len(waiting) == self.n_copies:
                found.append(self._without_gradients(waiting))
                waiting = []
        if waiting:
            found.append(self._without_gradients(waiting))
        return np.concatenate(found)

    def with_attentions(self) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The number, and every layer's attention (1, H, T, T) on the way to it, with gradients."""
        embeddings = self.embeddings().clone().requires_grad_(True)[None]
        outputs = self.model(inputs_embeds=embeddings, output_attentions=True, **self._no_cache())
        return self.value(outputs.logits.float())[0], outputs.attentions

    @contextmanager
    def differentiable(self) -> Iterator[None]:
        """Run with the plain attention; NotCaptured where it gives another number."""
        own = float(self.of_many([self.embeddings()])[0])
        with attention_implementation(self.model, "eager"):
            plain = float(self.of_many([self.embeddings()])[0])
            if abs(plain - own) > MAX_DIFFERENCE * (1 + abs(own)):
                raise NotCaptured(
                    f"Gradients are taken through transformers' plain attention, which gives {plain:.4f} "
                    f"here; the model's own gives {own:.4f}."
                )
            yield

    def _logits(self, **inputs) -> torch.Tensor:
        return self.model(**inputs, **self._no_cache()).logits.float()

    def _no_cache(self) -> dict:
        return {"use_cache": False} if hasattr(self.model.config, "use_cache") else {}

    def _without_gradients(self, embeddings: list[torch.Tensor]) -> np.ndarray:
        with torch.inference_mode():
            return self.of_embeddings(torch.stack(embeddings)).cpu().numpy().astype(np.float64)


def score_prediction(loaded: LoadedModel, prompt: Prompt, target: AttributionTarget) -> ScoredText:
    """The log probability of one token, nats: the next one, or that of a masked position.

    Raises
    ------
    NotCaptured
        No prediction head, or an encoder-decoder model.
    BadSelection
        A position or token that is not there.
    """
    _require_head(loaded)
    is_masked_model = loaded.info.mask_token is not None
    n_tokens = len(prompt)
    ordinary = [token.index for token in prompt.tokens if not token.is_special]
    last = n_tokens - 1 if not is_masked_model else max(ordinary, default=n_tokens - 1)
    position = last if target.position is None else target.position
    if not 0 <= position < n_tokens:
        raise BadSelection(f"The text has tokens 0 to {n_tokens - 1}; got position {position}.")
    ids = torch.tensor(prompt.ids, device=loaded.device)
    if is_masked_model:
        ids = ids.clone()
        ids[position] = loaded.tokenizer.mask_token_id
    token_id = target.token_id
    if token_id is None:
        token_id = _likeliest(loaded, ids, position)
    n_vocabulary = _n_outputs(loaded)
    if not 0 <= token_id < n_vocabulary:
        raise BadSelection(f"The vocabulary has entries 0 to {n_vocabulary - 1}; got {token_id}.")
    reads = np.zeros(n_tokens)
    reads[position] = 1.0
    where = f"at token {position}" if is_masked_model else f"after token {position}"
    label = token_labels(loaded, [token_id])[token_id]
    return _scored(
        loaded,
        prompt,
        ids,
        value=lambda logits: logits[:, position].log_softmax(-1)[:, token_id],
        reads=reads,
        sentence=f"log probability of '{label}' {where}",
    )


def score_loss(loaded: LoadedModel, prompt: Prompt) -> ScoredText:
    """The mean next-token loss of a text, nats; errors as in `score_prediction`."""
    _require_head(loaded)
    if not loaded.info.is_causal:
        raise NotCaptured(
            "A masked model has no loss of a whole text in one pass; choose a prediction instead."
        )
    if len(prompt) < 2:
        raise BadSelection("A loss needs at least two tokens; the text has one.")
    ids = torch.tensor(prompt.ids, device=loaded.device)

    def value(logits: torch.Tensor) -> torch.Tensor:
        logs = logits[:, :-1].log_softmax(-1)
        return -logs.gather(2, ids[1:].expand(len(logits), -1)[:, :, None])[:, :, 0].mean(1)

    reads = np.append(np.full(len(prompt) - 1, 1 / (len(prompt) - 1)), 0.0)
    return _scored(loaded, prompt, ids, value=value, reads=reads, sentence="mean loss of the text")


def score_bias(classifier: TokenClassifier, text: str, category: str | None = None) -> ScoredText:
    """The sum over tokens of the probabilities of all labels that mark something, or one category.

    Raises
    ------
    TextTooLong
        The detector reads the text in several parts, so that there is no single pass to differentiate.
    BadSelection
        A category that the detector does not mark.
    """
    info = classifier.info
    prompts = classifier.prompts(text)
    if len(prompts) > 1:
        n_total = prompts[0].n_tokens_total
        raise TextTooLong(
            f"The text has {n_total:,} tokens; the detector reads {info.n_tokens_max:,} at once, and a bias "
            "score is attributed within one pass.",
            n_tokens=n_total,
            n_tokens_max=info.n_tokens_max,
        )
    marked = info.category_of if category is None else info.labels_of(category)
    places = [info.labels.index(label) for label in marked]
    is_special = np.array([token.is_special for token in prompts[0].tokens])
    ordinary = torch.from_numpy(~is_special).to(classifier.device)

    def value(logits: torch.Tensor) -> torch.Tensor:
        return classifier.probabilities(logits)[:, ordinary][:, :, places].sum(dim=(1, 2))

    tokenizer = classifier.tokenizer
    return ScoredText(
        model=classifier.model,
        ids=torch.tensor(prompts[0].ids, device=classifier.device),
        is_special=is_special,
        value=value,
        reads=~is_special / max((~is_special).sum(), 1),
        sentence=f"bias score ({category or 'all categories'})",
        n_outputs=len(info.labels),
        pad_id=_pad_id(tokenizer),
        mask_id=tokenizer.mask_token_id,
    )


def _scored(loaded: LoadedModel, prompt: Prompt, ids: torch.Tensor, **facts) -> ScoredText:
    return ScoredText(
        model=loaded.model,
        ids=ids,
        is_special=np.array([token.is_special for token in prompt.tokens]),
        n_outputs=_n_outputs(loaded),
        pad_id=_pad_id(loaded.tokenizer),
        mask_id=loaded.tokenizer.mask_token_id if loaded.info.mask_token is not None else None,
        **facts,
    )


def _require_head(loaded: LoadedModel) -> None:
    if not loaded.info.has_lm_head:
        raise NotCaptured(f"'{loaded.info.name}' has no prediction head, so it predicts no token.")
    if loaded.is_encoder_decoder:
        raise NotCaptured("Attribution is not offered for encoder-decoder models: they read two texts.")


def _n_outputs(loaded: LoadedModel) -> int:
    return loaded.model.get_output_embeddings().weight.shape[0]


def _pad_id(tokenizer) -> int:
    """Padding, or what stands in for it where there is none: the end of a text."""
    choices = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
    return next(token_id for token_id in choices if token_id is not None)


def _likeliest(loaded: LoadedModel, ids: torch.Tensor, position: int) -> int:
    with torch.inference_mode():
        return int(loaded.model(input_ids=ids[None]).logits[0, position].argmax())
