"""Finished attention maps as a Capture, so that every analysis that reads attention alone works on them.

No model is at hand: there are no vectors, so norms are NaN, nothing can be edited and nothing predicted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from sinklens.analysis.map_profile import map_profile
from sinklens.attention_file import StoredAttention, find_attention
from sinklens.errors import BadSelection
from sinklens.imported_text import prompt_from_tokens
from sinklens.records import CapturePlan, CaptureRequest, Check, ModelInfo
from sinklens.results import Capture, Profile

SUM_TOLERANCE = 1e-2
"""Half precision adds up to 1 within this on some thousand keys."""
FUTURE_TOLERANCE = 1e-6
N_CELLS_MAX = 64
N_MEAN_MAP_MAX = 1_024
SOURCE = "file"


def arrays_in_memory(weights) -> StoredAttention:
    """Attention as other libraries hold it.

    Parameters
    ----------
    weights : an array (L, H, Q, K); a sequence of (1, H, Q, K) or (H, Q, K), such as `outputs.attentions`;
        or a mapping with TransformerLens's names, such as an ActivationCache. Arrays or torch tensors.
    """
    if hasattr(weights, "items"):
        return find_attention({str(name): _array(value) for name, value in weights.items()})
    if isinstance(weights, Sequence):
        return find_attention({f"layer {index}": _array(value) for index, value in enumerate(weights)})
    return find_attention({"attention": _array(weights)})


def capture_from_attention(
    stored: StoredAttention,
    tokens: Sequence[str] | None = None,
    *,
    is_causal: bool | None = None,
    rest_is_sink: bool = False,
    name: str = "attention",
) -> Capture:
    """A capture that holds these maps and what follows from them.

    Parameters
    ----------
    tokens : one string per position; those of the file by default
    is_causal : may a query see what follows it? None: no weight above the diagonal anywhere means it may not
    rest_is_sink : rows that sum to less than 1 give the rest to a sink that is no token
    name : what to call the model

    Raises
    ------
    BadSelection
        The arrays are no attention of one text on itself, or do not fit the tokens or what is said of them.
    """
    shapes = {layer.shape for layer in stored.layers}
    n_heads, n_queries, n_keys = stored.layers[0].shape
    if len(shapes) != 1 or n_queries != n_keys or min(n_heads, n_keys) < 1:
        listed = ", ".join(" x ".join(map(str, shape)) for shape in sorted(shapes))
        raise BadSelection(
            f"Attention of a text on itself is heads x tokens x tokens, equal in every layer; got {listed}."
        )
    maps = np.stack([np.asarray(layer, np.float32) for layer in stored.layers])
    words, ids = _words(stored, tokens, maps.shape[2])
    maps, causal, checks = _checked(maps, is_causal, rest_is_sink)
    model = _model(maps, name, stored, causal, is_causal is None, rest_is_sink, checks)
    return Capture(
        request=CaptureRequest(name, "", plan=CapturePlan(states=False)),
        model=model,
        prompt=prompt_from_tokens(words, ids),
        target=None,
        profiles={"self": profile_from_maps(maps, is_causal=causal)},
        states={},
        maps={("self", layer, head): maps[layer, head] for layer, head in np.ndindex(maps.shape[:2])},
        hidden_norm=np.full((len(maps) + 1, maps.shape[2]), np.nan, np.float32),
        predictions=None,
        token_loss=None,
        elapsed_ms=0.0,
        warnings=(f"Attention from elsewhere ({stored.source}): no vectors, no edits, no predictions.",),
    ).seal()


def profile_from_maps(maps: np.ndarray, *, is_causal: bool) -> Profile:
    """Count maps (L, H, Q, K), NaN where nothing is visible, into a profile."""
    by_layer = []
    for layer in maps:
        heads = [map_profile(head, is_causal=is_causal) for head in layer]
        by_layer.append({item.name: _of_layer(heads, item.name) for item in fields(Profile)[2:]})
    joined = {
        name: np.concatenate([layer[name] for layer in by_layer])
        for name in by_layer[0]
        if by_layer[0][name] is not None
    }
    counts = {"n_visible", "n_viewers", "argmax_count", "n_below_uniform"}
    arrays = {
        name: array.astype(np.int64 if name in counts else np.float32) for name, array in joined.items()
    }
    return Profile(stream="self", is_causal=is_causal, **arrays, **_pictures(maps))


def _of_layer(heads: list[Profile], name: str) -> np.ndarray | None:
    """One field of a layer's heads along the head axis; what belongs to the layer is taken once."""
    first = getattr(heads[0], name)
    if first is None or name in ("n_visible", "n_viewers", "uniform_received"):
        return first
    return np.concatenate([getattr(head, name) for head in heads], axis=1)


