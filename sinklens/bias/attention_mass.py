"""What every head gives to every word of a text, in the words that a detector read.

Detector and model may cut the text differently: both are laid over the same words by the characters that
they share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.bias_ratio import UnitMass, joined_layers, layer_mass, membership
from sinklens.bias_records import BiasReading
from sinklens.capture.layer_rows import layer_rows
from sinklens.errors import BadSelection, NotCaptured
from sinklens.language.alignment import spans_of_tokens
from sinklens.records import Prompt
from sinklens.results import Capture

N_TOKENS_MAX = 1_024
"""Whole maps of one layer at a time: 12 heads of 1,024 tokens take 100 MB."""


@dataclass(frozen=True, eq=False)
class TextUnits:
    """The words of a reading and all other tokens, over one model's tokens."""

    tokens: tuple[tuple[int, ...], ...]
    """(U) positions of every unit, in the order of the text."""
    labels: tuple[str, ...]
    words: np.ndarray
    """(U,) int: word of the reading; -1 for special tokens, punctuation and spaces."""
    n_words_missing: int
    """Words of the reading that the model did not read (a part of a long text was chosen)."""

    @property
    def is_word(self) -> np.ndarray:
        """(U,) bool"""
        return self.words >= 0

    def units_of(self, marked_words: np.ndarray) -> np.ndarray:
        """(U,) bool: the units of marked words.

        Parameters
        ----------
        marked_words : bool array (W,), as of `BiasDecision.biased`
        """
        flags = np.append(np.asarray(marked_words, bool), False)
        return flags[self.words]

    def by_token(self, word_values: np.ndarray, n_tokens: int) -> np.ndarray:
        """(T,) values of words (W,) given to all of their tokens; 0 elsewhere."""
        values = np.append(np.asarray(word_values, np.float64), 0.0)
        found = np.zeros(n_tokens)
        for unit, tokens in enumerate(self.tokens):
            found[list(tokens)] = values[self.words[unit]]
        return found


def text_units(prompt: Prompt, reading: BiasReading) -> TextUnits:
    """Lay the words of a reading over the tokens of a prompt of the same text.

    Raises
    ------
    BadSelection
        The prompt is of another text.
    NoOffsets
        The model's tokenizer does not say which characters a token stands for.
    """
    if prompt.text != reading.text:
        raise BadSelection("The detector read another text than the model: run both on the same text.")
    owners = spans_of_tokens(prompt, reading.word_spans)
    groups: list[list[int]] = []
    for position, word in enumerate(owners):
        if groups and word >= 0 and owners[groups[-1][-1]] == word:
            groups[-1].append(position)
        else:
            groups.append([position])
    words = np.array([owners[group[0]] for group in groups], np.int64)
    known = set(words[words >= 0].tolist())
    return TextUnits(
        tokens=tuple(map(tuple, groups)),
        labels=tuple(
            reading.words[word] if word >= 0 else prompt.tokens[group[0]].label
            for word, group in zip(words, groups, strict=True)
        ),
        words=words,
        n_words_missing=reading.n_words - len(known),
    )


def attention_mass(
    capture: Capture, units: TextUnits, stream: str | None = None, *, specials: str = "excluded"
) -> UnitMass:
    """Attention of every head on every word, layer by layer, from what the capture kept.

    Parameters
    ----------
    specials : "included" or "excluded", as in `UnitMass`

    Raises
    ------
    NotCaptured
        Cross-attention, a text too long for whole maps, or a run without maps and vectors.
    BadSelection
        An unknown stream, or units that are not of its tokens.
    """
    profile = capture.profile(stream)
    if profile.stream == "cross":
        raise NotCaptured(
            "In cross-attention queries and keys are of two texts; choose the encoder or the decoder."
        )
    if profile.n_keys > N_TOKENS_MAX:
        raise NotCaptured(
            f"Attention on words is counted for up to {N_TOKENS_MAX:,} tokens; this text has "
            f"{profile.n_keys:,}."
        )
    prompt = capture.key_prompt(profile.stream)
    if sum(map(len, units.tokens)) != len(prompt):
        raise BadSelection(
            f"The words cover {sum(map(len, units.tokens))} tokens; the run has {len(prompt)}."
        )
    is_special = np.array([token.is_special for token in prompt.tokens])
    member = membership(units.tokens, len(prompt))
    layers = [
        _layer(capture, profile.stream, index, member, is_special, specials)
        for index in range(profile.n_layers)
    ]
    return joined_layers(layers, units.tokens, units.labels, units.is_word, specials)


def _layer(capture: Capture, stream: str, index: int, member, is_special: np.ndarray, specials: str):
    rows, n_tokens = layer_rows(capture, stream, index), len(is_special)
    everything = slice(0, n_tokens)
    weights = rows.weights(everything).numpy()
    maps = np.zeros((len(weights), n_tokens, n_tokens))
    maps[:, :, : weights.shape[2]] = weights
    return layer_mass(maps, rows.visible(everything).numpy(), member, is_special, specials)
