"""Run with `pytest tests/models/test_train.py`."""

import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from models.recipes.architectures import Recipe
from models.recipes.masked_rows import MaskedRowPlan
from models.recipes.positions import PositionStart
from models.recipes.repeats import RepeatPlan
from models.recipes.sampler import RowPlan
from models.recipes.schedule import Schedule
from models.recipes.tokenizer import train_byte_bpe, train_wordpiece
from models.recipes.train import Run, build_optimizers

TEXTS = ["The river rises in the hills, and the hills rise from the river."] * 20
N_VOCAB = 300
ROWS = RowPlan(n_rows=2, n_tokens=32, repeats=RepeatPlan(((0, 0.5),), min_segment=2, max_segment=8))
SHORT = Schedule(peak=1e-3, n_warmup=2, decay_start=4, n_decay=2)

GPT2 = Recipe(
    "demo-gpt2",
    GPT2LMHeadModel,
    GPT2Config(
        vocab_size=N_VOCAB,
        n_positions=64,
        n_embd=16,
        n_layer=2,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    ),
    tokenizer_kind="bpe",
    seed=1,
    rows=ROWS,
    schedule=SHORT,
    muon_parts={"c_attn": 1},
)
BERT = Recipe(
    "demo-bert",
    BertForMaskedLM,
    BertConfig(
        vocab_size=N_VOCAB,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
    ),
    tokenizer_kind="wordpiece",
    seed=1,
    rows=MaskedRowPlan(
        n_rows=2,
        n_tokens=32,
        length_stages=((0, 16), (3, 32)),
        repeats=RepeatPlan(((0, 0.0), (3, 0.5)), min_segment=2, max_segment=8),
    ),
    schedule=SHORT,
    position_start=PositionStart("bert.embeddings.position_embeddings", rms=0.1),
)


@pytest.fixture
def data_folder(tmp_path):
    """Return a folder with both tokenizers and streams of random tokens."""
    stream = np.random.default_rng(0).integers(5, N_VOCAB, 4000).astype(np.uint16)
    for kind, train in (("bpe", train_byte_bpe), ("wordpiece", train_wordpiece)):
        (tmp_path / kind).mkdir()
        train(TEXTS, N_VOCAB).save(str(tmp_path / kind / "tokenizer.json"))
        for name in ("train", "heldout"):
            np.save(tmp_path / kind / f"{name}.npy", stream)
    return tmp_path


def new_run(recipe: Recipe, folder) -> Run:
    return Run(recipe, folder, folder / recipe.tokenizer_kind, compiled=False)


@pytest.mark.parametrize("recipe", [GPT2, BERT], ids=["decoder", "encoder"])
def test_a_run_ends_with_its_schedule_and_leaves_its_log(recipe, data_folder):
    run = new_run(recipe, data_folder)
    run.go(budget_seconds=1e9)
    log = json.loads((data_folder / "training_log.json").read_text())
    assert run.step == log["points"][-1]["step"] == 6
    assert log["schedule"]["decay_start"] == 4
    assert (data_folder / "decayed.pt").exists()


def test_a_resumed_run_takes_the_steps_that_it_would_have_taken(data_folder):
    whole, broken = new_run(GPT2, data_folder), new_run(GPT2, data_folder)
    whole.schedule = broken.schedule = Schedule(peak=1e-3, n_warmup=2)
    for _ in range(4):
        whole.train_step()
    for _ in range(2):
        broken.train_step()
    broken.save()
    resumed = new_run(GPT2, data_folder)
    resumed.resume()
    for _ in range(2):
        resumed.train_step()
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_file_in_the_run_folder_begins_the_decay(data_folder):
    run = new_run(GPT2, data_folder)
    run.schedule = Schedule(peak=1e-3, n_warmup=2)
    run.train_step()
    (data_folder / "decay_now").write_text("3")
    run.plan_decay(budget_seconds=1e9)
    assert (run.schedule.decay_start, run.schedule.n_steps) == (1, 4)
    assert not (data_folder / "decay_now").exists()


def test_every_parameter_has_one_optimiser_and_vectors_do_not_decay(data_folder):
    model = GPT2.model_class._from_config(GPT2.config)
    groups = [group for one in build_optimizers(model, GPT2) for group in one.param_groups]
    n_updated = sum(len(group["params"]) for group in groups)
    assert n_updated == len(list(model.parameters()))
    decaying = [p for group in groups if group["weight_decay"] > 0 for p in group["params"]]
    assert all(parameter.ndim == 2 for parameter in decaying)
