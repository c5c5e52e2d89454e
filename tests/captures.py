"""Tiny captures for tests of storage and service: every field of every record is in use."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np

from sinklens.interventions import DropHeads, MaskKeys, ScaleColumns
from sinklens.prediction_records import SoftmaxSteps
from sinklens.records import CapturePlan, CaptureRequest, Check
from sinklens.results import Capture, LayerState, Predictions
from tests.analysis.profiles import capture_from_maps, profile_from_maps, prompt_of, random_maps

TEXTS = {
    "plain": ["<bos>", "The", "cat"],
    "right to left": ["שלום", "مرحبا"],
    "emoji and marks": ["👩‍👩‍👧", "e\u0301", "\u200b\u202e", "🏳️‍🌈"],
    "control and markup": ["\x00\x1b[0m", "</script><b>", '"\\u0000', "a\r\n\tb"],
    "half a surrogate pair": ["\ud83d", "x"],
}


def decoder_capture(labels=("<bos>", "The", "cat"), *, seed: int = 0) -> Capture:
    """A causal run with states, maps, a loss and all kinds of intervention; the layers share one mask."""
    n_tokens, rng = len(labels), np.random.default_rng(seed)
    maps = random_maps(2, 2, n_tokens, is_causal=True, seed=seed)
    capture = capture_from_maps(maps, is_causal=True, labels=list(labels), specials=(0,))
    return replace(
        capture,
        request=CaptureRequest(
            model="hand-made",
            text=capture.prompt.text,
            add_bos=True,
            long_text="windows",
            window=1,
            plan=CapturePlan(maps=(("self", 0, 1),)),
            interventions=(
                MaskKeys(keys=(0,)),
                ScaleColumns(keys=(0, 1), factor=0.1, redistribute=False, layers=(1,), heads=(0,)),
                DropHeads(pairs=((0, 1), (1, 0))),
            ),
        ),
        model=replace(
            capture.model,
            checks=(Check("rows", None, float("inf"), -0.0, "Rows sum to 1."),),
            card={"licence": "CC BY-SA", "losses": [3.1, float("nan")], "tokens": {"seen": 7}, 3: None},
        ),
        prompt=replace(capture.prompt, window=(1, 4), warnings=("cut", "odd")),
        states={"self": layer_states(n_tokens, rng)},
        maps={("self", 0, 1): np.where(maps[0, 1] > 0, maps[0, 1], np.nan).astype(np.float32)},
        predictions=Predictions(
            kind="next",
            positions=(0, n_tokens - 1),
            ids=rng.integers(0, 9, (2, 3)),
            labels=(("a", "b", "·c"), ("", "↵", "\\xE2")),
            probabilities=rng.random((2, 3), np.float32),
            actual_rank=np.array([4, 0]),
            steps=SoftmaxSteps(
                logits=rng.normal(size=(2, 3)).astype(np.float32),
                max_logit=np.array([1.5, -2.0], np.float32),
                sum_exp=np.array([3.0, 1.0], np.float32),
                actual_logit=np.array([0.5, np.nan], np.float32),
                n_vocabulary=9,
            ),
        ),
        token_loss=rng.random(n_tokens - 1, np.float32),
        warnings=("learned by heart",),
    )


def encoder_decoder_capture(*, seed: int = 0) -> Capture:
    """A run with three streams, a target text, NaN norms, and nothing optional besides."""
    decoder = profile_from_maps(
        random_maps(1, 2, 2, is_causal=True, seed=seed), is_causal=True, stream="decoder"
    )
    cross_maps = random_maps(1, 2, 4, is_causal=False, seed=seed)[:, :, :2]
    capture = capture_from_maps(random_maps(1, 2, 4, is_causal=False), is_causal=False, stream="encoder")
    cross = profile_from_maps(cross_maps, is_causal=False, stream="cross", thumbnails=None, mean_map=None)
    return replace(
        capture,
        request=replace(capture.request, target="oui oui", special_tokens=False),
        target=prompt_of(["oui", "oui"]),
        profiles=capture.profiles | {"decoder": decoder, "cross": cross},
    )


def layer_states(n_tokens: int, rng: np.random.Generator) -> tuple[LayerState, ...]:
    """Two layers with one shared mask; the first has every option, the second none."""
    mask = np.tri(n_tokens, dtype=bool)
    q, k, v = rng.normal(size=(3, 2, n_tokens, 4)).astype(np.float32)
    options = {"softcap": 50.0, "sink_logits": np.array([0.5, -np.inf], np.float32), "mask": mask}
    bias = rng.normal(size=(2, n_tokens, n_tokens)).astype(np.float32)
    return (
        LayerState(q, k, v, 0.5, **options, bias=bias),
        LayerState(q.transpose(0, 2, 1), k[:1], v[:1, ::-1], 1 / 3, mask=mask, is_causal=True),
    )


def assert_same(one, other) -> None:
    """Equal types and values all the way down; arrays also in dtype and shape, NaN equal to NaN."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, strict=True)
    elif is_dataclass(one):
        for item in fields(one):
            assert_same(getattr(one, item.name), getattr(other, item.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_same(list(one.values()), list(other.values()))
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    else:
        assert one == other or (one != one and other != other)
