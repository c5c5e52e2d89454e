"""Runs that were not computed here and now: saved analyses, and attention from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinklens.attention_import import arrays_in_memory, capture_from_attention
from sinklens.capture.engine import Engine
from sinklens.opened_file import open_file
from sinklens.run import Run, shared_engine
from sinklens.settings import Settings


def open(
    path: Path | str,
    *,
    tokens: Sequence[str] | None = None,
    is_causal: bool | None = None,
    rest_is_sink: bool = False,
    engine: Engine | None = None,
    settings: Settings | None = None,
) -> Run:
    """Open a saved analysis, or attention that another program has stored.

    Parameters
    ----------
    path : a file of `Run.save`; or .npz, .npy or safetensors with attention (see `attention_file`)
    tokens, is_causal, rest_is_sink : of attention, as in `from_attention`

    Raises
    ------
    DamagedFile, BadSelection, NotEnoughMemory
        With a sentence that says what is wrong with the file.
    FileNotFoundError
    """
    limit = (settings or Settings()).max_attention_file_bytes
    choices = {"tokens": tokens, "is_causal": is_causal, "rest_is_sink": rest_is_sink}
    return Run(open_file(path, **choices, max_bytes=limit).as_run, engine or shared_engine())


def from_attention(
    weights,
    tokens: Sequence[str] | None = None,
    *,
    is_causal: bool | None = None,
    rest_is_sink: bool = False,
    name: str = "attention",
    engine: Engine | None = None,
) -> Run:
    """Every analysis that reads attention alone, for maps that another library has computed.

    Parameters
    ----------
    weights : an array (L, H, Q, K); `outputs.attentions` of transformers; or a TransformerLens cache
    tokens : one string per position
    is_causal : may a query see what follows it? None: read off the arrays
    rest_is_sink : rows that sum to less than 1 give the rest to a sink that is no token

    Raises
    ------
    DamagedFile, BadSelection
        With a sentence that says what is wrong with the arrays.
    """
    capture = capture_from_attention(
        arrays_in_memory(weights), tokens, is_causal=is_causal, rest_is_sink=rest_is_sink, name=name
    )
    return Run(capture, engine or shared_engine())
