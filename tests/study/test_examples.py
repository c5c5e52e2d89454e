"""The published studies that come along are valid, and run as they are on tiny models and texts."""

from __future__ import annotations

import pytest

from sinklens.reproduce.published import TEXTS
from sinklens.study.plan import Study
from sinklens.study.study_file import examples, load_study
from tests.capture.tiny_models import save_tiny
from tests.study.study_cases import run_here

NAMES = ("attention_sink_explorer", "gu_sink_rate", "sink_as_bias_observation", "sink_as_bias_static_patch")


def test_all_examples_are_tested():
    assert set(examples()) == set(NAMES)


def in_small(study: Study, model: str) -> Study:
    """The study with one tiny model on the CPU, few generated texts, everything else as it is."""
    texts = [source.model_copy(update={"n": 3}) for source in study.texts]
    sampling = study.sampling.model_copy(update={"n": study.sampling.n and 24})
    run = study.run.model_copy(update={"device_map": None, "dtype": "auto"})
    models = (study.models[0].model_copy(update={"name": model}),)
    changes = {"models": models, "texts": tuple(texts), "run": run, "sampling": sampling}
    return Study.model_validate(study.model_copy(update=changes).model_dump())


@pytest.mark.parametrize("name", NAMES)
def test_a_published_study_runs(name, tmp_path):
    study = load_study(examples()[name])
    for file in ("natural.jsonl", "openwebtext_512.jsonl"):
        lines = [
            " ".join(f"w{1 + (i * j) % 58}" for j in range(1, 41 if "sink" in name else 62))
            for i in range(1, 26)
        ]
        if file == "natural.jsonl":
            lines = [" ".join([line] * 2) for line in lines]
        (tmp_path / file).write_text("".join(f'"{line}"\n' for line in lines), "utf-8")
    model = save_tiny("llama", tmp_path / "model")
    folder = run_here(in_small(study, str(model)), tmp_path / "out", base=tmp_path)
    runs = folder.runs().to_pandas()
    assert len(runs) >= 5
    assert folder.models()[str(model)]["family"] == "llama"
    hard = [row["reason"] for row in folder.failures().to_pylist() if "Left out" not in row["reason"]]
    assert hard == []
    if name == "gu_sink_rate":
        assert set(runs["category"]) == {"natural", "random", "repeated"}
        assert set(runs["n_tokens"]) == {64}
    if name == "sink_as_bias_static_patch":
        assert {"static", "random direction", "nothing in its place"} <= set(runs["condition"])


def test_the_explorer_study_has_the_published_texts():
    study = load_study(examples()["attention_sink_explorer"])
    assert study.texts[0].inline == TEXTS
    assert study.models[0].add_bos is False


def test_the_sink_as_bias_studies_have_the_limits_of_their_public_configuration():
    shown = (0, 1, 2, 3, 8, 9, 10, 16, 20, 23, 28, 29, 34, 35)
    observation, patch = (load_study(examples()[name]) for name in NAMES[2:])
    for study in (observation, patch):
        assert study.show.layers == shown
        assert study.show.max_tokens == 32
        assert study.sampling.max_tokens == 512
        assert (study.sampling.n, study.sampling.seed) == (100, 42)
        assert (study.run.token_budget, study.run.dtype) == (4096, "bfloat16")
    assert len(observation.models) == 7
    assert [model.name for model in patch.models] == [model.name for model in observation.models][:3]


def test_the_sink_rate_study_asks_for_the_published_sequences():
    study = load_study(examples()["gu_sink_rate"])
    assert study.sampling.min_tokens == study.sampling.max_tokens == 64
    assert [source.generate for source in study.texts] == [None, "random tokens", "repeated token"]
    assert all(source.n == 100 and source.n_tokens == 64 for source in study.texts[1:])
