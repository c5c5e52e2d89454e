"""Models that cannot be loaded say why. python -m pytest tests/capture/test_loading.py"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from sinklens.capture.device import Placement
from sinklens.capture.engine import Engine
from sinklens.capture.loading import load_model
from sinklens.capture.memory import estimate, refuse_if_too_large
from sinklens.capture.model_source import bundled_models, find_model
from sinklens.errors import ModelNotFound, ModelRefused, NotANumber, NotEnoughMemory
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))


def test_an_unknown_id_without_a_network_names_the_bundled_models(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFound, match=r"cannot be reached\. Bundled models work without a network"):
        find_model("nobody/nothing-here", Settings())


def test_a_malformed_id_is_explained():
    with pytest.raises(ModelNotFound, match="neither a bundled model"):
        find_model("what is this?!", Settings())


def test_an_empty_name_is_explained():
    with pytest.raises(ModelNotFound, match="Name a model"):
        find_model("  ", Settings())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelNotFound, match="There is no folder"):
        find_model(str(tmp_path / "absent"), Settings())


def test_folders_can_be_closed_on_a_public_server(gpt2):
    with pytest.raises(ModelNotFound, match="cannot be opened here"):
        find_model(str(gpt2), Settings(allow_folders=False))


def test_the_hub_can_be_closed():
    with pytest.raises(ModelNotFound, match="There is no bundled model 'gpt2'"):
        find_model("gpt2", Settings(allow_hub=False))


def test_a_folder_without_a_model_says_what_was_expected(tmp_path):
    with pytest.raises(ModelRefused, match=r"config\.json was expected"):
        find_model(str(tmp_path), Settings())


def test_a_folder_without_weights_says_what_was_expected(tmp_path, gpt2):
    (tmp_path / "config.json").write_text((gpt2 / "config.json").read_text())
    with pytest.raises(ModelRefused, match="has no weights"):
        find_model(str(tmp_path), Settings())


def test_pickled_weights_are_refused(tmp_path, gpt2):
    (tmp_path / "config.json").write_text((gpt2 / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match="only pickled weights"):
        find_model(str(tmp_path), Settings())


def test_a_corrupt_safetensors_file_is_named(tmp_path):
    save_tiny("gpt2", tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2_000])
    with pytest.raises(ModelRefused, match="damaged"):
        Engine().info(str(tmp_path))


def test_code_of_the_model_is_never_run(tmp_path, gpt2):
    save_tiny("gpt2", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "homemade", "auto_map": {"AutoConfig": "evil.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text("raise SystemExit('code was run')")
    with pytest.raises(ModelRefused, match=r"config\.json of .* cannot be used"):
        Engine().info(str(tmp_path))


def test_missing_weights_inside_the_model_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    save_tiny("gpt2", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["transformer.h.1.attn.c_attn.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match="is incomplete: 1 of its weights are missing"):
        Engine().info(str(tmp_path))


def test_a_checkpoint_without_a_head_shows_no_predictions(tmp_path):
    tiny_model("bert").bert.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    assert not capture.model.has_lm_head
    assert capture.predictions is None
    assert capture.loss is None


def test_a_masked_checkpoint_whose_head_is_missing_is_not_given_a_random_one(tmp_path):
    from safetensors.torch import load_file, save_file

    save_tiny("bert", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("cls.")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert not Engine().info(str(tmp_path)).has_lm_head


def test_models_that_are_loaded_at_the_same_time_keep_their_heads(tmp_path):
    folders = [str(save_tiny(family, tmp_path / family)) for family in ("gpt2", "bert", "t5")]
    for _ in range(3):
        with ThreadPoolExecutor(len(folders)) as threads:
            infos = list(threads.map(lambda folder: Engine().info(folder), folders))
        assert [info.has_lm_head for info in infos] == [True, True, True]


def test_nan_weights_are_reported_with_the_block_they_appear_in(tmp_path):
    model = tiny_model("gpt2")
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(NotANumber, match=r"not finite .* after block 1"):
        Engine().capture(CaptureRequest(model=str(tmp_path), text=TEXT))


def test_nan_in_the_head_alone_is_reported(tmp_path):
    model = tiny_model("gpt_neox")
    with torch.no_grad():
        model.embed_out.weight.fill_(float("nan")) if hasattr(
            model, "embed_out"
        ) else model.lm_head.weight.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(NotANumber, match="logits are not finite"):
        Engine().capture(CaptureRequest(model=str(tmp_path), text=TEXT))


def test_encoder_and_head_share_one_copy_of_the_weights(gpt2):
    loaded = load_model(find_model(str(gpt2), Settings()))
    own = sum(p.numel() * p.element_size() for p in tiny_model("gpt2").parameters())
    assert loaded.n_bytes <= own * 1.05 + 10_000


def test_the_fingerprint_follows_the_weights(tmp_path, gpt2):
    before = find_model(str(gpt2), Settings()).revision
    save_tiny("gpt2", tmp_path, seed=1)
    assert find_model(str(tmp_path), Settings()).revision != before
    assert find_model(str(gpt2), Settings()).revision == before


def test_bundled_models_start_with_the_default(tmp_path):
    for name in ("a-model", "demo-gpt2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    assert bundled_models(Settings(models_dir=tmp_path)) == ("demo-gpt2", "a-model")


def test_dtype_and_device_come_with_their_reasons(gpt2):
    info = Engine().info(str(gpt2))
    assert info.dtype_reason
    assert info.device_reason


def test_a_run_that_would_not_fit_is_refused_with_both_numbers(gpt2):
    info = Engine().info(str(gpt2))
    with pytest.raises(NotEnoughMemory, match=r"needs about .* GB; .* GB are free") as error:
        refuse_if_too_large(info, 50_000, CapturePlan(), n_bytes_free=1_000_000)
    assert error.value.n_bytes_needed > error.value.n_bytes_free


def test_the_profile_estimate_grows_linearly(gpt2):
    info = Engine().info(str(gpt2))
    plan = CapturePlan(mean_maps=False, states=False, thumbnails=False)
    assert estimate(info, 8_000, plan).profile_bytes == 2 * estimate(info, 4_000, plan).profile_bytes


def test_a_model_that_accelerate_spreads_gives_the_same_numbers(gpt2):
    request = CaptureRequest(str(gpt2), TEXT, plan=CapturePlan())
    spread = Engine(placement=Placement(device_map="auto")).capture(request)
    plain = Engine().capture(request)
    np.testing.assert_array_equal(spread.profile().received, plain.profile().received)
    np.testing.assert_array_equal(spread.token_loss, plain.token_loss)


def test_spreading_without_accelerate_says_what_to_install(gpt2, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ModelRefused, match="pip install accelerate"):
        Engine(placement=Placement(device_map="auto")).model(str(gpt2))
