"""Two runs of tiny real models beside each other, through the real service.

python -m pytest tests/service/test_comparison.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf

from sinklens.comparison_runs import MASKED_KL
from sinklens.errors import BadSelection, NotCaptured
from sinklens.interventions import MaskKeys
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

OTHER = TEXT.replace("w5", "w55")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    names = ("gpt2", "llama", "bert", "t5")
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in names}


@pytest.fixture
def service(engine_service):
    return engine_service


async def run(service, folder, text=TEXT, **facts):
    return await service.capture(CaptureRequest(folder, text, **facts))


def log_shares(folder, ids):
    """ln of the next-token probabilities by the plain model."""
    model = hf.AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].log_softmax(-1).numpy()


async def test_kl_divergence_is_that_of_the_plain_models(service, folders):
    a, b = await run(service, folders["gpt2"]), await run(service, folders["llama"])
    assert a.prompt.ids == b.prompt.ids
    places = tuple((i, i) for i in range(len(a.prompt)))
    kl = await service.prediction_kl(a, b, places)
    first, second = (log_shares(folders[name], a.prompt.ids) for name in ("gpt2", "llama"))
    expected = (np.exp(first) * (first - second)).sum(-1)
    np.testing.assert_allclose(kl, expected, rtol=1e-3, atol=1e-5)
    found = await service.compare(a, b)
    np.testing.assert_allclose(found.predictions["kl"], kl)


async def test_a_run_and_itself_are_equal_in_everything(service, folders):
    a = await run(service, folders["gpt2"])
    found = await service.compare(a, a)
    assert found.keys.is_identity
    assert found.predictions["kl"].max() == 0
    assert found.predictions["same_top"].all()
    np.testing.assert_array_equal(found.loss.delta, 0)
    assert found.heads.rule == "same"
    np.testing.assert_allclose(found.heads.table["r"], 1)


async def test_an_edit_of_side_b_is_seen_in_sinks_loss_and_predictions(service, folders):
    a = await run(service, folders["gpt2"])
    b = await run(service, folders["gpt2"], interventions=(MaskKeys(keys=(0,)),))
    found = await service.compare(a, b)
    assert found.received("raw")["b"].iloc[0] == 0
    assert found.predictions["kl"].max() > 0
    np.testing.assert_allclose(
        found.loss.delta, (a.token_loss - b.token_loss)[: found.loss.counted.sum()], rtol=1e-5
    )


async def test_texts_with_a_swapped_word_agree_up_to_it(service, folders):
    a, b = await run(service, folders["gpt2"]), await run(service, folders["gpt2"], OTHER)
    found = await service.compare(a, b)
    at = TEXT.split().index("w5")
    before = found.predictions[found.predictions["label"].isin(TEXT.split()[:at])].head(at)
    np.testing.assert_allclose(before["kl"], 0, atol=1e-6)
    assert [group.label for group in found.keys.groups if group.place != "both"] == ["w5", "w55"]


async def test_maps_are_those_of_the_single_heads(service, folders):
    a, b = await run(service, folders["gpt2"]), await run(service, folders["bert"])
    found = await service.compare(a, b, unit="words")
    one = await service.head_map(b, "self", 1, 2)
    projected = found.projected("B", one.weights)
    assert projected.shape == (len(found.queries.groups), len(found.keys.groups))
    assert found.heads.kind == "maps"
    assert "predicts a masked token" in found.predictions_missing
    assert found.loss is None


async def test_masked_models_are_compared_by_masked_tokens_without_kl(service, folders):
    a, b = await run(service, folders["bert"]), await run(service, folders["bert"], OTHER)
    found = await service.compare(a, b)
    assert found.kl_missing == MASKED_KL
    assert found.loss.counted.sum() == len(TEXT.split()) - 1
    assert len(found.predictions) == len(TEXT.split()) - 1


async def test_a_model_of_two_stacks_is_compared_in_its_main_stream(service, folders):
    a, b = await run(service, folders["gpt2"]), await run(service, folders["t5"])
    found = await service.compare(a, b)
    assert (found.a.stream, found.b.stream) == ("self", "encoder")
    cross = await service.compare(b, b, "cross")
    assert cross.a.stream == "cross"
    assert len(cross.metrics) > 20


async def test_other_vocabularies_have_no_kl_and_the_sentence_says_so(service, folders, tmp_path):
    other = save_tiny("llama", tmp_path)
    tokenizer = hf.AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["w99"])
    tokenizer.save_pretrained(other)
    a, b = await run(service, folders["gpt2"]), await run(service, str(other))
    with pytest.raises(NotCaptured, match="KL divergence needs one vocabulary"):
        await service.prediction_kl(a, b, ((0, 0),))
    found = await service.compare(a, b)
    assert "one vocabulary" in found.kl_missing
    assert found.predictions["kl"].isna().all()


async def test_positions_outside_of_the_text_are_refused(service, folders):
    a = await run(service, folders["gpt2"])
    with pytest.raises(BadSelection, match="positions from 0 to"):
        await service.prediction_kl(a, a, ((99, 0),))


async def test_without_states_heads_are_compared_by_profile(service, folders):
    a = await run(service, folders["gpt2"])
    light = replace(a.request.plan, states=False)
    b = await service.capture(replace(a.request, plan=light))
    assert (await service.compare(a, b)).heads.kind == "profiles"