def _pictures(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Thumbnails of all heads, and averaged maps where they are small enough to keep."""
    pictures = {"thumbnails": _pooled(maps)}
    if maps.shape[2] <= N_MEAN_MAP_MAX:
        seen = ~np.isnan(maps)
        for name, chosen in (
            ("mean_map", slice(None)),
            ("first_layer_map", slice(0, 1)),
            ("last_layer_map", slice(-1, None)),
        ):
            mean = np.nan_to_num(maps[chosen]).mean(axis=(0, 1), dtype=np.float64)
            pictures[name] = np.where(seen[chosen].any(axis=(0, 1)), mean, np.nan).astype(np.float32)
    return pictures


def _pooled(maps: np.ndarray) -> np.ndarray:
    """(L, H, P, P) largest weight of each cell, NaN where nothing in it is visible."""
    size = -(-maps.shape[2] // N_CELLS_MAX)
    if size == 1:
        return maps
    n_cells = -(-maps.shape[2] // size)
    pad = n_cells * size - maps.shape[2]
    padded = np.pad(maps, ((0, 0), (0, 0), (0, pad), (0, pad)), constant_values=np.nan)
    blocks = padded.reshape(*maps.shape[:2], n_cells, size, n_cells, size)
    largest = np.where(np.isnan(blocks), -np.inf, blocks).max(axis=(3, 5))
    return np.where(np.isinf(largest), np.nan, largest).astype(np.float32)


def _words(
    stored: StoredAttention, tokens: Sequence[str] | None, n_tokens: int
) -> tuple[Sequence[str], Sequence[int] | None]:
    words = tokens if tokens is not None else stored.tokens
    if words is None:
        words = [f"token{index}" for index in range(n_tokens)]
    if len(words) != n_tokens:
        raise BadSelection(f"The maps are of {n_tokens} tokens; {len(words)} tokens were named.")
    ids = stored.ids if stored.ids is not None and len(stored.ids) == n_tokens else None
    return words, ids


def _checked(
    maps: np.ndarray, is_causal: bool | None, rest_is_sink: bool
) -> tuple[np.ndarray, bool, tuple[Check, ...]]:
    """The maps with NaN where nothing is visible, whether they are causal, and what was looked at."""
    numbers = np.nan_to_num(maps, nan=0.0, posinf=np.inf)
    if not np.isfinite(numbers).all() or (numbers < -FUTURE_TOLERANCE).any():
        raise BadSelection(
            "Weights lie between 0 and 1; these arrays have others, as scores before the softmax do."
        )
    future = float(np.triu(numbers, 1).max())
    causal = future <= FUTURE_TOLERANCE and maps.shape[2] > 1 if is_causal is None else is_causal
    if causal and future > FUTURE_TOLERANCE:
        raise BadSelection(
            f"Causal attention has no weight on what follows; these arrays have up to {future:.3g}."
        )
    visible = ~np.isnan(maps)
    if causal:
        visible &= np.tri(maps.shape[2], dtype=bool)
    if (visible != visible[:, :1]).any():
        raise BadSelection(
            "The heads of a layer see the same keys; here some cells are NaN in some heads only."
        )
    has_key = visible.any(axis=3)
    sums = numbers.sum(axis=3, dtype=np.float64)
    low, high = (float(end(np.where(has_key, sums, 1.0))) for end in (np.min, np.max))
    if high > 1 + SUM_TOLERANCE or (low < 1 - SUM_TOLERANCE and not rest_is_sink):
        hint = "" if high > 1 + SUM_TOLERANCE else "; say so if the rest goes to a sink that is no token"
        raise BadSelection(f"Rows of attention sum to 1; these sum to {low:.4g} to {high:.4g}{hint}.")
    checks = (
        Check("rows", True, max(1 - low, high - 1), SUM_TOLERANCE, f"Rows sum to {low:.4g} to {high:.4g}."),
        Check(
            "pattern", True, future, FUTURE_TOLERANCE, f"The largest weight on what follows is {future:.3g}."
        ),
    )
    return np.where(visible, np.maximum(numbers, 0.0), np.float32(np.nan)), causal, checks


def _model(
    maps: np.ndarray,
    name: str,
    stored: StoredAttention,
    causal: bool,
    is_read: bool,
    rest_is_sink: bool,
    checks,
) -> ModelInfo:
    """What is known of the model behind the maps: its size, and how far its queries see."""
    n_layers, n_heads = maps.shape[:2]
    digest = hashlib.sha256(np.ascontiguousarray(np.nan_to_num(maps, nan=-1.0)).tobytes()).hexdigest()
    direction = (
        f"{'causal' if causal else 'bidirectional'}, {'read off the arrays' if is_read else 'as told'}"
    )
    return ModelInfo(
        name=name,
        source=SOURCE,
        revision=f"maps-{digest[:16]}",
        family="unknown",
        architecture=f"unknown ({direction})",
        kind="decoder" if causal else "encoder",
        is_causal=causal,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_heads,
        head_dim=0,
        hidden_size=0,
        n_parameters=0,
        vocabulary_size=0,
        positions="unknown",
        n_tokens_max=None,
        dtype=stored.layers[0].dtype.name,
        dtype_reason="as stored",
        device="none",
        device_reason="nothing was computed by a model",
        capture_path="attention from a file",
        has_lm_head=False,
        has_learned_sinks=rest_is_sink,
        sliding_window=None,
        bos_token=None,
        adds_bos=False,
        mask_token=None,
        checks=checks,
    )


def _array(value) -> np.ndarray:
    """An array, or what a torch tensor holds (half precision of any kind as float32)."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    return np.asarray(value)
