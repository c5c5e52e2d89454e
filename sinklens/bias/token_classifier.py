"""A token classifier that marks bias: any checkpoint of transformers with a head for tokens.

The bundled tagger, GUS-Net and checkpoints whose labels the user maps are all read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForTokenClassification, PreTrainedModel, PreTrainedTokenizerBase

from sinklens.bias.detector_labels import categories_by_map, find_thresholds, gus_labels, needs_map
from sinklens.bias_records import BUNDLED, GUS_CATEGORIES, BiasReading, DetectorInfo
from sinklens.capture.architecture import n_tokens_max
from sinklens.capture.device import choose_device
from sinklens.capture.loading import read_config, read_tokenizer, read_weights
from sinklens.capture.model_source import ModelSource, find_model
from sinklens.capture.tokenising import TokenPolicy, is_byte_level, tokenise
from sinklens.errors import ModelNotFound, ModelRefused, RunCancelled
from sinklens.language.alignment import spans_of_tokens
from sinklens.language.word_spans import word_spans
from sinklens.records import Prompt
from sinklens.settings import Settings

BUNDLED_FOLDER = Path("bias") / "english"
"""Inside the folder of the bundled models."""
N_CARD_CHARS = 40_000


@dataclass(eq=False)
class TokenClassifier:
    """A detector in memory; calls must not overlap."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    info: DetectorInfo

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def n_bytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.model.parameters())

    def prompts(self, text: str) -> list[Prompt]:
        """The text as the detector reads it: one prompt, or windows side by side where it is too long."""
        return prompt_windows(self.tokenizer, text, self.info.n_tokens_max)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Probabilities of labels from logits (..., S)."""
        return logits.sigmoid() if self.info.activation == "sigmoid" else logits.softmax(-1)

    def read(
        self,
        text: str,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> BiasReading:
        """The probability of every label for every word of a text.

        Raises
        ------
        EmptyText, NoOffsets
        RunCancelled
            Between two windows of a long text.
        """
        prompts, labels, words, parts = self.prompts(text), [], [], []
        spans = word_spans(text)
        for number, prompt in enumerate(prompts):
            if is_cancelled():
                raise RunCancelled("The detection was stopped.")
            kept = np.array([not token.is_special for token in prompt.tokens])
            parts.append(self._of_pieces(prompt)[kept])
            words.append(spans_of_tokens(prompt, spans)[kept])
            labels += [token.label for token in prompt.tokens if not token.is_special]
            on_progress((number + 1) / len(prompts), f"part {number + 1} of {len(prompts)}")
        pieces, owners = np.concatenate(parts), np.concatenate(words)
        return BiasReading(
            text=text,
            detector=self.info,
            word_spans=spans,
            probabilities=largest_by_word(pieces, owners, len(spans)),
            piece_labels=tuple(labels),
            piece_words=owners,
            piece_probabilities=pieces,
            warnings=_warnings(len(prompts)),
        )

    def _of_pieces(self, prompt: Prompt) -> np.ndarray:
        """(T, S) float32"""
        ids = torch.tensor([prompt.ids], device=self.device)
        with torch.inference_mode():
            logits = self.model(input_ids=ids).logits[0].float()
        return self.probabilities(logits).cpu().numpy()


def prompt_windows(tokenizer, text: str, n_tokens_max: int | None) -> list[Prompt]:
    """All windows of a text; errors as in `tokenise`."""
    first = tokenise(tokenizer, text, TokenPolicy(long_text="windows"), n_tokens_max=n_tokens_max)
    rest = range(1, first.window[1])
    return [first] + [
        tokenise(tokenizer, text, TokenPolicy(long_text="windows", window=at), n_tokens_max=n_tokens_max)
        for at in rest
    ]


def largest_by_word(pieces: np.ndarray, owners: np.ndarray, n_words: int) -> np.ndarray:
    """(W, S) largest probability of the pieces (T, S) of each word; 0 for a word without a piece."""
    found = np.zeros((n_words, pieces.shape[1]), np.float32)
    owned = owners >= 0
    np.maximum.at(found, owners[owned], pieces[owned])
    return found


def find_detector(name: str, settings: Settings) -> ModelSource:
    """The files of the bundled tagger, a folder or a hub checkpoint; errors as in `find_model`."""
    if name != BUNDLED:
        return find_model(name, settings)
    folder = settings.models_dir / BUNDLED_FOLDER
    if not (folder / "config.json").is_file():
        raise ModelNotFound(
            f"The bundled tagger is not in {folder}; name a checkpoint of the hub or a folder."
        )
    found = find_model(str(folder.resolve()), Settings(models_dir=settings.models_dir))
    return replace(found, name=BUNDLED, kind="bundled")


def load_classifier(
    source: ModelSource,
    *,
    label_map: Mapping[str, str] | None = None,
    activation: str | None = None,
) -> TokenClassifier:
    """Read a checkpoint and find out what its labels mean.

    Parameters
    ----------
    label_map : as in `categories_by_map`; None for GUS-Net and the bundled tagger, whose labels are known
    activation : "sigmoid" or "softmax"; None: what the configuration says

    Raises
    ------
    ModelRefused
        No token classifier, damaged files, or thresholds that make no sense.
    BadSelection
        Labels that are not known and not mapped, or mapped wrongly.
    """
    config = read_config(source)
    named = tuple(config.id2label[number] for number in sorted(config.id2label))
    gus = gus_labels(source.name, named)
    labels = gus or named
    if label_map is None and gus is None:
        raise needs_map(source.name, named)
    category_of = dict(GUS_CATEGORIES) if label_map is None else categories_by_map(labels, label_map)
    thresholds, where = find_thresholds(source.name, source.folder, config.to_dict(), labels, category_of)
    is_multiple = gus is not None or config.problem_type == "multi_label_classification"
    info = DetectorInfo(
        name=source.name,
        source=source.kind,
        revision=source.revision,
        family=config.model_type,
        labels=labels,
        category_of=category_of,
        activation=activation or ("sigmoid" if is_multiple else "softmax"),
        thresholds=thresholds,
        thresholds_from=where,
        n_tokens_max=n_tokens_max(config),
        card=_card(source.folder),
    )
    return TokenClassifier(_weights(source), _tokenizer(source), info)


def _weights(source: ModelSource) -> PreTrainedModel:
    model, missing = read_weights(source, AutoModelForTokenClassification, torch.float32)
    missing = [name for name in missing if "pooler" not in name]
    if missing:
        raise ModelRefused(
            f"'{source.name}' is no token classifier: its {missing[0]} is not in the checkpoint and would be "
            "random."
        )
    return model.to(choose_device()[0]).eval()


def _tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Byte-level tokenizers mark a word by the space before it; classifiers learn with one before all."""
    tokenizer = read_tokenizer(source)
    return read_tokenizer(source, add_prefix_space=True) if is_byte_level(tokenizer) else tokenizer


def _card(folder: Path) -> str:
    """README.md without its front matter, "" where there is none."""
    if not (folder / "README.md").is_file():
        return ""
    text = (folder / "README.md").read_text("utf-8", errors="replace")[:N_CARD_CHARS]
    return text.split("\n---\n", 1)[-1].strip() if text.startswith("---\n") else text.strip()


def _warnings(n_windows: int) -> tuple[str, ...]:
    if n_windows == 1:
        return ()
    return (f"The text is longer than the detector reads at once: it was read in {n_windows} parts.",)
