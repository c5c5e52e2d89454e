"""What a note of the auditor's notebook is made of, and how notebooks are put together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modules.bias_bench import BiasBench
from modules.bias_ranking import known
from modules.quantity import percent
from sinklens.analysis.counter_evidence import against_special_mass
from sinklens.analysis.notebook_export import notes_from_json
from sinklens.errors import BadSelection
from sinklens.export.provenance import provenance_of
from sinklens.notebook_records import Finding, Note

N_BYTES_MAX = 2_000_000
"""Of a notebook that is opened."""


def head_finding(bench: BiasBench) -> Finding:
    """The head in view, and how much of its attention goes to special tokens."""
    capture, stream = bench.state.capture(), bench.view.stream()
    layer, head = bench.view.head()
    received = capture.profile(stream).received[layer, head]
    tokens = capture.key_prompt(stream).tokens
    is_special = np.array([token.is_special for token in tokens])
    top = int(np.argmax(received))
    share = float(received[top] / received.sum())
    sentence = (
        f"Head {layer}.{head} gives most to “{tokens[top].label}” ({top}): {percent(share)} of all it gives."
    )
    against = against_special_mass(received, is_special, f"{layer}.{head}")
    return Finding("Head in view, in the run on screen", sentence, against, {"stream": stream})


def conditions(bench: BiasBench) -> dict[str, str]:
    """What the results of the page rest on, by name."""
    capture, text = bench.state.capture(), bench.text()
    facts = provenance_of(capture)
    found = {
        "model": facts.model, "model revision": facts.revision, "dtype": facts.dtype,
        "text": text, "text SHA-256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        "tokens SHA-256 of the run on screen": facts.tokens_sha256,
        "start token added": str(facts.bos_added),
        "edits of the run on screen": "; ".join(facts.edits) or "none",
        "stream": bench.view.stream(), "head in view": "{}.{}".format(*bench.view.head()),
        "SinkLens": facts.sinklens, **facts.packages,
    }  # fmt: skip
    decision = known(bench.decision)
    if decision is not None:
        info = decision.reading.detector
        found |= {"detector": info.name, "detector revision": info.revision}
        found["thresholds"] = ", ".join(
            f"{label} {limit:.4f}" for label, limit in decision.thresholds.items()
        )
    return found


def next_name(notes: Sequence[Note]) -> str:
    """ "note 3" after "note 2", whichever were deleted in between."""
    numbers = [int(note.identifier.rpartition(" ")[2]) for note in notes if is_numbered(note)]
    return f"note {max(numbers, default=0) + 1}"


def is_numbered(note: Note) -> bool:
    return note.identifier.rpartition(" ")[2].isdecimal()


def merged(own: Sequence[Note], read: Sequence[Note]) -> tuple[Note, ...]:
    """Both, none twice; a note that shares only its name with another one gets the next."""
    found = list(own)
    for note in read:
        if note in found:
            continue
        is_taken = any(one.identifier == note.identifier for one in found)
        found.append(replace(note, identifier=next_name(found)) if is_taken else note)
    return tuple(found)


def read_notebook(path: Path) -> tuple[Note, ...]:
    """The notes of a file; BadSelection for one that is too large or no notebook."""
    if path.stat().st_size > N_BYTES_MAX:
        raise BadSelection(
            f"A notebook has at most {N_BYTES_MAX:,} bytes; this file has {path.stat().st_size:,}."
        )
    return notes_from_json(path.read_text("utf-8", errors="replace"))


def kept_notes(text: str) -> tuple[Note, ...]:
    """What the browser kept; nothing where another version, or another page, left something else."""
    try:
        return notes_from_json(text[:N_BYTES_MAX])
    except BadSelection:
        return ()
