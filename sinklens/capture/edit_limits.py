"""Which edits a model can take, said before the pass."""

from __future__ import annotations

from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import BadIntervention
from sinklens.interventions import (
    ChangeTokens,
    EvictAtRandom,
    Intervention,
    KeepCache,
    PatchContribution,
    SetDimensions,
    StreamShape,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    check_interventions,
)
from sinklens.interventions.scope import check_range
from sinklens.records import Prompt


def check_edits(
    loaded: LoadedModel,
    interventions: tuple[Intervention, ...],
    prompt: Prompt,
    target: Prompt | None = None,
) -> None:
    """Raise BadIntervention unless the model and this text can take all of these edits.

    Parameters
    ----------
    prompt, target : after all ChangeTokens, which `changed_prompt` has checked
    """
    if not interventions:
        return
    info = loaded.info
    if info.capture_path != "attention interface":
        raise BadIntervention(
            f"'{info.name}' ({info.family}) is captured through eager hooks: "
            "its attention can be shown but not edited."
        )
    check_interventions(interventions, shapes=stream_shapes(loaded, prompt, target))
    for edit in interventions:
        _check_model(loaded, edit)


def stream_shapes(
    loaded: LoadedModel, prompt: Prompt, target: Prompt | None = None
) -> dict[str, StreamShape]:
    """The size of every attention stream of a run over this text."""
    layers, heads = loaded.info.n_layers, loaded.info.n_heads
    own, other = len(prompt), len(target or prompt)
    if not loaded.is_encoder_decoder:
        return {"self": StreamShape(layers, heads, own)}
    lengths = {"encoder": own, "decoder": other, "cross": own}
    return {stream: StreamShape(layers, heads, n_keys) for stream, n_keys in lengths.items()}


def _check_model(loaded: LoadedModel, edit: Intervention) -> None:
    if isinstance(edit, KeepCache | EvictAtRandom):
        _check_cache(loaded, edit)
    elif isinstance(edit, ZeroQueryBias):
        _check_query_bias(loaded, edit)
    elif isinstance(edit, SwapPositions):
        _check_swap(loaded)
    elif isinstance(edit, Temperature):
        _check_temperature(loaded, edit)
    elif isinstance(edit, SetDimensions):
        _check_stream(edit, ("self", "decoder"), "The states that an edit can set are the decoder's")
        check_range("dimension", edit.dimensions, loaded.info.hidden_size)
    elif isinstance(edit, ChangeTokens):
        _check_stream(edit, ("self", "encoder", "decoder"), "Tokens belong to the encoder or the decoder")
    elif isinstance(edit, PatchContribution) and edit.vectors.shape[2] != loaded.info.head_dim:
        raise BadIntervention(
            f"The heads of '{loaded.info.name}' have vectors of {loaded.info.head_dim} numbers; "
            f"those of the patch have {edit.vectors.shape[2]}."
        )


def _check_stream(edit: Intervention, streams: tuple[str, ...], sentence: str) -> None:
    if edit.stream not in streams:
        raise BadIntervention(f"{sentence}; the edit asks for '{edit.stream}'.")


def _check_cache(loaded: LoadedModel, edit: KeepCache | EvictAtRandom) -> None:
    info = loaded.info
    if not info.is_causal:
        raise BadIntervention(f"A key-value cache belongs to causal models; '{info.name}' reads both ways.")
    _check_stream(edit, ("self", "decoder"), "A key-value cache belongs to causal attention")
    if edit.needs_rotation and loaded.rotary is None:
        known = "whose rotation SinkLens does not know" if info.positions == "rotary" else "not rotary ones"
        raise BadIntervention(
            "Positions in a cache can be counted anew only where keys are turned by their position; "
            f"'{info.name}' has {info.positions} positions, {known}."
        )


def _check_temperature(loaded: LoadedModel, edit: Temperature) -> None:
    config = loaded.model.config.get_text_config()
    is_capped = getattr(config, "attn_logit_softcapping", None) is not None
    if is_capped and (edit.heads, edit.pairs) != (None, None):
        raise BadIntervention(
            f"'{loaded.info.name}' caps its scores, so that a temperature is for all heads of a layer."
        )


def _check_swap(loaded: LoadedModel) -> None:
    info = loaded.info
    if info.positions != "learned":
        raise BadIntervention(
            f"Positions can be swapped in models with a learned vector for each; '{info.name}' has "
            f"{info.positions} positions."
        )
    if loaded.first_position is None:
        raise BadIntervention(f"'{info.name}' ({info.family}) does not take positions from outside.")


def _check_query_bias(loaded: LoadedModel, edit: ZeroQueryBias) -> None:
    info = loaded.info
    if len(loaded.query_projections(edit.stream)) < len(loaded.attention_paths(edit.stream)):
        raise BadIntervention(f"No bias was found in the queries of '{info.name}' ({info.family}).")
