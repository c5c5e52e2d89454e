"""Tiny models run plainly by transformers, with hooks of their own, beside the captures of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import transformers as hf

from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import ENCODER_DECODER, TARGET, TEXT, save_tiny

LAYER = 1


class TracedRuns(dict):
    """family -> (engine, capture)"""

    def __init__(self, tmp_path_factory) -> None:
        super().__init__()
        self._factory = tmp_path_factory

    def __missing__(self, family):
        folder = save_tiny(family, self._factory.mktemp(family))
        engine = Engine()
        target = TARGET if family in ENCODER_DECODER else None
        self[family] = engine, engine.capture(CaptureRequest(str(folder), TEXT, target=target))
        return self[family]


def plain_run(capture, watch: dict[str, str]) -> tuple:
    """Outputs of a model that SinkLens never touched, eager attention, and inputs or outputs of modules.

    Parameters
    ----------
    watch : path of a module -> "in" or "out"
    """
    name = capture.request.model
    auto = hf.AutoModelForCausalLM
    if capture.target is not None:
        auto = hf.AutoModelForSeq2SeqLM
    elif capture.model.kind == "encoder":
        auto = hf.AutoModelForMaskedLM
    model = auto.from_pretrained(name, attn_implementation="eager").eval()
    seen = {}

    def keep(path: str, side: str) -> Callable:
        def hook(module, args, kwargs, output):
            value = (args[0] if args else kwargs["hidden_states"]) if side == "in" else output
            value = value[0] if isinstance(value, tuple) else value
            seen[path] = value.detach().reshape(-1, value.shape[-1]).clone()

        return hook

    for path, side in watch.items():
        model.get_submodule(path).register_forward_hook(keep(path, side), with_kwargs=True)
    inputs = {"input_ids": torch.tensor([capture.prompt.ids])}
    if capture.target is not None:
        inputs["decoder_input_ids"] = torch.tensor([capture.target.ids])
    with torch.no_grad():
        return model, model(**inputs, output_hidden_states=True, output_attentions=True), seen


def block_path(runs, family: str, layer: int = LAYER) -> str:
    engine, capture = runs[family]
    names = engine.model(capture.request.model).blocks()
    return names[layer % len(names)]


def norms(values) -> np.ndarray:
    return torch.linalg.vector_norm(torch.as_tensor(values), dim=-1).numpy()
