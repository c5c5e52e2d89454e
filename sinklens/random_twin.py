"""The name of a model with random weights: same configuration and tokenizer, nothing learned.

A twin is asked for by this name like any other model, so that no cache can take the one for the other.
"""

from __future__ import annotations

import re

PATTERN = re.compile(r"^random weights \(seed (\d+)\) in (.+)$", re.DOTALL)


def twin_name(model: str, seed: int = 0) -> str:
    """What to ask for to get random weights in a model's configuration."""
    return f"random weights (seed {seed}) in {model}"


def read_twin_name(name: str) -> tuple[str, int] | None:
    """(model, seed) of a twin's name; None for every other name."""
    found = PATTERN.match(name.strip())
    return None if found is None else (found[2], int(found[1]))
