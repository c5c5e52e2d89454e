"""What a link says of the choices of cards is what their inputs begin with and take."""

from __future__ import annotations

import pytest

from app import PAGES
from modules.link_switches import SWITCHES, Choice, Number

PARTS_OF_A_SLIDER = {
    "min": lambda number: number.low,
    "max": lambda number: number.high,
    "from": lambda number: number.default,
    "step": lambda number: number.step,
}


def inputs_of(content) -> dict[str, str]:
    """Id -> HTML of everything in a tag, or a list of tags, that has an id."""
    found = {}
    for child in getattr(content, "children", content):
        if "id" in getattr(child, "attrs", {}):
            found[child.attrs["id"]] = str(child)
        if hasattr(child, "children"):
            found |= inputs_of(child)
    return found


@pytest.fixture(scope="module")
def page_inputs():
    return {name: html for page in PAGES for name, html in inputs_of(page.content.tagify()).items()}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_of_links_is_an_input_of_a_page_with_that_default(page_inputs, name):
    switch = SWITCHES[name]
    html = page_inputs[switch.input_id]
    if isinstance(switch, Number) and "js-range-slider" in html:
        for part in ("min", "max", "from", "step"):
            assert f'data-{part}="{PARTS_OF_A_SLIDER[part](switch)}"' in html
    elif isinstance(switch, Number):
        assert f'value="{switch.default}" min="{switch.low}" step="{switch.step}"' in html
    elif isinstance(switch, Choice):
        assert all(f'value="{choice}"' in html for choice in switch.names)
        chosen = html.split(f'value="{switch.default}"')[1].split(">")[0]
        assert "selected" in chosen or "checked" in chosen or 'data-value="text"' in html
    else:
        assert ("checked" in html) is switch.default
