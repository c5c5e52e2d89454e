"""The command line says what the library computes, in every form. python -m pytest tests/cli"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

import sinklens
from sinklens.cli.outcome import ExitCode
from tests.analysis.profiles import random_maps
from tests.capture.tiny_models import TEXT

COMMANDS = ("analyze", "sinks", "heads")


def done(result, code=ExitCode.OK):
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_text_comes_from_an_argument_a_file_or_standard_input(command, sinklens_command, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT + "\n")
    said = done(sinklens_command(command, TEXT, "--format", "json"))
    assert done(sinklens_command(command, "--file", tmp_path / "text.txt", "--format", "json")) == said
    assert done(sinklens_command(command, "--format", "json", stdin=TEXT + "\n")) == said
    assert done(sinklens_command(command, "-", "--format", "json", stdin=TEXT + "\r\n")) == said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_form_has_the_same_rows(command, sinklens_command):
    data = json.loads(done(sinklens_command(command, TEXT, "--format", "json")))
    rows = data.get("rows") or data.get("heads") or data["tokens"]
    table = pd.read_csv(io.StringIO(done(sinklens_command(command, TEXT, "--format", "csv"))))
    page = done(sinklens_command(command, TEXT, "--format", "html"))
    plain = done(sinklens_command(command, TEXT))
    assert len(rows) == len(table) == page.count("<tr>") - 1
    assert len(plain.strip().split("\n\n")[-1].splitlines()) == len(rows) + 1


def test_a_piped_table_is_plain_and_cut_nowhere(sinklens_command):
    plain = done(sinklens_command("heads", TEXT))
    data = json.loads(done(sinklens_command("heads", TEXT, "--format", "json")))
    assert not {"\x1b", "…", "─", "│"} & set(plain)
    assert all(row["reason"] in plain for row in data["heads"])


def test_an_edit_is_said_in_words_or_refused_in_words(sinklens_command):
    said = json.loads(
        done(sinklens_command("analyze", TEXT, "-e", "mask_keys keys=0 layers=1,2", "--format", "json"))
    )
    assert said["provenance"]["edits"] == ["mask tokens 0 as keys in layers 1, 2, all heads"]
    pairs = json.loads(
        done(sinklens_command("analyze", TEXT, "-e", "drop_heads pairs=0.1,2.3", "--format", "json"))
    )
    assert pairs["provenance"]["edits"] == ["drop heads 0.1, 2.3"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sinks", ""), "at least one word"),
        (("sinks", "w1 " * 100), "tokens"),
        (("sinks", TEXT, "-m", "nothing"), "available: gpt2, bert"),
        (("sinks", TEXT, "--definition", "mine"), "definition"),
        (("sinks", TEXT, "--stream", "cross"), "'cross'"),
        (("sinks", TEXT, "--file", "x"), "not both"),
        (("sinks", "--file", "no-such-file"), "no-such-file"),
        (("analyze", TEXT, "-e", "unmask"), "There are: mask_keys"),
        (("analyze", TEXT, "-e", "mask_keys key=0"), "with the names heads, keys"),
        (("analyze", TEXT, "-e", "mask_keys keys=a"), "keys.0"),
        (("analyze", TEXT, "-e", "mask_keys keys=99"), "token 99"),
        (("analyze", "--from", "no-such.sinklens"), "no-such"),
        (("analyze", TEXT, "--from", "x"), "give no text"),
        (("analyze", TEXT, "--long-text", "cut"), "--long-text"),
        (("export", TEXT, "-o", "x.pdf", "--what", "sinks"), ".csv, .json, .html"),
        (("export", TEXT, "-o", "x.npy", "--what", "map", "--layer", "9"), "layer 9"),
        (("intervene", TEXT), "--edit"),
        (("compare", "a.sinklens", "b.sinklens"), "a.sinklens"),
        (("no-such-command",), "no-such-command"),
    ],
)
def test_bad_input_ends_with_two_and_a_sentence_on_standard_error(words, sentence, sinklens_command):
    result = sinklens_command(*words)
    assert result.exit_code == ExitCode.BAD_INPUT
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_bytes_that_are_no_text_are_bad_input(sinklens_command):
    result = sinklens_command("sinks", stdin=b"caf\xe9")
    assert (result.exit_code, "not UTF-8 (byte 3)" in result.stderr) == (ExitCode.BAD_INPUT, True)


def test_too_little_memory_is_not_the_users_fault(sinklens_command, tmp_path, monkeypatch):
    np.save(tmp_path / "attention.npy", random_maps(2, 2, 20, is_causal=True))
    monkeypatch.setenv("SINKLENS_MAX_ATTENTION_FILE_BYTES", "1000")
    result = sinklens_command("sinks", "--from", tmp_path / "attention.npy")
    assert (result.exit_code, "1,000" in result.stderr) == (ExitCode.FAILED, True)


def test_a_setting_that_cannot_be_read_is_bad_input(sinklens_command, monkeypatch):
    monkeypatch.setenv("SINKLENS_MAX_QUEUE", "many")
    result = sinklens_command("models")
    assert (result.exit_code, "SINKLENS_MAX_QUEUE" in result.stderr) == (ExitCode.BAD_INPUT, True)


# --- files in and out -----------------------------------------------------------------------------


def test_a_saved_analysis_gives_the_same_output_without_the_model(sinklens_command, tmp_path):
    path = tmp_path / "run.sinklens"
    done(sinklens_command("export", TEXT, "-o", path, "--note", "mine"))
    for command in COMMANDS:
        fresh = json.loads(done(sinklens_command(command, TEXT, "--format", "json")))
        stored = json.loads(done(sinklens_command(command, "--from", path, "--format", "json")))
        assert stored == fresh
    assert done(sinklens_command("compare", path, path, "--check")).startswith("All numbers are equal.")


def test_two_saved_analyses_are_compared_and_a_difference_can_end_a_script(sinklens_command, tmp_path):
    one, other = tmp_path / "a.sinklens", tmp_path / "b.sinklens"
    done(sinklens_command("export", TEXT, "-o", one))
    done(sinklens_command("export", TEXT, "-o", other, "-e", "mask_keys keys=0"))
    said = done(sinklens_command("compare", one, other, "--check"), ExitCode.NOT_SAME)
    assert "mask tokens 0" in said
    found = json.loads(done(sinklens_command("compare", one, other, "--format", "json")))
    assert found["tokens"][0]["received_b"] == 0


def test_two_models_are_compared_on_a_text(sinklens_command):
    found = json.loads(done(sinklens_command("compare", "gpt2", "bert", "--text", TEXT, "--format", "json")))
    assert {"model", "revision"} <= {row["fact"] for row in found["facts"]}


def test_attention_from_elsewhere_is_analysed_like_a_run(sinklens_command, tmp_path):
    maps = random_maps(2, 3, 20, is_causal=True)
    np.savez(tmp_path / "attention.npz", attention=maps)
    (tmp_path / "tokens.txt").write_text("<bos>\n" + "\n".join(f"w{index}" for index in range(19)) + "\n")
    given = ("--from", tmp_path / "attention.npz", "--tokens", tmp_path / "tokens.txt", "--format", "json")
    found = json.loads(done(sinklens_command("sinks", *given)))
    expected = sinklens.from_attention(maps, ["<bos>", *[f"w{index}" for index in range(19)]]).sinks()
    assert [row["received"] for row in found["rows"]] == pytest.approx(
        expected["received"].tolist(), abs=1e-6
    )
    assert len(json.loads(done(sinklens_command("heads", *given)))["heads"]) == 6


def test_every_export_reads_back(sinklens_command, tmp_path, bundled):
    def exported(name, *words):
        done(sinklens_command("export", TEXT, "-o", tmp_path / name, *words))
        return tmp_path / name

    run = sinklens.analyze(str(bundled / "gpt2"), TEXT)
    weights = np.load(exported("map.npy", "--what", "map", "--layer", 1, "--head", 2), allow_pickle=False)
    np.testing.assert_array_equal(weights, run.map(1, 2))
    table = pd.read_csv(exported("map.csv", "--what", "map", "--layer", 1, "--head", 2))
    np.testing.assert_allclose(table.iloc[:, 1:], run.map(1, 2), rtol=1e-4)
    arrays = load_file(exported("profile.safetensors", "--what", "profile"))
    np.testing.assert_array_equal(arrays["entropy"], run.profile.entropy)
    layers = json.loads(exported("layers.json", "--what", "layers").read_text())
    assert len(layers["rows"]) == 3
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "layers.json"


def test_output_in_a_folder_that_does_not_exist_is_bad_input(sinklens_command, tmp_path):
    result = sinklens_command("sinks", TEXT, "-o", tmp_path / "none" / "x.txt")
    assert result.exit_code == ExitCode.BAD_INPUT


# --- more than one run ----------------------------------------------------------------------------


def test_edits_are_tried_each_on_its_own_or_all_together(sinklens_command):
    edits = ("-e", "mask_keys keys=0", "-e", "temperature temperature=2")
    alone = json.loads(done(sinklens_command("intervene", TEXT, *edits, "--no-controls", "--format", "json")))
    assert [row["arm"] for row in alone["arms"]] == ["mask_keys keys=0", "temperature temperature=2"]
    both = json.loads(
        done(sinklens_command("intervene", TEXT, *edits, "--together", "--no-controls", "--format", "json"))
    )
    assert [row["arm"] for row in both["arms"]] == ["mask_keys keys=0; temperature temperature=2"]
    assert "random key" in done(sinklens_command("intervene", TEXT, *edits[:2]))


def test_every_line_can_be_a_text(sinklens_command):
    said = sinklens_command(
        "intervene", "--lines", "-e", "mask_keys keys=0", "--format", "json", stdin=f"{TEXT}\n\nw1 w2 w3\n"
    )
    assert len(json.loads(done(said))["texts"]) == 2


def test_identities_come_out_and_a_failed_claim_ends_with_three(sinklens_command, monkeypatch):
    claims = json.loads(done(sinklens_command("reproduce", "--format", "json")))["claims"]
    assert {row["state"] for row in claims} == {"pass"}
    rows = [("uniform-10", "a wrong number", 0.5, 1e-5, "", "nobody")]
    monkeypatch.setattr("sinklens.reproduce.identities.ROWS", rows)
    assert "1 fail" in done(sinklens_command("reproduce"), ExitCode.NOT_SAME)


def test_models_are_listed_and_one_is_described_with_its_checks(sinklens_command):
    assert (
        done(sinklens_command("models", "--format", "json"))
        == '{\n "models": [\n  "gpt2",\n  "bert"\n ]\n}\n'
    )
    assert "Rows sum to 1" in done(sinklens_command("models", "gpt2"))


def test_help_names_every_exit_code_and_completion_is_there(sinklens_command):
    said = " ".join(done(sinklens_command("--help")).split())
    assert all(f"{int(code)} " in said for code in ExitCode)
    assert "--install-completion" in said
    assert done(sinklens_command("--version")) == f"SinkLens {sinklens.__version__}\n"


# --- as a program ---------------------------------------------------------------------------------


def program(*words, **options):
    return subprocess.Popen([sys.executable, "-m", "sinklens", *words], **options)


def test_a_reader_who_has_seen_enough_is_no_error():
    listing = f"{sys.executable} -m sinklens models --format csv"
    outcome = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {listing} | head -c 1"], capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_the_api_is_served_without_the_page():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = program("serve", "--api-only", "--port", str(port), env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        assert answer_of(f"http://127.0.0.1:{port}/api/health", server)["status"] == "ok"
    finally:
        server.terminate()
        server.wait(20)


def answer_of(address, server):
    """The JSON at an address as soon as the server is up."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("The server ended before it answered.")


