"""Stores a run of a bundled model, so that the page can show it before any model is loaded.

python -m models.recipes.example demo-gpt2
"""

from __future__ import annotations

import argparse

from modules.examples import ORDINARY
from sinklens import capture_file
from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a bundled model")
    name = parser.parse_args().model
    settings = Settings()
    capture = Engine(settings).capture(CaptureRequest(model=name, text=ORDINARY.text))
    path = settings.models_dir / "examples" / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    capture_file.save(capture, path)
    print(f"{path}: {len(capture.prompt)} tokens, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
