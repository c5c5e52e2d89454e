"""The check of every loaded model: does what SinkLens shows equal what the model does?"""

from __future__ import annotations

import torch

from sinklens.capture.loaded_model import LoadedModel, attention_implementation
from sinklens.capture.off_by_one import REFERENCE
from sinklens.capture.prediction import apply_head
from sinklens.capture.probe import probe_inputs
from sinklens.interventions import MaskKeys
from sinklens.records import CapturePlan, Check

N_CHECK_TOKENS = 12
MAX_OUTPUT_DIFFERENCE = 2e-3
MAX_HALF_DIFFERENCE = 0.5
"""bfloat16 has 8 bits: logits of two correct implementations differ by this much."""
MAX_ROW_ERROR = 1e-4


def self_check(loaded: LoadedModel) -> tuple[Check, ...]:
    """Five measured facts about this model; a failed one is shown on the page, not hidden."""
    inputs = probe_inputs(loaded.model, loaded.model.config, N_CHECK_TOKENS)
    call = loaded.call(
        plan=CapturePlan(states=False, mean_maps=False), keep_mean_maps=False, keep_states=False
    )
    uses_interface = loaded.info.capture_path == "attention interface"
    if not uses_interface:
        return (_not_applicable("attention captured", "eager maps are the model's own, taken as they are"),)
    ours = _output(loaded, inputs, call)
    profiles = [builder.profile() for builder in call.builders.values()]
    return (
        _captured(profiles),
        _rows(profiles, loaded),
        _pattern(profiles, loaded),
        _same_output(loaded, inputs, ours),
        _edit_works(loaded, inputs, ours),
    )


def _output(loaded: LoadedModel, inputs: dict, call) -> torch.Tensor:
    """Logits (or final hidden states without a head) of a captured pass, shape (T, n)."""
    with torch.inference_mode(), call.running():
        loaded.model(**inputs)
    hidden = call.trunk_output[0]
    return apply_head(loaded, hidden) if loaded.info.has_lm_head else hidden.float()


def _captured(profiles) -> Check:
    n_maps = sum(p.n_layers * p.n_heads for p in profiles)
    return Check("attention captured", n_maps > 0, n_maps, 1, f"{n_maps} heads report their attention.")


def _rows(profiles, loaded: LoadedModel) -> Check:
    error = max(float(abs(1.0 - p.row_sum).max()) for p in profiles)
    if loaded.info.has_sink_logits:
        inside = all(bool(((p.row_sum > 0) & (p.row_sum <= 1 + MAX_ROW_ERROR)).all()) for p in profiles)
        sink = "extra key of the off-by-one softmax" if loaded.info.is_off_by_one else "learned sink"
        return Check("rows", inside, error, 1.0, f"Rows sum to 1 minus the {sink} (at most {error:.3f}).")
    passed = error <= MAX_ROW_ERROR
    return Check("rows", passed, error, MAX_ROW_ERROR, f"Rows sum to 1 within {error:.1e}.")


def _pattern(profiles, loaded: LoadedModel) -> Check:
    main = next(p for p in profiles if p.stream in ("self", "decoder"))
    names = {True: "causal", False: "bidirectional"}
    expected = loaded.info.is_causal
    return Check(
        "pattern",
        main.is_causal == expected,
        float(main.is_causal),
        float(expected),
        f"The mask is {names[main.is_causal]}; the model is {names[expected]}.",
    )


def _same_output(loaded: LoadedModel, inputs: dict, ours: torch.Tensor) -> Check:
    # transformers' own attention knows no off-by-one softmax.
    plain = REFERENCE if loaded.info.is_off_by_one else "eager"
    with attention_implementation(loaded.model, plain), torch.inference_mode():
        outputs = loaded.model(**inputs)
    reference = outputs.logits if loaded.info.has_lm_head else outputs.last_hidden_state
    difference = float((ours - reference[0].float()).abs().max())
    limit = MAX_OUTPUT_DIFFERENCE if loaded.info.dtype == "float32" else MAX_HALF_DIFFERENCE
    return Check(
        "same output",
        difference <= limit,
        difference,
        limit,
        f"The output equals {_reference_words(loaded)} within {difference:.1e}.",
    )


def _reference_words(loaded: LoadedModel) -> str:
    if loaded.info.is_off_by_one:
        return "that of plain attention with one more key of score 0 (transformers has no off-by-one softmax)"
    return "the model's own"


def _edit_works(loaded: LoadedModel, inputs: dict, ours: torch.Tensor) -> Check:
    stream = "cross" if loaded.is_encoder_decoder else "self"
    call = loaded.call(
        plan=CapturePlan(states=False),
        keep_states=False,
        keep_mean_maps=False,
        interventions=(MaskKeys(stream=stream, keys=(1,)),),
    )
    change = float((_output(loaded, inputs, call) - ours).abs().max())
    return Check(
        "edits work", change > 0, change, 0.0, f"Masking one token changes the output by {change:.1e}."
    )


def _not_applicable(name: str, reason: str) -> Check:
    return Check(name, None, None, None, f"Not checked: {reason}.")
