"""A shaded text on paper. python -m pytest tests/figures"""

from __future__ import annotations

import numpy as np

from modules.widgets.token_strip import strip_frame
from sinklens.analysis.sinks import sink_table
from sinklens.figures.strip_figure import FULL, StripFigure
from tests.export.analyses import decoder_run
from tests.figures.drawn import on_sheet, svg_of, texts_of


def token(label, fill=0.0, before="", **kinds):
    return {
        "label": label,
        "fill": fill,
        "before": before,
        "special": False,
        "sink": False,
        "few": False,
    } | kinds


def frame(*tokens, **rest):
    return {"tokens": list(tokens), "legend": "Shade: share", "low": "0 %", "high": "9 %"} | rest


def boxes(drawing, width_mm=100.0):
    sheet = on_sheet(drawing, width_mm)
    return sheet.axes[0].patches


def test_the_shade_of_a_token_is_its_share_of_the_full_shade():
    found = boxes(StripFigure(frame(token("a", 0.0), token("b", 0.5), token("c", 1.0))))
    np.testing.assert_allclose([box.get_facecolor()[3] for box in found], [0, FULL / 2, FULL])


def test_every_token_stands_once_in_reading_order_within_the_width():
    run = decoder_run()
    drawing = StripFigure(strip_frame(run.prompt, sink_table(run)))
    found = boxes(drawing, 60.0)
    assert [box.get_y() for box in found] == sorted(box.get_y() for box in found)
    assert all(box.get_x() + box.get_width() <= 60 + 1e-6 for box in found)
    said = texts_of(svg_of(drawing))
    assert [text for text in said if text in run.prompt.labels][: len(run.prompt)] == list(run.prompt.labels)


def test_a_line_break_of_the_text_begins_a_line_and_hebrew_begins_at_the_right():
    lines = boxes(StripFigure(frame(token("a"), token("b", before="line"))))
    assert lines[1].get_y() > lines[0].get_y()
    first, second = boxes(StripFigure(frame(token("א"), token("ב"), direction="rtl")))
    assert first.get_x() > second.get_x()
    assert first.get_x() + first.get_width() == 100


def test_sinks_are_outlined_and_said_and_others_are_not():
    said = texts_of(svg_of(StripFigure(frame(token("a", sink=True), token("b", few=True)))))
    assert any("outlined: sink; hatched: few queries" in text for text in said)
    assert not any("outlined" in text for text in texts_of(svg_of(StripFigure(frame(token("a"))))))
