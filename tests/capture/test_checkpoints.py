"""Checkpoints of a training run: Trainer's folders, and revisions of a hub model."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import AutoTokenizer, GPT2LMHeadModel, Trainer, TrainingArguments

from sinklens.capture import model_source
from sinklens.capture.loading import load_model
from sinklens.capture.model_source import find_model
from sinklens.errors import ModelNotFound, ModelRefused
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """What Trainer leaves of four steps: two checkpoints without a tokenizer, which lies beside them."""
    start, run = tmp_path_factory.mktemp("start"), tmp_path_factory.mktemp("run")
    save_tiny("gpt2", start)
    tokenizer, model = AutoTokenizer.from_pretrained(start), GPT2LMHeadModel.from_pretrained(start)
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"][0]
    rows = [{"input_ids": ids, "labels": ids}] * 4
    plan = TrainingArguments(
        run, max_steps=4, save_steps=2, per_device_train_batch_size=2, learning_rate=0.01, use_cpu=True,
        report_to=[], disable_tqdm=True, seed=0,
    )  # fmt: skip
    Trainer(model, plan, train_dataset=rows).train()
    tokenizer.save_pretrained(run)
    return run


def test_every_checkpoint_of_a_run_opens_with_the_tokenizer_of_the_run(run_folder):
    early, late = (
        load_model(find_model(str(run_folder / f"checkpoint-{step}"), Settings())) for step in (2, 4)
    )
    assert early.info.revision != late.info.revision
    weights = [loaded.model.transformer.wte.weight for loaded in (early, late)]
    assert not torch.equal(*weights)
    kept = GPT2LMHeadModel.from_pretrained(run_folder / "checkpoint-2").transformer.wte.weight
    assert torch.equal(weights[0], kept)
    wanted = AutoTokenizer.from_pretrained(run_folder)(TEXT)["input_ids"]
    assert early.tokenizer(TEXT)["input_ids"] == wanted


def test_the_folder_of_a_run_is_refused_with_what_to_name_instead(run_folder):
    with pytest.raises(
        ModelRefused, match=r"one of its 2 checkpoints, \S+/checkpoint-2 to \S+/checkpoint-4\."
    ):
        find_model(str(run_folder), Settings())


def test_a_tokenizer_outside_the_configured_folders_is_not_read(run_folder, tmp_path):
    inside = str(run_folder / "checkpoint-2")
    assert find_model(inside, Settings(model_folders=str(run_folder))).tokenizer_folder == run_folder
    alone = find_model(inside, Settings(model_folders=inside))
    assert alone.tokenizer_folder == alone.folder
    with pytest.raises(ModelRefused, match="no usable tokenizer"):
        load_model(alone)


def test_a_checkpoint_with_a_tokenizer_of_its_own_keeps_it(run_folder, tmp_path):
    own = tmp_path / "checkpoint-2"
    shutil.copytree(run_folder / "checkpoint-2", own)
    AutoTokenizer.from_pretrained(run_folder).save_pretrained(own)
    AutoTokenizer.from_pretrained(run_folder).save_pretrained(tmp_path)
    assert find_model(str(own), Settings()).tokenizer_folder == own


@pytest.mark.parametrize(("name", "wanted"), [
    ("EleutherAI/pythia-70m@step1000", ("EleutherAI/pythia-70m", "step1000")),
    ("gpt2@refs/pr/3", ("gpt2", "refs/pr/3")),
    ("gpt2", ("gpt2", None)),
])  # fmt: skip
def test_a_revision_of_a_hub_model_is_asked_for(name, wanted, tmp_path, monkeypatch):
    save_tiny("gpt2", tmp_path)
    asked = []

    def give(hub_id, *, revision, **_):
        asked.append((hub_id, revision))
        return str(tmp_path)

    monkeypatch.setattr(model_source, "snapshot_download", give)
    assert find_model(name, Settings()).name == name
    assert asked == [wanted]


@pytest.mark.parametrize(
    "revision", ["", "../../etc", "a/../b", "/etc/passwd", "host:22/x", ".hidden", "a b", "x\ny"]
)
def test_a_revision_that_is_none_is_refused_and_never_asked(revision, monkeypatch):
    def refuse(*_, **__):
        pytest.fail("the hub was asked")

    monkeypatch.setattr(model_source, "snapshot_download", refuse)
    with pytest.raises(ModelNotFound, match=r"After the @|There is no folder"):
        find_model(f"gpt2@{revision}", Settings())
