"""Tiny models on disk, the engine that reads them, and the same models as transformers has them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers as hf

from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from tests.capture.tiny_models import ENCODER_DECODER, MASKED, TARGET, TEXT, save_tiny


class TinyRuns:
    """Runs of tiny models whose biases are random too, so that what is done with a bias shows."""

    def __init__(self, make_folder) -> None:
        self.engine = Engine()
        self._make_folder = make_folder
        self._folders: dict[str, Path] = {}

    def folder(self, family: str) -> str:
        if family not in self._folders:
            folder = save_tiny(family, self._make_folder(family))
            model = _auto_class(family).from_pretrained(folder)
            torch.manual_seed(1)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name.endswith("bias"):
                        parameter.normal_(0, 0.3)
            model.save_pretrained(folder)
            self._folders[family] = folder
        return str(self._folders[family])

    def request(self, family: str, *edits, **choices) -> CaptureRequest:
        choices = {"text": TEXT, "target": TARGET if family in ENCODER_DECODER else None} | choices
        return CaptureRequest(model=self.folder(family), interventions=edits, **choices)

    def capture(self, family: str, *edits, **choices) -> Capture:
        return self.engine.capture(self.request(family, *edits, **choices))

    def states(self, capture: Capture) -> torch.Tensor:
        """(T, width) what the prediction head reads in a run of the engine."""
        return torch.tensor(self.engine.residual(capture).head_input)

    def plain(self, family: str, attention: str = "eager") -> hf.PreTrainedModel:
        """A fresh model from the same files; SinkLens never sees it."""
        return _auto_class(family).from_pretrained(self.folder(family), attn_implementation=attention).eval()


def _auto_class(family: str):
    if family in ENCODER_DECODER:
        return hf.AutoModelForSeq2SeqLM
    return hf.AutoModelForMaskedLM if family in MASKED else hf.AutoModelForCausalLM


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory) -> TinyRuns:
    return TinyRuns(tmp_path_factory.mktemp)
