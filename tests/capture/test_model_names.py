"""What a name of a model can never do: leave the configured folders, ask another host, run code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.capture import model_source
from sinklens.capture.model_source import find_model
from sinklens.errors import ModelNotFound, ModelRefused, SinkLensError
from sinklens.settings import Settings
from tests.capture.tiny_models import save_tiny

REPOSITORY = Path(__file__).resolve().parents[2]
ESCAPES = ("../secret", "models/../../secret", "a/../../../etc", "..", "./x/..", "~", "~nosuchuser/x", "/etc")
ADDRESSES = (
    "http://169.254.169.254/latest/meta-data", "https://example.org/model", "HTTP://localhost:8000/api",
    "file:///etc/passwd", "ftp://host/x", "gopher://host:70/1", "s3://bucket/key", "hf://owner/name",
    "//host/share", "\\\\host\\share", "http:/one-slash", "user@host:path", "localhost:8000", "[::1]/x",
)  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """What would have been asked of the hub; nothing is."""
    names = []

    def refuse(name, **_):
        names.append(name)
        raise OSError("no network in tests")

    monkeypatch.setattr(model_source, "snapshot_download", refuse)
    return names


@pytest.fixture
def roots(tmp_path):
    """A folder where models may lie, with one in it, and one beside it where they may not."""
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    for place in (allowed / "mine", secret):
        place.mkdir(parents=True)
        save_tiny("gpt2", place)
    return allowed, secret


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("allow_hub", [True, False])
def test_a_public_server_opens_no_folder_and_asks_nobody_about_a_path(name, allow_hub, asked):
    with pytest.raises(ModelNotFound, match="Folders of this machine cannot be opened here"):
        find_model(name, Settings(allow_folders=False, allow_hub=allow_hub))
    assert asked == []


def test_a_public_server_does_not_tell_which_folders_there_are(tmp_path, monkeypatch, asked):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    answers = set()
    for name in ("there", "nowhere"):
        with pytest.raises(ModelNotFound) as refusal:
            find_model(name, Settings(allow_folders=False, allow_hub=False))
        answers.add(str(refusal.value).replace(name, "X"))
    assert len(answers) == 1


@pytest.mark.parametrize("name", [name for name in ADDRESSES if "://" in name])
def test_an_address_is_refused_in_a_sentence_and_never_asked(name, asked):
    with pytest.raises(ModelNotFound, match="not fetched from an address"):
        find_model(name, Settings())
    assert asked == []


@pytest.mark.parametrize("name", ADDRESSES)
def test_whatever_looks_like_an_address_reaches_no_other_host(name, monkeypatch):
    """The hub's own client decides what is an id; nothing else is asked, and it is asked offline here."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFound) as refusal:
        find_model(name, Settings())
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("name", ["a\0b", "/etc\0", "demo-gpt2\0.json"])
def test_a_name_with_a_zero_byte_is_refused(name, asked):
    with pytest.raises(ModelNotFound):
        find_model(name, Settings())
    assert asked == []


@given(name=st.text(max_size=80))
def test_every_name_that_is_no_model_gets_a_sentence(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_source, "snapshot_download", _offline)
        with pytest.raises(SinkLensError) as refusal:
            find_model(name, Settings(models_dir=Path("/nonexistent")))
    assert str(refusal.value).endswith(".")


def _offline(name, **_):
    raise OSError("no network in tests")


def test_a_folder_inside_the_configured_ones_opens(roots):
    allowed, _ = roots
    settings = Settings(model_folders=f"/nonexistent:{allowed}")
    assert find_model(str(allowed / "mine"), settings).kind == "folder"


@pytest.mark.parametrize("way", ["{secret}", "{allowed}/../secret", "{allowed}/mine/../../secret"])
def test_a_folder_outside_the_configured_ones_stays_closed(way, roots):
    allowed, secret = roots
    with pytest.raises(ModelNotFound, match="Folders of models lie in"):
        find_model(way.format(allowed=allowed, secret=secret), Settings(model_folders=str(allowed)))


def test_a_link_out_of_the_configured_folders_is_not_followed(roots):
    allowed, secret = roots
    (allowed / "shortcut").symlink_to(secret)
    with pytest.raises(ModelNotFound, match="Folders of models lie in"):
        find_model(str(allowed / "shortcut"), Settings(model_folders=str(allowed)))


def test_a_file_that_is_a_link_out_of_the_configured_folders_is_refused(roots):
    allowed, secret = roots
    (secret / "password.txt").write_text("secret")
    (allowed / "mine" / "vocab.txt").symlink_to(secret / "password.txt")
    with pytest.raises(ModelRefused, match=r"'vocab\.txt' .* is a link that leads elsewhere"):
        find_model(str(allowed / "mine"), Settings(model_folders=str(allowed)))


def test_a_link_that_stays_inside_is_followed(roots):
    allowed, _ = roots
    (allowed / "alias").symlink_to(allowed / "mine")
    assert find_model(str(allowed / "alias"), Settings(model_folders=str(allowed))).kind == "folder"


def test_code_of_a_model_repository_is_never_trusted_anywhere():
    sources = [
        path
        for folder in ("sinklens", "modules", "models", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
    ]
    uses = [use for path in sources for use in re.findall(r"trust_remote_code\s*=\s*(\w+)", path.read_text())]
    assert uses
    assert set(uses) == {"False"}


def test_no_pickle_is_read_by_the_app():
    calls = re.compile(r"\bpickle\.load|torch\.load\(|joblib\.load|allow_pickle\s*=\s*True")
    sources = [path for folder in ("sinklens", "modules") for path in (REPOSITORY / folder).rglob("*.py")]
    assert [path.name for path in sources if calls.search(path.read_text("utf-8"))] == []
