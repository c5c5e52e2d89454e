"""The files for servers fit the app: their settings exist and can be followed, their ports agree."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from sinklens.settings import Settings
from sinklens.web.content_policy import origins
from sinklens.web.session_door import page_origins

REPOSITORY = Path(__file__).resolve().parent.parent
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text("utf-8"))
UNIT = (REPOSITORY / "deploy" / "sinklens.service").read_text("utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
EXAMPLE = {"SINKLENS_HOST": "sinks.lab.example"}


def instructions(word):
    """What follows a word of the Dockerfile, each time that it begins a line."""
    return re.findall(rf"^{word} +(.*)$", DOCKERFILE, flags=re.MULTILINE)


def of_image():
    return dict(part.split("=", 1) for line in instructions("ENV") for part in shlex.split(line))


def of_compose():
    given = COMPOSE["services"]["sinklens"]["environment"]
    filled = {
        key: VARIABLE.sub(lambda found: EXAMPLE.get(found[1], found[2]), value)
        for key, value in given.items()
    }
    return of_image() | filled


def of_unit():
    return dict(line.split("=", 1) for line in re.findall(r"^Environment=(.*)$", UNIT, flags=re.MULTILINE))


PLACES = {"image": of_image, "compose": of_compose, "unit": of_unit}


@pytest.mark.parametrize("place", PLACES)
def test_every_setting_of_a_server_exists_and_can_be_followed(place):
    env = PLACES[place]()
    own = {key for key in env if key.startswith("SINKLENS_")}
    assert own
    assert own <= {f"SINKLENS_{name.upper()}" for name in Settings.__dataclass_fields__}
    settings = Settings.from_env(env)
    origins(settings.frame_origins, "SINKLENS_FRAME_ORIGINS")
    page_origins(settings)
    assert settings.json_logs
    assert settings.warm_up


@pytest.mark.parametrize("place", PLACES)
def test_no_server_opens_all_its_folders(place):
    settings = Settings.from_env(PLACES[place]())
    assert not settings.allow_folders or settings.model_folders


def test_a_space_may_show_the_page_and_everybody_else_asks_the_same_server():
    settings = Settings.from_env(of_image())
    assert settings.frame_origins.split(",") == ["https://huggingface.co", "https://*.hf.space"]
    assert not settings.metrics, "the proxy of a Space passes on what a client says of its own address"


def test_the_port_of_the_space_is_that_of_the_container():
    _, front, _ = (REPOSITORY / "README.md").read_text("utf-8").split("---\n", 2)
    facts = yaml.safe_load(front)
    (port,) = instructions("EXPOSE")
    (command,) = (yaml.safe_load(line) for line in instructions("CMD"))
    assert facts["sdk"] == "docker"
    assert str(facts["app_port"]) == port == command[command.index("--port") + 1]
    assert COMPOSE["services"]["sinklens"]["expose"] == [port]
    assert f"dynamic a sinklens {port}" in (REPOSITORY / "deploy" / "Caddyfile").read_text("utf-8")


def test_the_image_runs_without_root_and_keeps_what_is_to_last_in_data():
    assert instructions("USER") == ["user"]
    env = of_image()
    kept = ("HF_HOME", "SINKLENS_CACHE_DIR", "SINKLENS_STUDIES_DIR")
    assert all(env[name].startswith("/data/") for name in kept)
    assert "data:/data" in COMPOSE["services"]["sinklens"]["volumes"]
    assert "chown user /data" in instructions("RUN")[0]


def test_everything_that_is_mounted_is_there():
    mounts = [mount for service in COMPOSE["services"].values() for mount in service["volumes"]]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    assert (REPOSITORY / "deploy" / "Caddyfile").is_file()


def test_no_secret_stands_in_a_file():
    for file in (REPOSITORY / "Dockerfile", *sorted((REPOSITORY / "deploy").iterdir())):
        found = re.findall(r"TOKEN[=:]\s*(\S+)", file.read_text("utf-8"))
        assert all(value.startswith("${") for value in found), file.name


def test_the_unit_starts_what_the_image_starts():
    (start,) = re.findall(r"^ExecStart=(.*)$", UNIT, flags=re.MULTILINE)
    (command,) = (yaml.safe_load(line) for line in instructions("CMD"))
    words = shlex.split(start)
    assert Path(words[0]).name == command[0]
    assert words[-1] == command[-1] == "app.py"
    assert "127.0.0.1" in words, "the proxy alone may reach it"
