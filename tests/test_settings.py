"""Settings come from the environment, and say what is wrong with it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from sinklens.settings import Settings


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_every_field_can_be_set_from_the_environment():
    for field in fields(Settings):
        default = getattr(Settings(), field.name)
        text = {bool: str(not default), int: "123", str: "other"}.get(type(default), "/elsewhere")
        settings = Settings.from_env({f"SINKLENS_{field.name.upper()}": text})
        assert getattr(settings, field.name) != default
        assert type(getattr(settings, field.name)) is type(default)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("YES", True), ("1", True), ("0", False), ("False", False), ("no", False)],
)
def test_a_switch_reads_the_usual_words(text, value):
    assert Settings.from_env({"SINKLENS_ALLOW_HUB": text}).allow_hub is value


@pytest.mark.parametrize(
    ("key", "text"),
    [("SINKLENS_ALLOW_HUB", "perhaps"), ("SINKLENS_MAX_QUEUE", "many"), ("SINKLENS_MAX_QUEUE", "")],
)
def test_an_unreadable_value_is_refused_with_its_key_and_text(key, text):
    with pytest.raises(ValueError, match=f"{key} must be .*'{text}'"):
        Settings.from_env({key: text})


def test_a_home_folder_is_expanded():
    assert Settings.from_env({"SINKLENS_CACHE_DIR": "~/captures"}).cache_dir == Path.home() / "captures"


def test_variables_of_other_programs_are_ignored():
    assert Settings.from_env({"PATH": "/bin", "SINKLENS_UNKNOWN": "1"}) == Settings()
