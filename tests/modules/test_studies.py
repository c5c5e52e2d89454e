"""The page Studies: the file that the form writes, and what is said about a study.

python -m pytest tests/modules/test_studies.py
"""

from __future__ import annotations

import pytest

from modules.studies_file import READY_EDITS, StudyForm, plan_sentence, problems_of, study_yaml
from modules.studies_form import uploads_list, verdict_of
from modules.studies_list import EMPTY, listed, studies_table
from modules.studies_words import STATES, duration, progress_bar, progress_sentence, state_words
from sinklens.study.plan import MEASUREMENTS
from sinklens.study.records import Progress
from sinklens.study_jobs import StudyEntry
from sinklens.study_runs import Upload

FORM = StudyForm("A study", ("demo-gpt2",), texts="One text.\n\n  Another text.  \n")


def read(form: StudyForm):
    study, problems = problems_of(study_yaml(form))
    assert problems == ()
    return study


def entry(state: str = "running", progress: Progress | None = None, **facts) -> StudyEntry:
    defaults = {"n_texts": 5, "models": ("m",), "made": "2026-11-21T20:00:00+00:00"}
    return StudyEntry("an-id", "A <study>", state, progress=progress, **(defaults | facts))


def test_every_line_of_the_form_is_a_text():
    assert read(FORM).texts[0].inline == ("One text.", "Another text.")


@pytest.mark.parametrize(
    "text", ["- no: list", "a: b # c", '"quoted"', "é 世界 👋", "null", "'", "1.5", "{x}"]
)
def test_a_text_that_looks_like_yaml_comes_back_as_it_was(text):
    assert read(StudyForm("x", ("m",), texts=text)).texts[0].inline == (text,)


def test_everything_that_the_form_offers_can_be_run():
    form = StudyForm(
        "All", ("demo-gpt2", "demo-bert"), texts="A text.", uploads=(("uploads/a.csv", "mine.csv"),),
        column="body", category_column="kind", generated=("random tokens", "repeated token"), n_generated=10,
        n_tokens=32, n=4, max_tokens=64, cut=False, seed=7, measurements=tuple(MEASUREMENTS),
        interventions=tuple(READY_EDITS), controls=False,
    )  # fmt: skip
    study = read(form)
    assert [source.label for source in study.texts] == [
        "inline",
        "mine.csv",
        "random tokens",
        "repeated token",
    ]
    assert (study.texts[1].column, study.texts[1].category_column) == ("body", "kind")
    assert (study.texts[2].n, study.texts[2].n_tokens) == (10, 32)
    assert (study.sampling.n, study.sampling.seed, study.sampling.longer) == (4, 7, "refuse")
    assert [arm.controls for arm in study.interventions] == [False] * len(READY_EDITS)
    assert study.measured == set(MEASUREMENTS)


def test_a_column_of_a_table_is_not_asked_of_plain_text():
    form = StudyForm(
        "x", ("m",), uploads=(("uploads/a.txt", "a.txt"),), column="body", category_column="kind"
    )
    source = read(form).texts[0]
    assert (source.column, source.category_column) == ("text", None)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (StudyForm("", ("m",), texts="t"), "name"),
        (StudyForm("x", (), texts="t"), "models"),
        (StudyForm("x", ("m",)), "texts"),
    ],
)
def test_what_the_form_leaves_out_is_named_with_its_line(form, field):
    _, problems = problems_of(study_yaml(form))
    assert [problem.field for problem in problems] == [field]
    assert f"'{field}'" in str(verdict_of(None, problems)).replace("&#x27;", "'")


def test_a_file_that_can_be_run_is_summed_up():
    assert plan_sentence(read(FORM)).startswith("Ready to start: 1 model, 1 source of texts, 8 measurements.")


def test_what_is_wrong_with_an_upload_stands_beside_its_name():
    html = str(
        uploads_list((Upload("a.csv", problem="it has no column 'text'"), Upload("b.txt", "p", 3, 1, "why")))
    )
    assert "a.csv: it has no column" in html
    assert "b.txt: 3 texts; 1 left out, the first: why" in html


# --- words ------------------------------------------------------------------------------------------


def test_rate_and_time_left_are_only_told_once_they_are_known():
    unknown = progress_sentence(entry(progress=Progress("running", 0, 8, 0.0, 80.0, None, None, 0)))
    assert unknown == "0 of 8 texts × models · rate not known yet"
    known = progress_sentence(entry(progress=Progress("running", 2, 8, 20.0, 80.0, 1234.4, 200.0, 1)))
    assert known == (
        "2 of 8 texts × models · 1,234 tokens a second, every pass counted · about 3 min left at this rate · "
        "1 failed"
    )


def test_a_study_that_is_over_promises_no_time():
    over = progress_sentence(entry("stopped", Progress("stopped", 2, 8, 20.0, 80.0, 50.0, 200.0, 0)))
    assert "left" not in over


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (45, "45 s"), (200, "3 min"), (7_500, "2 h 5 min")]
)
def test_times_are_said_as_a_person_would(seconds, words):
    assert duration(seconds) == words


def test_without_any_work_known_the_bar_claims_no_share():
    html = str(progress_bar(entry("reading", Progress("reading", 0, 0, 0.0, 0.0, None, None, 0))))
    assert "%" not in html
    assert "value=" not in html


def test_every_state_has_a_mark_besides_its_colour():
    assert all(state_words(entry(state))[0] in "…▸✓■✗" for state in STATES)


def test_an_empty_list_says_how_to_begin():
    assert EMPTY in str(studies_table((), None, pick="p"))


def test_the_name_of_a_study_opens_it_and_stays_text():
    html = str(studies_table((entry(),), "an-id", pick="page-pick"))
    assert "<study>" not in html
    assert 'data-sl-tell="page-pick" data-sl-value="&quot;an-id&quot;"' in html
    assert 'aria-pressed="true"' in html


def test_on_a_public_server_a_page_lists_only_what_it_started():
    mine, other = entry(), StudyEntry("other", "Other", "done", 1, ("m",), "")
    assert listed((mine, other), None) == (mine, other)
    assert listed((mine, other), frozenset({"an-id"})) == (mine,)
    assert listed((mine, other), frozenset()) == ()
