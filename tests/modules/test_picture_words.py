"""Pictures in another language: what scripts say, what travels to widgets, and what must stay as it is.

pytest tests/modules/test_picture_words.py
"""

from __future__ import annotations

import json
import re
from functools import cache

import numpy as np
import pytest
from shiny import App, Inputs, Outputs, Session, ui
from starlette.testclient import TestClient

from modules.applicable import NO, YES
from modules.figures import block_writes, forest, head_patterns, sink_ecdf, sink_layers
from modules.figures.meta import ARE_WORDS, IS_DATA
from modules.finished_sentence import FinishedSentence
from modules.geometry_study import drawing as study_drawing
from modules.head_grid import Measured
from modules.intervene_result import DRIFTS
from modules.language import DEFAULT, LANGUAGES, browser_words, catalogue, patterns, words_in
from modules.language_choice import SCRIPT_WORDS, language_choice_ui
from modules.patch_drawing import CONDITIONS
from modules.widgets.chart import Chart
from modules.widgets.figure_words import figure_in_words
from modules.widgets.heatmap import Heatmap
from modules.widgets.links import Links
from modules.widgets.mosaic import Mosaic
from modules.widgets.position_table import PositionTable
from modules.widgets.token_strip import SHADINGS, TokenStrip, strip_frame
from sinklens.analysis.head_clusters import FEATURES
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.head_types import TYPES
from sinklens.analysis.pattern_metrics import PATTERN_METRICS
from sinklens.analysis.sinks import sink_table
from sinklens.widgets.colours import SCALES
from sinklens.widgets.picture import Axes, picture
from tests.export.analyses import decoder_run
from tests.modules.picture_words import REPOSITORY, SCRIPTS, picture_texts, said_parts, script_sentences
from tests.modules.test_language import SAME as ALIKE

pytestmark = pytest.mark.usefixtures("without_session")
OTHERS = [language for language in LANGUAGES if language != DEFAULT]
TABLES = {
    *(name for *_, name in forest.LOOKS.values()), *DRIFTS.values(), *CONDITIONS, *block_writes.LOOKS,
    *head_patterns.PATTERNS.values(), *(name for _, name, *_ in sink_layers.NORMS), *SHADINGS.values(),
    *study_drawing.SHOWN.values(), *FEATURES.values(), *TYPES,
}  # fmt: skip
"""Words that pictures take from tables of the code."""
METRICS = (*HEAD_METRICS.values(), *PATTERN_METRICS.values())
SAME = {text for _, text in sink_ecdf.PUBLISHED}
"""Names of papers."""
SHOWN_TO_PEOPLE = re.compile(
    r"""(?:textContent\s*[=:]|placeholder:|append\(|fillText\(|"aria-(?:label|roledescription)",)\s*(["`])(.*?)\1"""
)
WORDS = {"Head": "Kopf", "head": "Kopf", "layer": "Schicht", "the": "DER", "uniform": "gleich verteilt"}
SAY = lambda text: WORDS.get(text, text)  # noqa: E731


@cache
def sentences_in(language: str) -> FinishedSentence:
    return FinishedSentence(catalogue(language), patterns(language))


def in_german(widget):
    """The widget as a German reader's session has it."""
    widget.words = words_in("de")
    return widget.get_state()


@pytest.mark.parametrize("language", OTHERS)
def test_a_page_brings_exactly_what_scripts_say(language: str):
    assert set(browser_words(language)) == (script_sentences() | set(SCALES.values())) - ALIKE
    page = str(language_choice_ui(words_in(language)))
    brought = re.search(rf'<script type="application/json" id="{SCRIPT_WORDS}">(.*?)</script>', page)[1]
    assert json.loads(brought) == browser_words(language)


def test_an_english_page_brings_no_words():
    assert SCRIPT_WORDS not in str(language_choice_ui(words_in(DEFAULT)))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_shows_people_no_word_that_it_does_not_say(script):
    for _, text in SHOWN_TO_PEOPLE.findall(script.read_text("utf-8")):
        assert not re.search(r"[A-Za-z]{2,}", re.sub(r"\$\{[^}]*\}?", "", text)), text


