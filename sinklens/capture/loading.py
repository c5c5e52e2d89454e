"""Loads a model once, safely, and finds out how it can be captured."""

from __future__ import annotations

import re
import threading

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sinklens.capture.architecture import head_class, n_tokens_max, positions, stream_of
from sinklens.capture.device import Placement, choose_device, choose_dtype
from sinklens.capture.loaded_model import LoadedModel, install_observers, install_query_observers
from sinklens.capture.model_source import ModelSource, card_facts
from sinklens.capture.off_by_one import is_off_by_one_config
from sinklens.capture.probe import Probe, probe_attention, probe_inputs
from sinklens.capture.tokenising import adds_bos
from sinklens.errors import ModelRefused
from sinklens.records import ModelInfo

CLASSES = {
    "seq2seq": AutoModelForSeq2SeqLM,
    "causal": AutoModelForCausalLM,
    "masked": AutoModelForMaskedLM,
    "base": AutoModel,
}

_ONE_AT_A_TIME = threading.Lock()
"""While transformers builds a model, switches of the whole process are set: two at once lose tied weights."""


def load_model(
    source: ModelSource, *, seed: int | None = None, placement: Placement | None = None
) -> LoadedModel:
    """Read configuration, tokenizer and weights, and install the capture.

    With a seed no weights are read: the model starts as an untrained one of its configuration would.

    Raises
    ------
    ModelRefused
        Damaged files, code of its own, no tokenizer, no attention to look at, or no such device.
    """
    placement = placement or Placement()
    config = read_config(source)
    tokenizer = read_tokenizer(source)
    device, device_reason = choose_device(placement.device)
    dtype, dtype_reason = choose_dtype(getattr(config, "dtype", None), device, placement.dtype)
    spread = placement.spread(source.name)
    if seed is None:
        model, has_head = _weights(source, config, dtype, spread)
    else:
        model, has_head = _untrained(config, dtype, seed)
    model = (model if spread else _placed(model, device, source)).eval()
    probe = probe_attention(model, config)
    if not probe.attention_names:
        raise ModelRefused(
            f"'{source.name}' ({config.model_type}) has no attention that can be shown: none of its layers "
            "computes attention weights."
        )
    loaded = LoadedModel(
        model=model,
        tokenizer=tokenizer,
        info=_info(source, config, model, tokenizer, probe, has_head),
        attention_names=probe.attention_names,
        streams=_streams(probe, config),
        n_attention_calls=probe.n_calls,
    )
    loaded.with_info(
        dtype=str(dtype).removeprefix("torch."),
        dtype_reason=dtype_reason,
        device=device.type,
        device_reason=device_reason,
        card=card_facts(source.folder),
    )
    install_observers(model, loaded.blocks(), _trunk(model, config, has_head))
    install_query_observers(loaded)
    return loaded


