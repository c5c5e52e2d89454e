"""
What is said about the bundled models holds of the files that lie there.

Run with `pytest tests/models/test_bundled_models.py`; a model that is not in the
repository is skipped.
"""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

MODELS = Path(__file__).parents[2] / "models"
DECODERS = ("demo-gpt2", "demo-gpt2-off-by-one", "demo-llama")
ENCODERS = ("demo-bert",)
MAX_FOLDER_BYTES = 24 * 2**20
SENTENCE = "The river rises in the hills."


def bundled(*names: str):
    """Parametrize over model folders, those that are absent skipped."""
    absent = pytest.mark.skip(reason="not bundled")
    present = {name: (MODELS / name / "model.safetensors").exists() for name in names}
    return pytest.mark.parametrize(
        "folder",
        [pytest.param(MODELS / n, id=n, marks=[] if present[n] else absent) for n in names],
    )


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@bundled(*DECODERS, *ENCODERS)
def test_a_folder_is_small_enough_for_the_repository(folder):
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert n_bytes <= MAX_FOLDER_BYTES


@bundled(*DECODERS, *ENCODERS)
def test_the_weights_are_in_half_precision(folder):
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        names = weights.keys()  # the file itself cannot be iterated over
        assert {weights.get_slice(name).get_dtype() for name in names} == {"F16"}


@bundled(*DECODERS)
def test_a_decoder_loads_and_continues_a_text_offline(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(SENTENCE, return_tensors="pt").input_ids
    out = model.generate(ids, max_new_tokens=3, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    assert out.shape[1] == ids.shape[1] + 3


@bundled(*DECODERS)
def test_a_decoder_text_begins_with_the_fixed_token_unless_asked_not_to(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with_first, without = (
        tokenizer(SENTENCE).input_ids,
        tokenizer(SENTENCE, add_special_tokens=False).input_ids,
    )
    assert with_first == [tokenizer.bos_token_id, *without]
    assert tokenizer.decode(without) == SENTENCE


@bundled(*ENCODERS)
def test_an_encoder_loads_and_fills_a_mask_offline(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    batch = tokenizer(f"The river rises in the {tokenizer.mask_token}.", return_tensors="pt")
    ids = batch.input_ids[0]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert model(**batch).logits.shape == (1, len(ids), len(tokenizer))


@bundled(*DECODERS, *ENCODERS)
def test_the_model_card_shows_the_evaluated_numbers(folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    numbers = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    shown = [float(value) for value in re.findall(r"\| [≥≤] [\d.]+ \| (-?[\d.]+) \|", card)]
    measured = [numbers[key] for key in numbers["target_keys"] if numbers[key] is not None]
    assert shown == pytest.approx(measured, abs=0.00051)


@bundled(*DECODERS, *ENCODERS)
def test_the_training_log_ends_where_the_evaluation_says(folder):
    log = json.loads((folder / "training_log.json").read_text(encoding="utf-8"))
    numbers = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    last = log["points"][-1]
    assert (last["step"], last["n_tokens"]) == (numbers["n_steps"], numbers["n_tokens"])
    assert last["heldout_loss"] == pytest.approx(numbers["heldout_loss"], abs=0.1)
