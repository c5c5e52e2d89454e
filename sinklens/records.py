"""The frozen records that go into a run: text, model, request. What comes out is in `results`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sinklens.interventions import Intervention

# --- text -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    """One sub-word as the model sees it."""

    index: int
    """Position in the sequence, from 0, special tokens included."""
    id: int
    piece: str
    """Entry of the vocabulary, as the tokenizer stores it."""
    label: str
    """What a person reads: a leading space as '·', newline as '↵', lone bytes as '\\xE2'."""
    start: int | None
    """First character in the prompt's text, None where the tokenizer gives no offsets."""
    end: int | None
    is_special: bool


@dataclass(frozen=True)
class Prompt:
    """A text and its tokens: the only result of tokenisation, made in one place."""

    text: str
    tokens: tuple[Token, ...]
    bos_added: bool
    """True when a beginning-of-sequence token that is not in the text stands at position 0."""
    n_tokens_total: int
    """Tokens of the whole text; larger than len(tokens) when a part was chosen."""
    window: tuple[int, int] = (0, 1)
    """(index, count) of the window shown when a long text is read in windows."""
    warnings: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(token.id for token in self.tokens)

    @property
    def labels(self) -> list[str]:
        return [token.label for token in self.tokens]

    def __len__(self) -> int:
        return len(self.tokens)


# --- model ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One line of the load-time self-check."""

    name: str
    passed: bool | None
    """None: not applicable to this model."""
    value: float | None
    limit: float | None
    sentence: str


@dataclass(frozen=True)
class ModelInfo:
    """What is known about a loaded model; every field is shown on the Overview page."""

    name: str
    """As the user asked for it."""
    source: str
    """"bundled", "folder" or "hub"."""
    revision: str
    """Content fingerprint of the weights or the hub commit; part of every cache key."""
    family: str
    """transformers' model_type, e.g. "gpt2"."""
    architecture: str
    kind: str
    """"decoder", "encoder" or "encoder-decoder"."""
    is_causal: bool
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    hidden_size: int
    n_parameters: int
    vocabulary_size: int
    positions: str
    """"learned", "rotary", "relative bias", "ALiBi", "sinusoidal" or "none"."""
    n_tokens_max: int | None
    """Longest input, None when the architecture sets no limit."""
    dtype: str
    dtype_reason: str
    device: str
    device_reason: str
    capture_path: str
    """"attention interface" or "eager hooks" (no interventions, no step-by-step)."""
    has_lm_head: bool
    has_learned_sinks: bool
    sliding_window: int | None
    bos_token: str | None
    adds_bos: bool
    """Does the tokenizer put a BOS or [CLS] in front by itself?"""
    mask_token: str | None
    is_off_by_one: bool = False
    """Its softmax has one more key, of score 0 and value zero (Miller 2023): a sink that is not learned."""
    checks: tuple[Check, ...] = ()
    card: dict = field(default_factory=dict, hash=False)
    """Facts of the bundled model card (licence, tokens seen, losses), empty otherwise."""

    @property
    def has_sink_logits(self) -> bool:
        """May part of a row go to no token, by the model's own softmax?"""
        return self.has_learned_sinks or self.is_off_by_one

    @property
    def passed_checks(self) -> bool:
        return all(check.passed is not False for check in self.checks)


# --- request --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CapturePlan:
    """What a run keeps. The profile is always kept: its memory grows with T, not T squared."""

    states: bool = True
    """Keep queries, keys and values, so that any head's map can be computed later."""
    maps: tuple[tuple[str, int, int], ...] = ()
    """(stream, layer, head) whose full maps are kept at once."""
    mean_maps: bool = True
    """Keep the map averaged over all layers and heads, and over the heads of the first and last layer."""
    thumbnails: bool = True
    """Keep a max-pooled picture of every head."""

    @classmethod
    def of_maps(cls, stream: str, heads: Iterable[tuple[int, int]]) -> CapturePlan:
        """The plan that keeps the maps of some heads, each (layer, head), and nothing else."""
        maps = tuple((stream, layer, head) for layer, head in heads)
        return cls(states=False, maps=maps, mean_maps=False, thumbnails=False)


@dataclass(frozen=True)
class CaptureRequest:
    """Everything that decides the result of a run; equal requests give equal captures."""

    model: str
    text: str
    target: str | None = None
    """Decoder text of an encoder-decoder model; None: the decoder reads the text itself."""
    add_bos: bool | None = None
    """None: as the tokenizer does by default."""
    special_tokens: bool = True
    """Add the tokenizer's other special tokens ([SEP], </s>)."""
    long_text: str = "refuse"
    """"refuse", "first" (first part) or "windows"."""
    window: int = 0
    """Which window, when long_text is "windows"."""
    plan: CapturePlan = CapturePlan()
    interventions: tuple[Intervention, ...] = ()