def read_config(source: ModelSource) -> PretrainedConfig:
    """The configuration of a checkpoint; ModelRefused where transformers cannot use it."""
    try:
        config = AutoConfig.from_pretrained(source.folder, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelRefused(f"The config.json of '{source.name}' cannot be used: {reason}") from error
    return config


def read_tokenizer(source: ModelSource, **choices) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint; ModelRefused without a usable one."""
    problem = f"'{source.name}' has no usable tokenizer (tokenizer.json was expected in its folder)."
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.tokenizer_folder, trust_remote_code=False, **choices)
    except (ValueError, KeyError, OSError, TypeError, ImportError) as error:
        raise ModelRefused(problem) from error
    # Without any file transformers makes up a tokenizer that knows its special tokens and no word.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelRefused(problem)
    return tokenizer


def _weights(
    source: ModelSource, config: PretrainedConfig, dtype: torch.dtype, spread: dict
) -> tuple[PreTrainedModel, bool]:
    """The model and whether its prediction head was really in the checkpoint."""
    kind = head_class(config)
    model, missing = read_weights(source, CLASSES[kind], dtype, **spread)
    if kind != "base" and missing:
        # A head that is not in the checkpoint would be random: its predictions would mean nothing.
        base_prefix = model.base_model_prefix
        if all(not key.startswith(base_prefix + ".") for key in missing):
            model, missing = read_weights(source, CLASSES["base"], dtype, **spread)
            kind = "base"
    missing = [key for key in missing if "pooler" not in key]
    if missing:
        raise ModelRefused(
            f"'{source.name}' is incomplete: {len(missing)} of its weights are missing ({missing[0]}, ...)."
        )
    return model, kind != "base"


def _untrained(config: PretrainedConfig, dtype: torch.dtype, seed: int) -> tuple[PreTrainedModel, bool]:
    """A model with the initial weights of its family."""
    kind = head_class(config)
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLASSES[kind].from_config(config, dtype=dtype), kind != "base"


def _placed(model: PreTrainedModel, device: torch.device, source: ModelSource) -> PreTrainedModel:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelRefused(f"'{source.name}' cannot be put on '{device}': {reason}") from error


def read_weights(
    source: ModelSource, auto_class, dtype: torch.dtype, **choices
) -> tuple[PreTrainedModel, list[str]]:
    """A checkpoint as one of transformers' auto classes, and the names of the weights that it lacks.

    Raises
    ------
    ModelRefused
        The files are damaged or of another kind of model.
    """
    try:
        with _ONE_AT_A_TIME:
            model, report = auto_class.from_pretrained(
                source.folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **choices,
            )
    except SafetensorError as error:
        raise ModelRefused(
            f"The weights of '{source.name}' are damaged: a .safetensors file does not read back ({error})."
        ) from error
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ModelRefused(f"'{source.name}' cannot be loaded: {reason}") from error
    return model, sorted(report["missing_keys"])


def _trunk(model: PreTrainedModel, config: PretrainedConfig, has_head: bool) -> torch.nn.Module:
    """The module whose output the prediction head reads: the first candidate that a pass really calls.

    OPT, for one, calls its decoder past the base model.
    """
    if not has_head:
        return model
    candidates = (
        [model.get_decoder()] if config.is_encoder_decoder else [model.base_model, model.get_decoder()]
    )
    called = []
    handles = [c.register_forward_hook(lambda module, *_: called.append(module)) for c in candidates]
    with torch.inference_mode():
        model(**probe_inputs(model, config))
    for handle in handles:
        handle.remove()
    return next(candidate for candidate in candidates if candidate in called)


def _streams(probe: Probe, config: PretrainedConfig) -> dict[int, str]:
    return {
        key: stream_of(name, is_encoder_decoder=config.is_encoder_decoder)
        for key, name in probe.attention_names.items()
    }


def _info(source, config, model, tokenizer, probe: Probe, has_head: bool) -> ModelInfo:
    text = config.get_text_config(decoder=True)
    n_heads = _first(text, "num_attention_heads", "num_heads", "decoder_attention_heads", "n_head")
    hidden = _first(text, "hidden_size", "d_model", "n_embd")
    kind = "encoder-decoder" if config.is_encoder_decoder else "decoder" if probe.is_causal else "encoder"
    is_off_by_one = probe.has_sink_logits and is_off_by_one_config(text)
    return ModelInfo(
        name=source.name,
        source=source.kind,
        revision=source.revision,
        family=config.model_type,
        architecture=type(model).__name__,
        kind=kind,
        is_causal=probe.is_causal,
        n_layers=_first(text, "num_hidden_layers", "num_layers", "n_layer", "decoder_layers"),
        n_heads=n_heads,
        n_kv_heads=getattr(text, "num_key_value_heads", None) or n_heads,
        head_dim=getattr(text, "head_dim", None) or getattr(text, "d_kv", None) or hidden // n_heads,
        hidden_size=hidden,
        n_parameters=sum(p.numel() for p in {p.data_ptr(): p for p in model.parameters()}.values()),
        vocabulary_size=len(tokenizer),
        positions=positions(text),
        n_tokens_max=n_tokens_max(text),
        dtype="",
        dtype_reason="",
        device="",
        device_reason="",
        capture_path="attention interface" if probe.uses_interface else "eager hooks",
        has_lm_head=has_head,
        has_learned_sinks=probe.has_sink_logits and not is_off_by_one,
        is_off_by_one=is_off_by_one,
        sliding_window=getattr(text, "sliding_window", None)
        if getattr(text, "use_sliding_window", True)
        else None,
        bos_token=tokenizer.bos_token or tokenizer.cls_token,
        adds_bos=adds_bos(tokenizer),
        mask_token=tokenizer.mask_token if re.search("Masked|PreTraining", type(model).__name__) else None,
    )


def _first(config: PretrainedConfig, *names: str) -> int:
    return next(value for name in names if (value := getattr(config, name, None)))