def test_a_figure_of_a_head_and_of_all_heads_is_that_of_the_library(sinklens_command, bundled, tmp_path):
    run = sinklens.analyze(str(bundled / "gpt2"), TEXT)
    place = ("--layer", 1, "--head", 2, "-o", tmp_path / "head.svg")
    done(sinklens_command("export", TEXT, "--what", "map", *place, "--width", 80))
    # A bundled model has another name than its folder, and so another caption below the same cells.
    drawn, alone = (tmp_path / "head.svg").read_text(), run.figure(1, 2, width_mm=80).decode()
    cells = re.findall(r"fill: (#[0-9a-f]{6})", drawn)
    assert cells[:300] == re.findall(r"fill: (#[0-9a-f]{6})", alone)[:300]
    assert len(set(cells)) > 20
    done(sinklens_command("export", TEXT, "--what", "mosaic", "-o", tmp_path / "all.svg"))
    assert "<svg" in (tmp_path / "all.svg").read_text()
    refused = sinklens_command("export", TEXT, "--what", "mosaic", "-o", tmp_path / "all.gif")
    assert ".svg, .pdf, .png" in refused.output
    done(refused, ExitCode.BAD_INPUT)


def test_a_report_is_a_page_or_a_pdf(sinklens_command, tmp_path):
    for ending, start in (("html", b"<!doctype html>"), ("pdf", b"%PDF-")):
        done(sinklens_command("export", TEXT, "--what", "report", "-o", tmp_path / f"report.{ending}"))
        assert (tmp_path / f"report.{ending}").read_bytes().startswith(start)


def test_citations_come_as_bibtex(sinklens_command):
    said = done(sinklens_command("cite"))
    assert said.startswith("@software{sinklens,")
    assert "@misc{gu2025sink," in said
