"""Stores a run of a bundled model, so that the page can show it before any model is loaded.

The map of every head is stored too: computing one needs torch, whose import takes seconds.

python -m models.recipes.example demo-gpt2
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from modules.examples import ORDINARY
from sinklens import capture_file
from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a bundled model")
    name = parser.parse_args().model
    settings = Settings()
    capture = example_of(Engine(settings), CaptureRequest(model=name, text=ORDINARY.text))
    path = settings.models_dir / "examples" / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    capture_file.save(capture, path)
    path.chmod(0o644)
    print(f"{path}: {len(capture.prompt)} tokens, {path.stat().st_size / 1e6:.2f} MB")


def example_of(engine: Engine, request: CaptureRequest) -> Capture:
    """A run that holds the map of every head of every stream."""
    capture = engine.capture(request)
    heads = [
        (stream, layer, head)
        for stream, profile in capture.profiles.items()
        for layer in range(profile.n_layers)
        for head in range(profile.n_heads)
    ]
    return replace(capture, maps={place: engine.head_map(capture, *place).weights for place in heads})


if __name__ == "__main__":
    main()
