"""The stored run that the page opens with, so that the first paint waits for no model."""

from __future__ import annotations

import logging

from sinklens import capture_file
from sinklens.errors import DamagedFile
from sinklens.results import Capture
from sinklens.settings import Settings

logger = logging.getLogger(__name__)


def stored_example(settings: Settings) -> Capture | None:
    """The stored run of the default model, None (and the reason in the log) when it cannot be read."""
    path = settings.models_dir / "examples" / f"{settings.default_model}.safetensors"
    try:
        return capture_file.load(path)
    except (FileNotFoundError, DamagedFile) as error:
        logger.warning(
            "No stored example, the page opens with a run of %s: %s", settings.default_model, error
        )
        return None
