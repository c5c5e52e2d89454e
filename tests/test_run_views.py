"""A run in a notebook: widgets, arrays, tables. python -m pytest tests/test_run_views.py"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest

import sinklens
from sinklens.errors import BadSelection
from sinklens.results import Profile
from sinklens.run_arrays import AXES
from sinklens.widgets.heatmap import Heatmap
from sinklens.widgets.mosaic import Mosaic
from tests.capture.tiny_models import TARGET, TEXT, save_tiny

pytestmark = pytest.mark.usefixtures("without_session")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sinklens.analyze(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), TEXT)


def test_a_notebook_gets_a_heads_map_as_the_page_draws_it(run):
    widget = run.show(1, 2)
    assert isinstance(widget, Heatmap)
    n = len(run.tokens)
    sent = np.frombuffer(zlib.decompress(widget.values), np.float32).reshape(n, n)
    np.testing.assert_array_equal(sent, run.map(1, 2))
    assert widget.axes["rows"] == [token.label for token in run.tokens]
    assert widget.label.startswith("Head 1.2 ")
    assert run.capture.model.revision in widget.caption()[1]


def test_a_notebook_that_draws_nothing_says_what_it_would_show(run):
    widget = run.show(1, 2)
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["text/plain"] == f"<Heatmap: {widget.label}>"
    assert repr(Heatmap()) == "<Heatmap: nothing yet>"


def test_a_notebook_gets_all_heads(run):
    widget = run.show()
    assert isinstance(widget, Mosaic)
    assert (widget.frame["layers"], widget.frame["heads"]) == run.profile.received.shape[:2]
    assert len(widget.readings) == 12
    with pytest.raises(BadSelection, match="layer and a head"):
        run.show(1)


@pytest.mark.parametrize("place", [(), (1, 2)])
def test_a_notebook_draws_it_with_everything_that_it_needs(run, place):
    widget = run.show(*place)
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert "export default" in widget._esm
    assert "cells-stage" in widget._css
    assert "https://" not in widget._esm


def test_every_array_of_the_profile_has_its_axes(run):
    arrays = run.numpy()
    names = {name for names in AXES.values() for name in names}
    assert names == {key for key, kind in Profile.__annotations__.items() if "ndarray" in str(kind)}
    sizes = {"layer": 3, "head": 4, "query": 20, "key": 20}
    for axes, some in AXES.items():
        for name in set(some) & set(arrays):
            known = [sizes.get(axis, size) for axis, size in zip(axes, arrays[name].shape, strict=True)]
            assert list(arrays[name].shape) == known, name


def test_the_table_has_a_row_for_every_layer_head_and_key(run):
    table = run.pandas()
    assert len(table) == 3 * 4 * 20
    row = table[(table["layer"] == 2) & (table["head"] == 1) & (table["key"] == 5)].iloc[0]
    assert row["received"] == run.profile.received[2, 1, 5]
    assert row["token"] == run.tokens[5].label


def test_a_dataset_is_read_by_names(run):
    found = run.xarray()
    np.testing.assert_array_equal(found["entropy"].sel(layer=1, head=3), run.profile.entropy[1, 3])
    assert list(found["key_token"].values) == [token.label for token in run.tokens]
    assert run.capture.model.revision in found.attrs["caption"]


def test_a_cross_stream_has_two_texts(tmp_path):
    run = sinklens.analyze(str(save_tiny("t5", tmp_path)), TEXT, target=TARGET)
    found = run.xarray("cross")
    assert found.sizes["key"] == len(run.capture.prompt)
    assert found.sizes["query"] == len(run.capture.target)


def test_without_xarray_a_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['xarray'] = None\n"
        "from tests.export.analyses import decoder_run\nfrom sinklens.run_arrays import dataset\n"
        "try:\n    dataset(decoder_run())\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.startswith("NotCaptured xarray is not installed: pip install")


def test_the_library_shows_a_run_without_the_page():
    program = "import sinklens.run_widgets, sys, json; print(json.dumps(sorted(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[0] for name in json.loads(said)}
    assert not {"shiny", "shinywidgets", "modules", "matplotlib", "torch"} & loaded
