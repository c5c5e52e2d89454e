"""Training logs of the bundled models, as they lie in their folders."""

from __future__ import annotations

import json
from pathlib import Path

from sinklens.analysis.training_log import TrainingLog, training_log
from sinklens.errors import DamagedFile

LOG_FILE = "training_log.json"


def training_logs(models_dir: Path) -> dict[str, TrainingLog]:
    """The log of every bundled model that has one, by the model's name.

    Raises
    ------
    DamagedFile
        A log is not JSON, or lacks what a log has.
    """
    files = sorted(models_dir.glob(f"*/{LOG_FILE}")) if models_dir.is_dir() else []
    return {file.parent.name: training_log(file.parent.name, _read(file)) for file in files}


def _read(file: Path) -> dict:
    try:
        return json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DamagedFile(f"{file.parent.name}/{LOG_FILE} is not JSON: {error}") from error