@pytest.mark.parametrize("language", OTHERS)
def test_titles_names_and_what_a_pointer_reads_are_in_every_language(language: str):
    known = sentences_in(language)
    missing = {
        place: texts[0]
        for place, texts in picture_texts().items()
        if not any(all(known(part) or part in SAME for part in said_parts(text)) for text in texts)
    }
    assert missing == {}
    assert len(picture_texts()) > 150


@pytest.mark.parametrize("language", OTHERS)
def test_words_that_pictures_take_from_tables_are_in_every_language(language: str):
    known = sentences_in(language)
    assert {name for name in TABLES if known(name) is None} == set()


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize(
    "metric", [*HEAD_METRICS.values(), *PATTERN_METRICS.values()], ids=lambda one: one.name
)
def test_what_is_read_and_heard_of_every_metric_of_heads_is_in_every_language(language: str, metric):
    known = sentences_in(language)
    values, floors = np.array([[0.1, 0.2]]), np.array([[0.1, np.nan]])
    for grid in (Measured(metric, values, floors), Measured(metric, np.full((1, 2), np.nan), floors)):
        texts = [*grid.readings(), f"{metric.name}: {grid.finding()}"]
        assert [text for text in texts if known(text) is None] == []


def test_a_widget_speaks_the_language_of_the_session_that_it_was_made_in():
    found = []

    def server(input: Inputs, output: Outputs, session: Session):
        found.append(Chart(label="Head").get_state()["label"])

    with TestClient(App(ui.page_fluid(), server)) as client:
        for language in ("de", "en"):
            with client.websocket_connect("/websocket/") as socket:
                socket.send_json(
                    {"method": "init", "data": {".clientdata_pixelratio": 1, "language": language}}
                )
                while len(found) < 1 + (language == "en"):
                    socket.receive_text()
    assert found == ["Kopf", "Head"]


def test_without_a_session_a_widget_is_english():
    assert Chart(label="Head").get_state()["label"] == "Head"


def test_a_heat_map_in_german_keeps_labels_that_are_spelled_like_words():
    widget = Heatmap()
    axes = Axes(["Head", "layer"], ["key", "learned sink"], readings=["not measured"] * 4, texts=["Head"] * 4)
    widget.show(picture(np.eye(2, dtype=np.float32), axes, label="Not measured"))
    said = in_german(widget)["axes"]
    assert said["rows"] == ["Head", "layer"]
    assert said["columns"] == ["key", "gelernte Senke"]
    assert said["texts"] == ["Head"] * 4
    assert (said["rowName"], said["columnName"]) == ("Query", "Key")
    assert said["emptyText"] == "die Query kann diesen Key nicht sehen"
    assert said["readings"] == ["nicht gemessen"] * 4
    assert said["hint"].startswith("Zum Lesen auf eine Zelle zeigen")


def test_links_and_mosaics_in_german_keep_labels_that_are_spelled_like_words():
    links = Links()
    links.show(np.eye(2), ["Head", "layer"], ["Head", "layer"], label="Head")
    said = in_german(links)
    assert (said["rows"], said["columns"], said["label"]) == (["Head", "layer"], ["Head", "layer"], "Kopf")
    assert in_german(Mosaic(readings=["head 3.1: mixed"]))["readings"] == ["Kopf 3.1: gemischt"]


def test_a_text_as_tokens_in_german_keeps_its_tokens():
    frame = strip_frame(decoder_run().prompt, sink_table(decoder_run()))
    frame["tokens"][0]["label"] = "Head"
    widget = TokenStrip()
    widget.show(frame)
    said = in_german(widget)["frame"]
    assert said["tokens"][0]["label"] == "Head"
    assert said["legend"] == "Farbe: Überschuss über Gleichverteilung"
    assert [token["label"] for token in said["tokens"]] == [token["label"] for token in frame["tokens"]]
    assert all("receives" not in token["spoken"] and "erhält" in token["spoken"] for token in said["tokens"])


