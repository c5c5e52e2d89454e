"""The lessons: stored numbers, words that fit them, and where the exercises lead."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import PAGES
from modules import examples
from modules.figures.lesson_charts import change_bars, effect_points, norm_bars, row_bars, share_curves
from modules.guided_tour import steps_in
from modules.language import ENGLISH, LANGUAGES, words_in
from modules.learn import learn_page
from modules.learn_lesson import PAGE_TITLES
from modules.learn_pictures import local_strip
from modules.learn_views import ARMS, VIEWS
from modules.lesson_results import (
    FORMAT,
    KEYS,
    LessonResults,
    lessons_path,
    save_lessons,
    stored_lessons,
)
from modules.lesson_texts import filled, lessons_in, rendered
from sinklens import record_file
from sinklens.errors import DamagedFile
from sinklens.settings import Settings

MODELS = Settings().models_dir


@pytest.fixture(scope="module")
def stored():
    return stored_lessons(MODELS)


@pytest.fixture
def results(stored) -> LessonResults:
    return stored.results


def test_there_is_a_result_a_text_and_a_view_for_every_lesson(results: LessonResults):
    assert tuple(lesson.key for lesson in results.lessons) == KEYS == tuple(VIEWS)
    for language in LANGUAGES:
        assert tuple(lesson.key for lesson in lessons_in(language)) == KEYS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("has_twin", [True, False])
def test_the_whole_page_is_filled_with_stored_numbers(results, language: str, has_twin: bool):
    if has_twin and not results.has_twin:
        pytest.skip("The stored results were measured without the twin.")
    page = str(learn_page(replace(results, has_twin=has_twin), words_in(language), open_id="learn-open"))
    left = set(re.findall(r"\{(\w+)(?::\w+)?\}", page))
    assert left == {"done", "all", "guess", "measured"}  # the browser fills these
    assert f'lang="{language}"' in page


def test_no_number_of_a_result_is_typed_into_a_text():
    """The only digits in results are the level of an interval and powers of ten in units."""
    for language in LANGUAGES:
        for lesson in lessons_in(language):
            for text in (lesson.result, lesson.with_twin, lesson.without_twin):
                bare = text.replace("95 %", "").replace("95-%", "")
                assert not any(character.isdigit() for character in bare), (language, lesson.key)


def test_the_right_answer_is_one_of_the_options(results: LessonResults):
    for language in LANGUAGES:
        for lesson in lessons_in(language):
            assert results.of(lesson.key).answer in lesson.options
            assert len(lesson.options) >= 3


def test_exercises_lead_to_pages_texts_and_heads_that_there_are(stored):
    pages = {page.id: page.title for page in PAGES}
    profile = stored.capture.profile()
    for lesson in lessons_in("en"):
        numbers = stored.results.of(lesson.key).numbers
        for exercise in lesson.exercises:
            assert pages[exercise.open.page] == PAGE_TITLES[exercise.open.page]
            assert examples.text_of(exercise.open.example)
            layer, head = (numbers[name] for name in exercise.open.at)
            assert layer < profile.n_layers
            assert head < profile.n_heads


def test_the_tour_stops_at_pages_that_there_are():
    assert {step.page for step in steps_in("en")} <= {page.id for page in PAGES}
    assert 5 <= len(steps_in("en")) <= 7


def test_the_row_of_the_first_lesson_is_the_softmax_of_its_scores(stored):
    result = stored.results.of("attention")
    layer, head = result.head
    query = result.numbers["query"]
    scores = result.arrays["scores"][query, : query + 1].astype(np.float64)
    weights = np.exp(scores - scores.max())
    np.testing.assert_allclose(
        weights / weights.sum(), stored.capture.maps["self", layer, head][query, : query + 1], atol=1e-5
    )
    assert result.numbers["weight"] == pytest.approx(float((weights / weights.sum()).max()), abs=1e-5)


def test_sink_heads_of_the_second_lesson_can_be_counted_on_the_maps(stored):
    numbers = stored.results.of("heads").numbers
    shares = [np.nanmean(weights[:, 0]) for weights in stored.capture.maps.values()]
    assert numbers["n_sink"] == sum(share > numbers["epsilon"] for share in shares)
    assert numbers["share"] == pytest.approx(numbers["n_sink"] / len(shares))


def test_what_is_written_in_the_fourth_lesson_is_weight_times_length(stored):
    result = stored.results.of("parking")
    layer, head = result.head
    weights = np.nan_to_num(stored.capture.maps["self", layer, head])[1:]
    drawn = weights * result.arrays["norms"]
    np.testing.assert_allclose(
        (drawn / drawn.sum(-1, keepdims=True)).mean(0), result.arrays["written"], rtol=1e-4
    )
    assert result.numbers["size"] == pytest.approx(float(drawn.sum(-1).mean()), rel=1e-4)


def test_what_the_lessons_say_in_words_holds_in_their_numbers(results: LessonResults):
    attention, parking = results.of("attention").numbers, results.of("parking").numbers
    assert attention["head_share"] > 0.5  # "nearly everywhere"
    assert parking["size"] < 0.5 * parking["even_size"]  # "that is little"
    assert parking["norm_ratio"] < 0.5  # "adds next to nothing"
    assert parking["best_written"] > 2 * parking["best_weight"]  # "counts for more than it looks"
    removal = results.of("removal").numbers
    assert removal["change"] > 2 * removal["control"]  # "the model can spare least"
    twin = results.of("twin").numbers
    assert twin["edited_loss"] > twin["model_loss"]  # "the loss rises"
    assert twin["edited_share"] > 2 * twin["floor"]  # "does not unlearn it"


def test_results_of_another_run_are_refused(results, tmp_path: Path):
    folder = tmp_path / "examples"
    folder.mkdir()
    name = f"{results.model}.safetensors"
    (folder / name).symlink_to(MODELS / "examples" / name)
    save_lessons(replace(results, text="Another text."), lessons_path(tmp_path))
    with pytest.raises(DamagedFile, match=r"models\.recipes\.lessons"):
        stored_lessons(tmp_path)


def test_a_file_of_another_kind_is_refused(results, tmp_path: Path):
    (tmp_path / "examples").mkdir()
    record_file.write(
        results.lessons[0],
        lessons_path(tmp_path),
        name="other",
        records={"LessonResult": type(results.lessons[0])},
    )
    with pytest.raises(DamagedFile, match=FORMAT):
        stored_lessons(tmp_path)


def test_markup_in_a_label_stays_text():
    html = str(rendered("{token:token}", {"token": "<b>`x`</b>"}, "en"))
    assert "<b>" not in html
    assert "&lt;b&gt;`x`&lt;/b&gt;" in html


def test_a_name_without_a_number_is_an_error():
    with pytest.raises(KeyError):
        filled("{nothing:percent}", {}, "en")


def test_the_charts_draw_what_they_are_given():
    labels = ["<bos>", "a", "b"]
    weights = np.array([0.5, 0.2, 0.3])
    bars = row_bars(labels, weights, np.zeros(3), ENGLISH)
    np.testing.assert_array_equal(bars.data[0].y, weights)
    np.testing.assert_allclose(bars.data[1].y, 1 / 3)
    assert "&lt;bos&gt;" in bars.data[0].hovertext[0]
    assert norm_bars(labels, weights, ENGLISH).data[0].marker.color[0] == "var(--sl-sink)"
    changes = np.array([[1.0, 3.0], [0.0, 0.0]])
    np.testing.assert_array_equal(change_bars(["x", "y"], changes, ENGLISH).data[0].y, [2, 0])
    points = effect_points(labels, weights, weights, ENGLISH)
    assert [len(trace.x) for trace in points.data] == [2, 1]
    curves = share_curves({"one": weights}, None, None, words_in("de"), title="")
    assert curves.layout.separators == ",."


def test_every_arm_of_the_fifth_lesson_has_a_name(results: LessonResults):
    assert set(results.of("removal").labels["arms"]) <= set(ARMS)


def test_the_shaded_text_is_read_out_in_german(stored):
    frame = local_strip(stored, words_in("de"))
    assert frame["legend"].startswith("Farbe")
    assert "gleicher Anteil" in frame["tokens"][1]["spoken"]
