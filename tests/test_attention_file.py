"""Attention from elsewhere is read safely, and every analysis of attention alone works on it.

python -m pytest tests/test_attention_file.py
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import sinklens
from sinklens.analysis.sink_definitions import definition_readings
from sinklens.attention_file import read_attention, tokens_from_text
from sinklens.errors import BadSelection, DamagedFile, NotCaptured
from sinklens.schema.answers import analysis_answer
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps
from tests.capture.tiny_models import TEXT, save_tiny

TOKENS = ["<bos>", *[f"w{index}" for index in range(19)]]
LIMIT = 10**8


@pytest.fixture(scope="module")
def maps():
    return random_maps(2, 3, 20, is_causal=True).astype(np.float32)


def as_numbered(maps):
    return {f"arr_{index}": layer[None] for index, layer in enumerate(maps)}


def as_hooks(maps):
    return {f"blocks.{index}.attn.hook_pattern": layer[None] for index, layer in enumerate(maps)}


SHAPES = {
    "one array": lambda maps: {"attention": maps},
    "with a batch": lambda maps: {"attentions": maps[:, None]},
    "a Hugging Face tuple": as_numbered,
    "TransformerLens": as_hooks,
    "TransformerLens without a batch": lambda maps: {
        name: array[0] for name, array in as_hooks(maps).items()
    },
    "beside other arrays": lambda maps: {"attention": maps, "losses": np.zeros(19, np.float32)},
    "a cache with more in it": lambda maps: (
        as_hooks(maps) | {"blocks.0.attn.hook_q": np.zeros((1, 20, 3, 4), np.float32)}
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", ["npz", "compressed npz", "safetensors"])
def test_every_usual_way_to_store_attention_is_read(shape, kind, maps, tmp_path):
    path, arrays = tmp_path / "attention", shape(maps)
    if kind == "safetensors":
        save_file(arrays, path, {"tokens": json.dumps(TOKENS)})
    else:
        with path.open("wb") as file:
            (np.savez if kind == "npz" else np.savez_compressed)(file, tokens=np.array(TOKENS), **arrays)
    stored = read_attention(path, max_bytes=LIMIT)
    np.testing.assert_array_equal(np.stack(stored.layers), maps)
    assert list(stored.tokens) == TOKENS


def test_a_single_npy_is_read_in_row_and_in_column_order(maps, tmp_path):
    for array in (maps, np.asfortranarray(maps)):
        np.save(tmp_path / "attention.npy", array)
        run = sinklens.open(tmp_path / "attention.npy", tokens=TOKENS)
        np.testing.assert_array_equal(np.nan_to_num(run.map(1, 2)), maps[1, 2])


def test_layers_are_taken_by_number_and_not_by_name(tmp_path):
    maps = random_maps(12, 1, 4, is_causal=False).astype(np.float32)
    np.savez(
        tmp_path / "attention.npz", **{f"layer.{index}.attn": maps[index] for index in reversed(range(12))}
    )
    np.testing.assert_array_equal(
        np.stack(read_attention(tmp_path / "attention.npz", max_bytes=LIMIT).layers), maps
    )


# --- what follows from the maps -------------------------------------------------------------------


@pytest.mark.parametrize("is_causal", [True, False])
def test_the_profile_is_what_counting_cell_by_cell_gives(is_causal):
    maps = random_maps(2, 3, 70, is_causal=is_causal)
    profile = sinklens.from_attention(maps, is_causal=is_causal).profile
    expected = profile_from_maps(maps, is_causal=is_causal)
    for name in vars(expected):
        value, array = getattr(expected, name), getattr(profile, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(array, value, atol=2e-5, err_msg=name)


def test_thumbnails_of_long_texts_are_the_largest_weights_of_their_cells():
    maps = random_maps(1, 2, 130, is_causal=True).astype(np.float32)
    picture = sinklens.from_attention(maps).profile.thumbnails
    assert picture.shape == (1, 2, 44, 44)
    assert picture[0, 1, 20, 10] == maps[0, 1, 60:63, 30:33].max()
    assert np.isnan(picture[0, 0, 3, 9])


def test_uniform_attention_has_no_excess_and_a_single_column_has_all_of_it():
    even = sinklens.from_attention(uniform_maps(2, 2, 20, is_causal=True), TOKENS).sinks()
    np.testing.assert_allclose(even["excess"], 0, atol=1e-6)
    sink = sinklens.from_attention(one_hot_maps(2, 2, 20), TOKENS).sinks().iloc[0]
    assert (sink["received"], sink["excess"], sink["label"]) == (1, 1, "attended")


def test_a_models_own_maps_give_the_numbers_of_its_run_where_attention_alone_is_read(tmp_path):
    run = sinklens.analyze(str(save_tiny("gpt2", tmp_path)), TEXT)
    maps = np.stack([np.stack([run.map(layer, head) for head in range(4)]) for layer in range(3)])
    other = sinklens.from_attention(np.nan_to_num(maps), [token.piece for token in run.tokens])
    columns = ["received", "floor", "excess", "heads_above", "sinkfix_share"]
    np.testing.assert_allclose(other.sinks()[columns], run.sinks()[columns], atol=1e-6)
    ours, theirs = (definition_readings(one.profile, 0) for one in (other, run))
    assert [reading.verdict for reading in ours] == [reading.verdict for reading in theirs]
    np.testing.assert_allclose(
        [reading.numbers.raw for reading in ours], [reading.numbers.raw for reading in theirs], atol=1e-6
    )


def test_heads_get_their_types_without_any_model():
    steps = np.eye(20, k=-1)
    steps[0, 0] = 1
    maps = np.stack([np.stack([steps, np.tri(20) / np.arange(1, 21)[:, None]])])
    types = sinklens.from_attention(maps, TOKENS).heads()["type"]
    assert list(types) == ["previous token", "diffuse"]


def test_tensors_and_caches_are_read_as_they_are(maps):
    torch = pytest.importorskip("torch")
    outputs = tuple(torch.from_numpy(layer[None]).requires_grad_() for layer in maps)
    cache = {f"blocks.{index}.attn.hook_pattern": tensor.bfloat16() for index, tensor in enumerate(outputs)}
    np.testing.assert_array_equal(np.nan_to_num(sinklens.from_attention(outputs).map(1, 1)), maps[1, 1])
    near = sinklens.from_attention(cache)
    np.testing.assert_allclose(np.nan_to_num(near.map(1, 1)), maps[1, 1], atol=4e-3)


def test_an_imported_run_is_saved_and_opened_like_any_other(maps, tmp_path):
    run = sinklens.from_attention(maps, TOKENS)
    run.save(tmp_path / "imported.sinklens")
    opened = sinklens.open(tmp_path / "imported.sinklens")
    np.testing.assert_array_equal(opened.map(1, 2), run.map(1, 2))
    assert analysis_answer(opened.capture) == analysis_answer(run.capture)


def test_what_needs_a_model_is_refused_in_a_sentence(maps):
    run = sinklens.from_attention(maps, TOKENS)
    for ask in (lambda: run.edit(sinklens.MaskKeys(keys=(0,))), run.predictions, lambda: run.loss):
        with pytest.raises(NotCaptured):
            ask()


# --- what is said about the arrays must be true ---------------------------------------------------


def test_causality_is_read_off_the_arrays_and_never_off_the_tokens(maps):
    assert sinklens.from_attention(maps, ["[CLS]", *TOKENS[1:]]).capture.model.is_causal
    full = random_maps(1, 2, 20, is_causal=False)
    assert not sinklens.from_attention(full, TOKENS).capture.model.is_causal


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        (lambda maps: maps * 2, {}, "sum to 1; these sum to 2 to 2"),
        (lambda maps: maps / 2, {}, "say so if the rest goes to a sink"),
        (lambda maps: maps - 0.5, {}, "scores before the softmax"),
        (lambda maps: np.where(maps > 0.5, np.inf, maps), {}, "between 0 and 1"),
        (lambda maps: maps[:, :, :, ::-1], {"is_causal": True}, "no weight on what follows"),
        (lambda maps: maps[:, :, :10], {}, "3 x 10 x 20"),
        (lambda maps: maps, {"tokens": TOKENS[:5]}, "20 tokens; 5 tokens were named"),
        (lambda maps: np.zeros((1, 1, 0, 0)), {}, "tokens x tokens"),
    ],
)
def test_arrays_that_are_no_attention_are_refused(maps, change, given, words):
    with pytest.raises(BadSelection, match=words):
        sinklens.from_attention(change(maps.copy()), **given)


def test_a_rest_may_go_to_a_sink_that_is_no_token(maps):
    table = sinklens.from_attention(maps * 0.75, TOKENS, rest_is_sink=True).sinks()
    assert table.iloc[-1]["index"] == -1
    assert table.iloc[-1]["received"] == pytest.approx(0.25, abs=1e-6)


def test_a_window_is_told_by_cells_that_are_nan():
    maps = random_maps(1, 2, 20, is_causal=True, window=5)
    told = np.where(maps > 0, maps, np.nan)
    assert sinklens.from_attention(told).profile.n_visible.max() == 5
    assert sinklens.from_attention(maps).profile.n_visible.max() == 20
    told[0, 1, 19, 19] = np.nan
    with pytest.raises(BadSelection):
        sinklens.from_attention(told)


@pytest.mark.parametrize(
    ("tokens", "text", "labels"),
    [
        (["<s>", "The", "Ġcat", "Ċ"], "The cat\n", ["<s>", "The", "·cat", "↵"]),
        (
            ["[CLS]", "un", "##like", "##ly", "it", "[SEP]"],
            "unlikely it",
            ["[CLS]", "un", "##like", "##ly", "it", "[SEP]"],
        ),
        (["▁The", "▁ca", "t"], " The cat", ["·The", "·ca", "t"]),
        (["The", " cat"], "The cat", ["The", "·cat"]),
        (["The", "cat"], "The cat", ["The", "cat"]),
    ],
)
def test_tokens_become_a_text_again(tokens, text, labels):
    n_tokens = len(tokens)
    prompt = sinklens.from_attention(np.full((1, 1, n_tokens, n_tokens), 1 / n_tokens), tokens).capture.prompt
    assert (prompt.text, prompt.labels) == (text, labels)
    for token in prompt.tokens:
        if token.start is not None:
            assert prompt.text[token.start : token.end].strip(" ") in token.piece.replace("Ċ", "\n")


def test_tokens_are_a_json_list_or_lines():
    assert tokens_from_text('["a", "b"]', "x") == ("a", "b")
    assert tokens_from_text("[CLS]\na\n", "x") == ("[CLS]", "a")
    with pytest.raises(DamagedFile, match="list of strings"):
        tokens_from_text("[1]", "x")
