"""The widgets in a page that is not SinkLens's own, as in Jupyter and marimo: dark or light, in a shadow."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Page, expect

import sinklens
from tests.capture.tiny_models import TEXT, save_tiny

pytestmark = pytest.mark.usefixtures("without_session")

MOUNT = """async ({ esm, css, state, values, inShadow }) => {
  const host = document.body.appendChild(document.createElement("div"));
  const root = inShadow ? host.attachShadow({ mode: "open" }) : host;
  root.append(Object.assign(document.createElement("style"), { textContent: css }));
  const el = root.appendChild(document.createElement("div"));
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  const traits = { ...state, values: new DataView(bytes.buffer) };
  const model = {
    get: (name) => traits[name], set: (name, value) => { traits[name] = value; },
    on() {}, off() {}, save_changes() {}, send() {},
  };
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  widget.render({ model, el });
}"""
INK = """(canvas) => {
  const { left, top } = canvas.nextElementSibling.dataset, ratio = devicePixelRatio;
  const height = canvas.height - top * ratio;
  const { data } = canvas.getContext("2d").getImageData(0, top * ratio, left * ratio, height);
  let solid = -1, strongest = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] <= strongest) continue;
    strongest = data[i + 3];
    solid = (data[i] + data[i + 1] + data[i + 2]) / 3;
  }
  return solid;
}"""
"""Brightness, 0 to 255, of what is written beside the rows."""
DARK, LIGHT = "color: #eee; background: #111", "color: #222; background: #fff"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sinklens.analyze(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), TEXT)


def mount(page: Page, widget, *, in_shadow: bool) -> None:
    """Draw a widget from what would travel to a notebook, and from nothing else."""
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    values = base64.b64encode(state.pop("values")).decode()
    page.evaluate(
        MOUNT,
        {"esm": widget._esm, "css": widget._css, "state": state, "values": values, "inShadow": in_shadow},
    )


def test_widgets_bring_all_that_they_need_and_follow_the_colours_around_them(page: Page, run):
    page.set_content(f"<body style='{DARK}; margin: 0; width: 700px'></body>")
    mount(page, run.show(), in_shadow=False)
    mount(page, run.show(1, 2), in_shadow=True)
    mosaic, heatmap = page.locator(".cells-front").first, page.locator(".cells-front").last
    expect(mosaic).to_have_attribute("data-heads", "4")
    expect(heatmap).to_have_attribute("data-rows", str(len(run.tokens)))
    pictures = page.locator(".cells-picture")
    assert [pictures.nth(i).evaluate(INK) > 200 for i in (0, 1)] == [True, True]

    mosaic.click(position={"x": 60, "y": 50})
    expect(page.locator(".cells-mosaic > .cells-reading")).to_contain_text("layer 0, head 0")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cells-mosaic > .visually-hidden")).to_have_text("layer 0, head 1")
    expect(page.locator(".cells-mosaic > .visually-hidden")).to_have_css("position", "absolute")
    page.get_by_role("button", name="Download the figure").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    page.evaluate("style => document.body.setAttribute('style', style)", f"{LIGHT}; margin: 0; width: 700px")
    page.wait_for_function(f"(canvas) => ({INK})(canvas) < 80", arg=pictures.last.element_handle())
    assert pictures.first.evaluate(INK) < 80
