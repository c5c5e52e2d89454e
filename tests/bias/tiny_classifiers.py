"""Tiny random token classifiers of real architectures, saved as ordinary folders."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as hf

from sinklens.bias_records import GUS_LABELS
from tests.capture.tiny_models import CONFIGS, tiny_tokenizer

TEXT = "w1 w2 w3, w4 w5 w6. w7 w8"


def save_classifier(
    folder: Path,
    family: str = "bert",
    labels: tuple[str, ...] = GUS_LABELS,
    *,
    tokenizer=None,
    seed: int = 0,
    **config,
) -> Path:
    """Save a random classifier with these labels and its tokenizer; return the folder."""
    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    settings = CONFIGS[family]()
    settings.update({"id2label": names, "label2id": {label: i for i, label in names.items()}, **config})
    model = hf.AutoModelForTokenClassification.from_config(settings)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2:
                parameter.normal_(0, 0.25)
    model.eval().save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    return folder
