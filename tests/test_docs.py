"""The documents fit the code, and their links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs.methods import FILE, methods
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.pattern_metrics import PATTERN_METRICS
from sinklens.web.content_policy import EXCEPTIONS

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
LINK = re.compile(r"\]\(([^)#]+)\)")
SCREENSHOTS = REPOSITORY / "static" / "screenshots"
MAX_PICTURES_BYTES = 3_000_000


def test_the_methods_are_those_of_the_code():
    assert FILE.read_text("utf-8") == methods(), "run `make docs`"


@pytest.mark.parametrize(
    "definition", [*HEAD_METRICS.values(), *PATTERN_METRICS.values()], ids=lambda one: one.key
)
def test_every_metric_is_documented_with_its_formula_and_its_source(definition):
    section = methods().split(f"### {definition.name}\n")[1].split("\n### ")[0]
    assert definition.formula in section
    assert definition.source in section


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(document):
    targets = [link for link in LINK.findall(document.read_text("utf-8")) if "://" not in link]
    missing = [link for link in targets if not (document.parent / link).exists()]
    assert missing == []


def test_the_guide_has_a_section_and_a_picture_for_every_page():
    guide = (REPOSITORY / "docs" / "user-guide.md").read_text("utf-8")
    app = ast.parse((REPOSITORY / "app.py").read_text("utf-8"))
    titles = [
        node.args[0].value
        for node in ast.walk(app)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Page"
    ]
    assert len(titles) > 10
    for title in titles:
        assert re.search(rf"^## {title}: ", guide, flags=re.MULTILINE), title
        assert f"screenshots/{title.lower().replace(' ', '-')}.png" in guide


def test_the_pictures_stay_small():
    assert sum(file.stat().st_size for file in SCREENSHOTS.glob("*.png")) <= MAX_PICTURES_BYTES


def test_every_exception_of_the_content_policy_is_documented():
    deploying = (REPOSITORY / "docs" / "deploying.md").read_text("utf-8")
    for source, reason in EXCEPTIONS.items():
        assert f"| `{source}` | {reason} |" in deploying
