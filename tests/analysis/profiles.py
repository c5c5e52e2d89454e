"""Profiles and captures from explicit maps, by plain numpy and without the capture code."""

from __future__ import annotations

import numpy as np

from sinklens.records import CaptureRequest, ModelInfo, Prompt, Token
from sinklens.results import Capture, Profile

TAIL = 64


def visible_cells(n_queries, n_keys, *, is_causal, window=None):
    """(Q, K) bool; a window counts the own position (causal) or reaches window // 2 to both sides."""
    query, key = np.indices((n_queries, n_keys))
    if is_causal:
        return (key <= query) & (query - key < (window or n_keys))
    return np.abs(query - key) <= window // 2 if window else np.ones((n_queries, n_keys), bool)


def uniform_maps(n_layers, n_heads, n_queries, n_keys=None, *, is_causal, window=None):
    """(L, H, Q, K) maps of heads that spread their weight evenly over what they see."""
    visible = visible_cells(n_queries, n_keys or n_queries, is_causal=is_causal, window=window)
    rows = visible / np.maximum(visible.sum(axis=1, keepdims=True), 1)
    return np.broadcast_to(rows, (n_layers, n_heads, *rows.shape)).copy()


def one_hot_maps(n_layers, n_heads, n_tokens, *, key=0, is_causal=True):
    """(L, H, T, T) maps that put everything on one key, or on the own position where it is unseen."""
    maps = np.zeros((n_layers, n_heads, n_tokens, n_tokens))
    for query in range(n_tokens):
        maps[:, :, query, key if key <= query or not is_causal else query] = 1.0
    return maps


def random_maps(n_layers, n_heads, n_tokens, *, is_causal, seed=0, window=None, sharpness=2.0):
    """(L, H, T, T) softmax rows of Gaussian scores with masked cells at 0."""
    scores = sharpness * np.random.default_rng(seed).normal(size=(n_layers, n_heads, n_tokens, n_tokens))
    visible = visible_cells(n_tokens, n_tokens, is_causal=is_causal, window=window)
    weights = np.where(visible, np.exp(scores), 0.0)
    return weights / weights.sum(axis=-1, keepdims=True)


def profile_from_maps(
    maps, *, is_causal, window=None, visible=None, stream="self", q=None, k=None, v=None, w_o=None, **given
):
    """A Profile counted cell by cell from full maps.

    Parameters
    ----------
    maps : (L, H, Q, K), zero where a query cannot see; rows may sum to less than 1 (learned sinks)
    visible : (Q, K) or (L, Q, K) bool, instead of is_causal and window
    q, k, v : (L, H, Q or K, D) vectors; norms are NaN without them
    w_o : (L, H, D, E), for `vo_norm`
    given : arrays that replace fields of the profile, e.g. v_norm of shape (L, H, K)
    """
    maps = np.asarray(maps, dtype=np.float64)
    n_layers, n_heads, n_queries, n_keys = maps.shape
    if visible is None:
        visible = visible_cells(n_queries, n_keys, is_causal=is_causal, window=window)
    visible = np.broadcast_to(visible, (n_layers, n_queries, n_keys))
    n_visible = visible.sum(axis=2)
    own = np.arange(min(n_queries, n_keys))
    diagonal = np.zeros((n_layers, n_heads, n_queries))
    previous = np.zeros((n_layers, n_heads, n_queries))
    diagonal[..., own] = maps[:, :, own, own]
    previous[..., own[1:]] = maps[:, :, own[1:], own[:-1]]
    if stream == "cross":
        diagonal[:], previous[:] = np.nan, np.nan
    logs = np.log(np.where(maps > 0, maps, 1.0))
    seen = np.where(visible[:, None], maps, np.nan)
    arrays = {
        "received": maps.sum(axis=2),
        "received_tail": maps[:, :, -min(TAIL, n_queries) :].sum(axis=2),
        "first_row": maps[:, :, 0],
        "last_row": maps[:, :, -1],
        "argmax_count": _argmax_count(maps),
        "first_share": maps[..., 0],
        "self_share": diagonal,
        "previous_share": previous,
        "entropy": -(maps * logs).sum(axis=3),
        "row_max": maps.max(axis=3),
        "row_sum": maps.sum(axis=3),
        "sum_squares": (maps**2).sum(axis=3),
        "n_below_uniform": ((maps < 1 / n_keys) & visible[:, None]).sum(axis=(2, 3)),
        "q_norm": _norm(q, (n_layers, n_heads, n_queries)),
        "k_norm": _norm(k, (n_layers, n_heads, n_keys)),
        "v_norm": _norm(v, (n_layers, n_heads, n_keys)),
        "vo_norm": _norm(None if w_o is None else v @ w_o, (n_layers, n_heads, n_keys)),
        "out_norm": _norm(None if v is None else maps @ v, (n_layers, n_heads, n_queries)),
        "n_visible": n_visible,
        "n_viewers": visible.sum(axis=1),
        "uniform_received": (visible / np.maximum(n_visible, 1)[..., None]).sum(axis=1),
        "thumbnails": seen if max(n_queries, n_keys) <= 64 else None,
        "mean_map": _mean_map(maps, visible),
        "first_layer_map": _mean_map(maps[:1], visible[:1]),
        "last_layer_map": _mean_map(maps[-1:], visible[-1:]),
    }
    return Profile(stream=stream, is_causal=is_causal, **_as_stored(arrays | given))


