"""Run with: pytest tests/modules/test_chart.py"""

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from modules.widgets.chart import PLOTLY_JS, Chart, plain_figure

pytestmark = pytest.mark.usefixtures("without_session")


def test_figure_travels_as_plain_json_without_nan():
    spec = plain_figure({"data": [{"type": "scatter", "y": [1.0, float("nan")]}]})
    assert json.dumps(spec, allow_nan=False)
    assert spec["data"][0]["y"] == [1.0, None]


def test_number_arrays_travel_as_typed_arrays():
    spec = plain_figure(go.Figure(go.Bar(y=np.arange(5, dtype=np.float32))))
    assert spec["data"][0]["y"]["dtype"] == "f4"


def test_plotlys_own_template_is_left_out():
    assert "template" not in plain_figure(go.Figure(go.Bar(y=[1])))["layout"]


def test_label_stays_when_only_the_figure_changes():
    chart = Chart()
    chart.show({"data": []}, label="Share by layer.")
    chart.show({"data": [{"type": "bar", "y": [1]}]})
    assert chart.label == "Share by layer."
    assert chart.figure["data"][0]["type"] == "bar"


def test_plotly_is_served_from_the_package():
    assert PLOTLY_JS.source == {"package": "plotly", "subdir": "package_data"}
