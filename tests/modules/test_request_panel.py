"""What the left panel says about a run, and the examples it offers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modules import examples
from modules.request_panel import facts_line, notes_of, phase_sentence, progress_bar
from modules.session_run import Moment, problem_of
from sinklens.analysis.head_finding import most_sinking_head
from sinklens.errors import RunCancelled
from sinklens.records import Check
from sinklens.run_status import RunStatus
from tests.analysis.profiles import capture_from_maps, one_hot_maps, uniform_maps


@pytest.fixture
def capture():
    return capture_from_maps(uniform_maps(1, 2, 3, is_causal=True), is_causal=True)


def test_a_stopped_run_is_no_problem():
    assert problem_of(RunCancelled("The run was stopped.")) is None


def test_the_place_in_the_queue_is_told():
    assert phase_sentence(Moment(RunStatus("queued", position=2), 0.0)) == "Number 2 in the queue"


def test_progress_shows_percent_and_seconds_while_running():
    html = str(progress_bar(Moment(RunStatus("running", fraction=0.63), 2.04)))
    assert "63% · 2.0 s" in html
    assert 'value="0.630"' in html


def test_progress_claims_no_percentage_while_the_model_loads():
    html = str(progress_bar(Moment(RunStatus("loading"), 2.04)))
    assert "%" not in html
    assert "value" not in html


def test_a_failed_check_is_named_in_the_facts(capture):
    failed = Check("rows", False, 2.0, 1.0, "Rows do not sum to 1.")
    assert "check failed" in str(facts_line(replace(capture.model, checks=(failed,))))


def test_the_notes_say_how_much_of_a_long_text_was_read(capture):
    prompt = replace(capture.prompt, n_tokens_total=1_200, window=(1, 3), warnings=("A <b>warning</b>.",))
    html = str(notes_of(replace(capture, prompt=prompt), is_example=False))
    assert "Window 2 of 3: 3 of 1,200 tokens" in html
    assert "<b>" not in html


def test_the_head_in_view_is_the_one_with_most_weight_on_the_first_token():
    maps = uniform_maps(2, 3, 5, is_causal=True)
    maps[1, 2] = one_hot_maps(1, 1, 5)[0, 0]
    assert most_sinking_head(capture_from_maps(maps, is_causal=True).profile()) == (1, 2)


def test_every_example_is_in_the_menu_once():
    ids = [id for group in examples.menu().values() for id in group]
    assert sorted(ids) == sorted({example.id for example in examples.EXAMPLES})


def test_the_long_paragraph_has_at_least_128_words():
    assert len(examples.text_of("long").split()) >= 128
