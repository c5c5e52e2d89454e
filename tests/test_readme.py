"""The README keeps up with the code."""

from __future__ import annotations

import re
from dataclasses import fields

from sinklens.settings import REPOSITORY, Settings

README = (REPOSITORY / "README.md").read_text("utf-8")


def test_every_setting_is_documented_and_every_documented_setting_exists():
    documented = set(re.findall(r"^\| `(SINKLENS_\w+)` \|", README, flags=re.MULTILINE))
    assert documented == {f"SINKLENS_{field.name.upper()}" for field in fields(Settings)}


def test_documented_numbers_are_the_defaults():
    rows = re.findall(r"^\| `SINKLENS_(\w+)` \| ([\d,]+) \|", README, flags=re.MULTILINE)
    assert {name.lower(): int(number.replace(",", "")) for name, number in rows} == {
        field.name: field.default for field in fields(Settings) if type(field.default) is int
    }


def test_the_documented_default_model_is_the_default():
    assert f"| `SINKLENS_DEFAULT_MODEL` | `{Settings().default_model}` |" in README


def test_every_picture_of_the_readme_exists():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    assert [name for name in pictures if not (REPOSITORY / name).is_file()] == []
