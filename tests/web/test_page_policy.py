"""The policy lets through every script that the real pages bring, and no other."""

from __future__ import annotations

import re

import pytest
from shiny import App, ui

from modules.page_policy import inline_scripts, page_html, page_policy, widget_script
from sinklens.settings import Settings
from sinklens.web.content_policy import script_hash


@pytest.fixture(scope="module")
def real():
    """The module app.py."""
    import app

    return app


@pytest.fixture(scope="module")
def policy(real):
    return page_policy(real.app, Settings()).header()


def test_scripts_of_the_document_are_listed(real, policy):
    scripts = inline_scripts(page_html(real.app))
    assert len(scripts) > 3
    assert all(script_hash(script) in policy for script in scripts)


def test_scripts_of_pages_that_come_later_are_listed(real, policy):
    later = [script for page in real.PAGES for script in inline_scripts(page.content.render()["html"])]
    assert later
    assert all(script_hash(script) in policy for script in later)


def test_scripts_in_the_heads_of_pages_are_listed(real, policy):
    heads = [str(one.head or "") for page in real.PAGES for one in page.content.render()["dependencies"]]
    scripts = [script for head in heads for script in inline_scripts(head)]
    assert scripts
    assert all(script_hash(script) in policy for script in scripts)


def test_the_line_that_comes_with_the_first_widget_is_listed(real, policy):
    line = widget_script(real.app)
    assert re.fullmatch(
        r'window\.require\.config\(\{"paths": \{"anywidget": "lib/anywidget-[\d.]+/index"\}\}\)', line
    )
    assert script_hash(line) in policy


def test_nothing_that_an_address_holds_gets_into_the_policy():
    def drawn(request):
        return ui.page_fluid(ui.tags.script(f"go('{request.query_params.get('text', '')}')"))

    header = page_policy(App(drawn, None), Settings()).header()
    assert script_hash("go('')") in header
    assert script_hash("go('stranger')") not in header


@pytest.mark.parametrize(
    ("html", "scripts"),
    [
        ("<script>a()</script>", ["a()"]),
        ('<script type="application/json" data-for="x">{}</script>', []),
        ('<script src="a.js"></script>', []),
        ('<script data-x=""> b()\n</script><p><SCRIPT>c()</SCRIPT>', [" b()\n", "c()"]),
        ("<p>script</p>", []),
    ],
)
def test_only_inline_scripts_are_found(html, scripts):
    assert inline_scripts(html) == scripts
