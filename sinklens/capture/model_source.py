"""From the name that a user types to a folder of safe model files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from sinklens.errors import ModelNotFound, ModelRefused
from sinklens.settings import Settings

SAFE_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
"""Folder that transformers' Trainer writes into that of its run."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "tokenizer.model")
REVISION = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
"""Branch, tag or commit after the @ of a hub model; never a path that climbs."""
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelSource:
    """Where a model's files lie."""

    name: str
    kind: str
    """"bundled", "folder" or "hub"."""
    folder: Path
    revision: str
    """Fingerprint of configuration and weights."""
    tokenizer_folder: Path
    """Where the tokenizer lies: the model's folder, or that of the training run it is a checkpoint of."""


def bundled_models(settings: Settings) -> tuple[str, ...]:
    """Names of the models that come with SinkLens, the default one first."""
    folders = settings.models_dir.iterdir() if settings.models_dir.is_dir() else ()
    names = sorted(folder.name for folder in folders if (folder / "config.json").is_file())
    return tuple(sorted(names, key=lambda name: (name != settings.default_model, name)))


def find_model(name: str, settings: Settings) -> ModelSource:
    """The files of a bundled model, a folder or a hub model, in this order.

    A hub model may name a branch, tag or commit: `EleutherAI/pythia-70m@step1000`.

    Raises
    ------
    ModelNotFound
        Nothing has this name, or the hub cannot be reached.
    ModelRefused
        The folder holds no model, or only pickled weights.
    """
    name = name.strip()
    if not name:
        raise ModelNotFound("Name a model: a bundled one, a Hugging Face id such as 'gpt2', or a folder.")
    if name in bundled_models(settings):
        return _source(name, "bundled", settings.models_dir / name)
    if "://" in name or "\0" in name:
        raise ModelNotFound(
            "A model is named, not fetched from an address: name a bundled one, a Hugging Face id such as "
            "'gpt2', or a folder."
        )
    if _looks_like_folder(name, settings):
        folder = _folder(name, settings)
        return replace(
            _source(name, "folder", folder), tokenizer_folder=_tokenizer_folder(folder, _roots(settings))
        )
    if not settings.allow_hub:
        available = ", ".join(bundled_models(settings))
        raise ModelNotFound(f"There is no bundled model '{name}'; available: {available}.")
    return _source(name, "hub", _download(name, settings))


def _looks_like_folder(name: str, settings: Settings) -> bool:
    # Where no folder may be named, none is looked for: the answer would tell which there are.
    is_path = name.startswith((".", "/", "~", "\\")) or ".." in Path(name).parts
    return is_path or (settings.allow_folders and Path(name).is_dir())


def _folder(name: str, settings: Settings) -> Path:
    """The folder of a name that looks like one; ModelNotFound where there is none that may be read."""
    if not settings.allow_folders:
        raise ModelNotFound("Folders of this machine cannot be opened here; name a bundled or a hub model.")
    try:
        folder = Path(name).expanduser()
    except RuntimeError:
        raise ModelNotFound(f"There is no home folder for '{name}'.") from None
    roots = _roots(settings)
    if roots and not _is_inside(folder, roots):
        raise ModelNotFound(f"Folders of models lie in {', '.join(map(str, roots))} here; got '{name}'.")
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder '{name}'.")
    strangers = [file.name for file in folder.iterdir() if roots and not _is_inside(file, roots)]
    if strangers:
        raise ModelRefused(
            f"'{strangers[0]}' in '{name}' is a link that leads elsewhere; put the file there."
        )
    return folder


def _roots(settings: Settings) -> list[Path]:
    """The only folders that models are read from; empty where any may be named."""
    return [Path(root).expanduser().resolve() for root in settings.model_folders.split(":") if root.strip()]


def _tokenizer_folder(folder: Path, roots: list[Path]) -> Path:
    """The folder itself, or that of the run where a checkpoint holds no tokenizer, as Trainer leaves it."""
    run = folder.resolve().parent
    is_readable = not roots or _is_inside(run, roots)
    if (
        CHECKPOINT.fullmatch(folder.name)
        and not _has_tokenizer(folder)
        and is_readable
        and _has_tokenizer(run)
    ):
        return run
    return folder


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def _is_inside(path: Path, roots: list[Path]) -> bool:
    """Does a path, its links followed, lie in one of the folders?"""
    return any(path.resolve().is_relative_to(root) for root in roots)


def _download(name: str, settings: Settings) -> Path:
    bundled = ", ".join(bundled_models(settings))
    hub_id, at, revision = name.partition("@")
    if at and not REVISION.fullmatch(revision):
        raise ModelNotFound(
            f"After the @ of '{name}' a branch, tag or commit of a hub model was expected, as in "
            "'EleutherAI/pythia-70m@step1000'."
        )
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes"}
    try:
        return Path(_snapshot(hub_id, revision or None, offline))
    except HFValidationError:
        raise ModelNotFound(
            f"'{name}' is neither a bundled model ({bundled}), nor a folder, "
            "nor a Hugging Face id (owner/name)."
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no answer"
        raise ModelNotFound(
            f"The Hugging Face hub does not give '{name}' ({status}); check the id"
            f"{' and the revision' if at else ''}."
        ) from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFound(
            f"'{name}' is not on this machine and the Hugging Face hub cannot be reached. "
            f"Bundled models work without a network: {bundled}."
        ) from error


def _snapshot(hub_id: str, revision: str | None, offline: bool) -> str:
    """Folder of the safe files of one revision of a hub model, downloaded where it is not here yet."""
    return snapshot_download(hub_id, revision=revision, allow_patterns=SAFE_FILES, local_files_only=offline)


def _source(name: str, kind: str, folder: Path) -> ModelSource:
    if not (folder / "config.json").is_file():
        raise ModelRefused(
            f"'{name}' holds no model: a config.json was expected in it.{_checkpoints(folder)}"
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
        raise ModelRefused(
            f"'{name}' has only pickled weights ({', '.join(pickles[:3])}), "
            "which can run code when they are read; SinkLens reads safetensors. "
            "Convert them with transformers' save_pretrained."
            if pickles
            else f"'{name}' has no weights: a .safetensors file was expected beside config.json."
        )
    return ModelSource(name, kind, folder, _fingerprint(folder / "config.json", weights), folder)


def _checkpoints(folder: Path) -> str:
    """What to name instead of the folder of a training run; empty where it is none."""
    steps = sorted(int(found[1]) for file in folder.iterdir() if (found := CHECKPOINT.fullmatch(file.name)))
    if not steps:
        return ""
    names = [f"{folder.name}/checkpoint-{step}" for step in steps]
    return f" It is a training run: name one of its {len(names)} checkpoints, {names[0]} to {names[-1]}."


def _fingerprint(config: Path, weights: list[Path]) -> str:
    """Hash of the configuration and of the size, start and end of every weight file."""
    digest = hashlib.sha256(config.read_bytes())
    for file in weights:
        size = file.stat().st_size
        digest.update(f"{file.name}:{size}".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(_SAMPLE_BYTES))
            stream.seek(max(0, size - _SAMPLE_BYTES))
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def card_facts(folder: Path) -> dict:
    """Facts beside a bundled model (evaluation.json), empty where there are none."""
    file = folder / "evaluation.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