def capture_from_maps(
    maps, *, is_causal, labels=None, specials=(), hidden_norm=None, model=None, stream="self", **profile
):
    """A Capture with one attention stream; `profile` goes to profile_from_maps, `model` replaces facts."""
    built = profile_from_maps(maps, is_causal=is_causal, stream=stream, **profile)
    labels = labels or [f"w{index}" for index in range(built.n_keys)]
    if hidden_norm is None:
        hidden_norm = np.ones((built.n_layers + 1, built.n_queries))
    return Capture(
        request=CaptureRequest(model="hand-made", text=" ".join(labels)),
        model=model_info(built, **(model or {})),
        prompt=prompt_of(labels, specials),
        target=None,
        profiles={stream: built},
        states={},
        maps={},
        hidden_norm=np.asarray(hidden_norm, np.float32),
        predictions=None,
        token_loss=None,
        elapsed_ms=1.0,
    ).seal()


def prompt_of(labels, specials=()):
    """A Prompt whose text is the labels with a space between."""
    starts = np.cumsum([0] + [len(label) + 1 for label in labels])
    tokens = tuple(
        Token(i, i, label, label, int(starts[i]), int(starts[i]) + len(label), i in specials)
        for i, label in enumerate(labels)
    )
    return Prompt(text=" ".join(labels), tokens=tokens, bos_added=0 in specials, n_tokens_total=len(labels))


def model_info(profile, **facts):
    """A ModelInfo that fits a profile."""
    known = {
        "name": "hand-made", "source": "folder", "revision": "test", "family": "gpt2",
        "architecture": "GPT2LMHeadModel", "kind": "decoder" if profile.is_causal else "encoder",
        "is_causal": profile.is_causal, "n_layers": profile.n_layers, "n_heads": profile.n_heads,
        "n_kv_heads": profile.n_heads, "head_dim": 4, "hidden_size": 4 * profile.n_heads,
        "n_parameters": 1000, "vocabulary_size": 100, "positions": "learned", "n_tokens_max": None,
        "dtype": "float32", "dtype_reason": "made by hand", "device": "cpu", "device_reason": "made by hand",
        "capture_path": "attention interface", "has_lm_head": True, "has_learned_sinks": False,
        "sliding_window": None, "bos_token": None, "adds_bos": False, "mask_token": None,
    }  # fmt: skip
    return ModelInfo(**(known | facts))


def _argmax_count(maps):
    winners = maps.argmax(axis=3)
    return (winners[..., None] == np.arange(maps.shape[3])).sum(axis=2)


def _norm(vectors, shape):
    return np.full(shape, np.nan) if vectors is None else np.linalg.norm(vectors, axis=-1)


def _mean_map(maps, visible):
    mean = maps.mean(axis=(0, 1))
    return np.where(visible.any(axis=0), mean, np.nan)


def _as_stored(arrays):
    counts = {"n_visible", "n_viewers", "n_below_uniform", "argmax_count"}
    return {
        name: None if array is None else np.asarray(array, np.int64 if name in counts else np.float32)
        for name, array in arrays.items()
    }