def test_the_table_of_positions_in_german_keeps_its_tokens():
    row = {"label": "Token", "expected": "Head", "actual": "layer", "rank": "rank 3", "own": "2 %"}
    frame = {"rows": [row], "expected": "Expected next", "actual": "The text has", "legend": ""}
    widget = PositionTable()
    widget.show(frame, keeps_masks=False)
    said = in_german(widget)["frame"]
    assert said["rows"] == [row | {"rank": "Rang 3"}]
    assert (said["expected"], said["actual"]) == ("Als Nächstes erwartet", "Der Text hat")


def test_titles_and_names_of_a_chart_are_words_and_its_tokens_are_not():
    tokens = ["head", "layer"]
    trace = {"name": "uniform", "x": tokens, "text": tokens, "hovertext": tokens}
    layout = {
        "xaxis": {"title": {"text": "layer"}, "ticktext": tokens}, "yaxis2": {"title": {"text": "head"}},
        "annotations": [{"text": " uniform"}], "scene": {"zaxis": {"title": {"text": "head"}}},
    }  # fmt: skip
    said = figure_in_words({"data": [trace], "layout": layout}, SAY)
    assert said["data"] == [trace | {"name": "gleich verteilt"}]
    assert said["layout"]["xaxis"] == {"title": {"text": "Schicht"}, "ticktext": tokens}
    assert said["layout"]["yaxis2"]["title"]["text"] == "Kopf"
    assert said["layout"]["scene"]["zaxis"]["title"]["text"] == "Kopf"
    assert said["layout"]["annotations"] == [{"text": " gleich verteilt"}]
    assert layout["xaxis"]["title"]["text"] == "layer"


def test_what_a_pointer_reads_is_exchanged_around_its_values():
    trace = {"hovertemplate": ["layer<extra>head</extra>", "%{x}: %{y:.2f}<extra></extra>"]}
    said = figure_in_words({"data": [trace]}, SAY)["data"][0]["hovertemplate"]
    assert said == ["Schicht<extra>Kopf</extra>", "%{x}: %{y:.2f}<extra></extra>"]


def test_a_chart_may_say_that_its_texts_are_words_or_that_a_name_is_a_token():
    trace = {"name": "the", "y": ["head", 3], "hovertemplate": "layer<extra>the</extra>"}
    words = figure_in_words({"data": [trace], "layout": {"meta": ARE_WORDS}}, SAY)["data"][0]
    assert (words["name"], words["y"]) == ("DER", ["Kopf", 3])
    token = figure_in_words({"data": [trace | {"meta": IS_DATA}]}, SAY)["data"][0]
    assert (token["name"], token["hovertemplate"]) == ("the", "Schicht<extra>the</extra>")


def test_a_node_is_a_word_only_where_it_has_a_space_which_no_tokens_label_has():
    node = {"label": ["head", "all heads"], "customdata": ["head"]}
    trace = {"type": "sankey", "node": node, "meta": ARE_WORDS}
    said = figure_in_words({"data": [trace]}, lambda text: text.upper())["data"][0]["node"]
    assert said == {"label": ["head", "ALL HEADS"], "customdata": ["HEAD"]}


def test_a_downloaded_figure_stays_as_the_code_has_it():
    chart = Chart()
    chart.show({"data": [{"type": "bar", "y": [1], "name": "uniform"}]}, label="Head")
    assert in_german(chart)["figure"]["data"][0]["name"] == "gleich verteilt"
    assert chart.drawing().texts() != []
    assert chart.figure["data"][0]["name"] == "uniform"
    assert chart.caption()[0] == "Head"


@pytest.mark.parametrize("language", OTHERS)
def test_what_the_page_compares_an_output_with_is_no_word_of_a_language(language: str):
    code = "".join(path.read_text("utf-8") for path in (REPOSITORY / "modules").rglob("*.py"))
    compared = re.findall(r"output\.[\w{}]+ [!=]== '([^']*)'", code)
    assert len(compared) > 2
    assert {value for value in compared if value not in ("{YES}", "{NO}")} == set()
    assert [words_in(language).finished(value) for value in (YES, NO)] == [YES, NO]
