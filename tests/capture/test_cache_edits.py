"""Cache policies against plain eager attention and a token-by-token loop.

python -m pytest tests/capture/test_cache_edits.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sinklens.capture.input_edits import quantised, random_cache
from sinklens.errors import BadIntervention
from sinklens.interventions import EvictAtRandom, KeepCache, QuantiseCache
from tests.capture.dense_attention import Dense, plain_losses, plain_states
from tests.capture.streaming_loop import streaming_logits

CAUSAL = ("gpt2", "opt", "llama", "qwen3", "phi", "gpt_neox")
SLIDING = 5


def kept_tokens(n_tokens: int, n_sink: int, n_recent: int) -> np.ndarray:
    """(T, T) bool, cell by cell."""
    rows = [[j <= i and (j < n_sink or i - j < n_recent) for j in range(n_tokens)] for i in range(n_tokens)]
    return np.array(rows)


def additive(kept: np.ndarray) -> torch.Tensor:
    """A mask as eager attention takes it, (1, 1, T, T)."""
    mask = torch.full(kept.shape, torch.finfo(torch.float32).min)
    return mask.masked_fill(torch.from_numpy(kept), 0.0)[None, None]


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize(("n_sink", "n_recent"), [(1, 4), (4, 1), (0, 6)])
def test_a_cache_is_eager_attention_with_the_rest_masked(tiny_runs, family, n_sink, n_recent):
    edited = tiny_runs.capture(family, KeepCache(n_sink=n_sink, n_recent=n_recent))
    ids = edited.prompt.ids
    inputs = {"attention_mask": additive(kept_tokens(len(ids), n_sink, n_recent))}
    if family == "opt":  # would count its positions by the mask
        inputs["position_ids"] = torch.arange(len(ids))[None]
    model = tiny_runs.plain(family)
    expected = plain_states(model, ids, **inputs)
    torch.testing.assert_close(tiny_runs.states(edited), expected, atol=1e-4, rtol=1e-4)
    losses = plain_losses(model, ids, **inputs)
    np.testing.assert_allclose(edited.token_loss, losses, atol=1e-4)


def test_a_sliding_window_of_the_model_still_hides_what_it_hides(tiny_runs):
    edited = tiny_runs.capture("mistral", KeepCache(n_sink=2, n_recent=3))
    n_tokens = len(edited.prompt)
    kept = kept_tokens(n_tokens, 2, 3) & kept_tokens(n_tokens, 0, SLIDING)
    expected = plain_states(tiny_runs.plain("mistral"), edited.prompt.ids, attention_mask=additive(kept))
    torch.testing.assert_close(tiny_runs.states(edited), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("positions", ["original", "in-cache"])
@pytest.mark.parametrize("family", ["llama", "gpt_neox", "phi", "gpt_oss"])
def test_a_cache_as_long_as_the_text_changes_nothing(tiny_runs, family, positions):
    plain = tiny_runs.capture(family)
    edit = KeepCache(n_sink=3, n_recent=len(plain.prompt) - 3, positions=positions)
    edited = tiny_runs.capture(family, edit)
    np.testing.assert_allclose(edited.token_loss, plain.token_loss, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(edited.profile().received, plain.profile().received, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "phi"])
@pytest.mark.parametrize(("n_first", "n_recent"), [(4, 3), (1, 7), (2, 0), (0, 5)])
def test_positions_in_the_cache_are_streaming_llm_token_by_token(tiny_runs, family, n_first, n_recent):
    # Their cache is cut after a token was read, ours is what a query sees, itself included.
    edit = KeepCache(n_sink=n_first, n_recent=n_recent + 1, positions="in-cache")
    edited = tiny_runs.capture(family, edit)
    ids = torch.tensor(edited.prompt.ids)
    with torch.no_grad():
        logits = streaming_logits(tiny_runs.plain(family), ids.tolist(), n_first, n_recent)
    expected = torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="none")
    np.testing.assert_allclose(edited.token_loss, expected, atol=2e-4)
    top = logits.softmax(-1).topk(5).values
    np.testing.assert_allclose(edited.predictions.probabilities[:, :5], top, atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_counting_anew_is_not_keeping_the_positions_and_a_window_alone_cannot_tell(tiny_runs, family):
    original, anew, window, window_anew = (
        tiny_runs.capture(family, KeepCache(n_sink=n_sink, n_recent=3, positions=positions)).token_loss
        for n_sink in (4, 0)
        for positions in ("original", "in-cache")
    )
    assert np.abs(original - anew).max() > 1e-3
    np.testing.assert_allclose(window, window_anew, atol=1e-6)


def test_norms_and_widths_of_queries_are_the_models_own_in_a_cache_counted_anew(tiny_runs):
    plain = tiny_runs.capture("llama")
    edited = tiny_runs.capture("llama", KeepCache(n_sink=2, n_recent=3, positions="in-cache"))
    np.testing.assert_allclose(edited.profile().q_norm[0], plain.profile().q_norm[0], rtol=1e-5)
    assert edited.states["self"][0].q.shape == plain.states["self"][0].q.shape
    np.testing.assert_array_equal(edited.states["self"][0].k, plain.states["self"][0].k)


def test_the_profile_counts_what_the_cache_holds(tiny_runs):
    profile = tiny_runs.capture("gpt2", KeepCache(n_sink=2, n_recent=3)).profile()
    kept = kept_tokens(profile.n_queries, 2, 3)
    np.testing.assert_array_equal(profile.n_visible, np.tile(kept.sum(1), (3, 1)))
    np.testing.assert_array_equal(profile.n_viewers, np.tile(kept.sum(0), (3, 1)))
    assert profile.is_causal


def test_layers_share_one_mask_in_memory_and_windows_keep_their_own(tiny_runs):
    states = tiny_runs.capture("gpt2", KeepCache(n_sink=2, n_recent=3)).states["self"]
    assert all(state.mask is states[0].mask for state in states)
    sliding, full, _ = tiny_runs.capture("gpt_oss", KeepCache(n_sink=1, n_recent=9)).states["self"]
    assert full.mask[12, 0]
    assert not sliding.mask[12, 0]


@pytest.mark.parametrize("family", ["gpt2", "opt", "gemma3_text", "t5"])
def test_positions_that_cannot_be_counted_anew_are_refused_with_a_sentence(tiny_runs, family):
    stream = "decoder" if family == "t5" else "self"
    edit = KeepCache(n_sink=0, n_recent=4, positions="in-cache", stream=stream)
    with pytest.raises(BadIntervention, match="counted anew only where keys are turned by their position"):
        tiny_runs.capture(family, edit)


@pytest.mark.parametrize("edit", [KeepCache(n_sink=1, n_recent=4), EvictAtRandom(n_kept=4)])
def test_a_model_that_reads_both_ways_has_no_cache(tiny_runs, edit):
    with pytest.raises(BadIntervention, match="reads both ways"):
        tiny_runs.capture("bert", edit)


@pytest.mark.parametrize("stream", ["encoder", "cross"])
def test_attention_of_an_encoder_decoder_that_is_not_causal_has_no_cache(tiny_runs, stream):
    with pytest.raises(BadIntervention, match=f"causal attention; the edit asks for '{stream}'"):
        tiny_runs.capture("t5", KeepCache(n_sink=1, n_recent=4, stream=stream))


def test_a_cache_of_the_decoder_leaves_the_encoder_alone(tiny_runs):
    plain = tiny_runs.capture("t5")
    edited = tiny_runs.capture("t5", KeepCache(n_sink=1, n_recent=2, stream="decoder"))
    np.testing.assert_array_equal(edited.profile("encoder").received, plain.profile("encoder").received)
    assert edited.profile("decoder").n_visible.max() == 3
    assert edited.loss != pytest.approx(plain.loss, abs=1e-4)


# --- random eviction ------------------------------------------------------------------------------


@given(n_tokens=st.integers(1, 60), n_kept=st.integers(1, 70), seed=st.integers(0, 1_000))
def test_a_random_cache_is_full_holds_the_newest_and_takes_nothing_back(n_tokens, n_kept, seed):
    kept = random_cache(n_tokens, n_kept, seed)
    np.testing.assert_array_equal(kept.sum(1), np.minimum(np.arange(n_tokens) + 1, n_kept))
    assert kept.diagonal().all()
    assert not np.triu(kept, 1).any()
    is_back = kept[1:] & ~kept[:-1]
    assert not np.tril(is_back, 0).any()  # only the newest token of a row is new in it
    np.testing.assert_array_equal(kept, random_cache(n_tokens, n_kept, seed))


def test_every_token_but_the_newest_may_go():
    dropped = set()
    for seed in range(60):
        kept = random_cache(5, 4, seed)
        dropped.add(int(np.flatnonzero(~kept[4])[0]))
    assert dropped == {0, 1, 2, 3}


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_random_eviction_is_eager_attention_with_the_rest_masked(tiny_runs, family):
    edited = tiny_runs.capture(family, EvictAtRandom(n_kept=5, seed=7))
    kept = random_cache(len(edited.prompt), 5, 7)
    expected = plain_states(tiny_runs.plain(family), edited.prompt.ids, attention_mask=additive(kept))
    torch.testing.assert_close(tiny_runs.states(edited), expected, atol=1e-4, rtol=1e-4)


# --- few bits -------------------------------------------------------------------------------------

VECTORS = st.lists(
    st.floats(-1e4, 1e4, width=32).filter(lambda x: x == 0 or abs(x) > 1e-4), min_size=1, max_size=16
)


@given(vector=VECTORS, n_bits=st.integers(2, 8))
def test_rounding_is_off_by_at_most_half_a_code(vector, n_bits):
    exact = torch.tensor(vector)
    step = exact.abs().max() / (2 ** (n_bits - 1) - 1)
    rounded = quantised(exact, n_bits)
    assert (rounded - exact).abs().max() <= 0.5 * step * (1 + 1e-4)
    codes = rounded / step.clamp_min(1e-30)
    assert (codes - codes.round()).abs().max() < 1e-3
    assert codes.abs().max() <= 2 ** (n_bits - 1) - 1 + 1e-3
    torch.testing.assert_close(quantised(rounded, n_bits), rounded, atol=0, rtol=1e-5)


@given(vector=VECTORS)
def test_eight_bits_are_nearly_the_vector(vector):
    exact = torch.tensor(vector)
    assert (quantised(exact, 8) - exact).abs().max() <= exact.abs().max() / 250


@pytest.mark.parametrize(
    ("family", "heads", "scale"),
    [
        ("gpt2", None, "token"),
        ("llama", None, "token"),
        ("llama", (1, 2), "token"),
        ("llama", None, "channel"),
        ("gpt2", (3,), "channel"),
        ("llama", None, "head"),
    ],
)
def test_few_bits_in_the_cache_are_rounded_keys_and_values(tiny_runs, family, heads, scale):
    edit = QuantiseCache(n_bits=4, keep=(0, 5), heads=heads, scale=scale)
    edited = tiny_runs.capture(family, edit)
    rest = [token for token in range(len(edited.prompt)) if token not in edit.keep]

    def rounded(layer, q, k, v):
        new = []
        for tensor in (k, v):
            tensor = tensor.clone()
            for head in range(4) if heads is None else heads:
                part = tensor[0, head, rest]  # (tokens, D)
                sizes = {
                    "token": part.abs().amax(1, True),
                    "channel": part.abs().amax(0),
                    "head": part.abs().max(),
                }
                step = sizes[scale] / 7
                tensor[0, head, rest] = (part / step).round() * step
            new.append(tensor)
        return q, *new

    expected = Dense(vectors=rounded).states(tiny_runs.plain(family), edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("heads", [None, (1,)])
def test_tokens_that_are_kept_stay_exact(tiny_runs, heads):
    plain, edited = (
        tiny_runs.capture("llama", *edits).states["self"][0]
        for edits in ((), (QuantiseCache(n_bits=2, keep=(0, 5), heads=heads),))
    )
    before = np.repeat(plain.k, len(edited.k) // len(plain.k), axis=0)
    np.testing.assert_array_equal(edited.k[:, [0, 5]], before[:, [0, 5]])
    assert np.abs(edited.k - before).max() > 1e-2
