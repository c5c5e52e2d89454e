"""`sinklens study` and `sinklens texts` as a person uses them."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from sinklens.cli import study as commands
from sinklens.cli.outcome import ExitCode, guarded
from sinklens.study.folder import StudyFolder
from tests.capture.tiny_models import save_tiny
from tests.study.study_cases import plan_text


@pytest.fixture
def command():
    app = typer.Typer()
    app.command()(guarded(commands.study))
    app.command()(guarded(commands.texts))

    def run(*words):
        """In this process, where "study" is not told otherwise."""
        words += ("--workers", 1) if words[0] == "study" else ()
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(plan_text(save_tiny("gpt2", tmp_path / "model"), steps={"report": False}), "utf-8")
    return path


def test_a_study_is_run_and_what_there_is_is_said(command, file, tmp_path):
    done = command("study", file, "--out", tmp_path / "out")
    assert done.exit_code == ExitCode.OK, done.output
    assert f"12 of 12 runs (texts x models) are in {tmp_path / 'out'}" in done.output
    assert StudyFolder(tmp_path / "out").runs().num_rows == 12
    assert command("study", file, "--out", tmp_path / "out").exit_code == ExitCode.OK


def test_a_study_can_be_checked_without_running_it(command, file, tmp_path):
    done = command("study", file, "--check")
    assert done.exit_code == ExitCode.OK
    assert "tiny: 12 texts (0 more are repetitions), 1 models" in done.output
    assert not (tmp_path / "out").exists()


def test_a_bad_study_ends_with_its_lines_and_code_2(command, file):
    file.write_text(file.read_text("utf-8") + "sedes: [1]\n", "utf-8")
    done = command("study", file)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "'sedes': this field is not known here" in done.output
    done = command("study", "no_such_study")
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "gu_sink_rate" in done.output


def test_the_folder_of_another_study_ends_with_code_2_and_one_in_use_with_1(command, file, tmp_path):
    out = tmp_path / "out"
    command("study", file, "--out", out)
    file.write_text(file.read_text("utf-8") + "seeds: [5]\n", "utf-8")
    assert command("study", file, "--out", out).exit_code == ExitCode.BAD_INPUT
    with StudyFolder(out).locked():
        done = command("study", file, "--out", out)
    assert done.exit_code == ExitCode.FAILED
    assert "Another process" in done.output


def test_a_study_without_any_model_fails(command, file, tmp_path):
    file.write_text(plan_text(tmp_path / "nowhere", steps={"report": False}), "utf-8")
    done = command("study", file, "--out", tmp_path / "out")
    assert done.exit_code == ExitCode.FAILED
    assert "No model could be loaded" in done.output


def test_a_set_of_texts_is_drawn_and_stored_with_hashes(command, tmp_path):
    model = save_tiny("gpt2", tmp_path / "model")
    (tmp_path / "a.txt").write_text("\n".join(f"w{i} w2 w3" for i in range(9)), "utf-8")
    words = ("texts", tmp_path / "a.txt", "-o", tmp_path / "set.jsonl", "--n", 4, "--model", model)
    done = command(*words, "--max-tokens", 3, "--seed", 1)
    assert done.exit_code == ExitCode.OK, done.output
    assert "4 texts of 3 to 3 tokens" in done.output
    lines = [json.loads(line) for line in (tmp_path / "set.jsonl").read_text("utf-8").splitlines()]
    assert {line["n_tokens"] for line in lines} == {3}
    again = command(*words, "--max-tokens", 3, "--seed", 1)
    assert again.output == done.output
    few = command(*words, "--max-tokens", 2)
    assert few.exit_code == ExitCode.BAD_INPUT
    assert "Only 0 of 9 texts" in few.output


@pytest.mark.parametrize(
    ("seconds", "words"), [(4, "4 s"), (99, "99 s"), (180, "3 min"), (7_800, "2 h 10 min")]
)
def test_durations_are_written_for_people(seconds, words):
    assert commands.duration(seconds) == words
