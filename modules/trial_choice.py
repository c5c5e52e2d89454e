"""What the Intervene page is asked for: an edit, and the texts that it is tried on."""

from __future__ import annotations

from dataclasses import dataclass, field

from modules.edit_choice import EditWish

N_EXAMPLES = 3


@dataclass(frozen=True)
class TextsWish:
    """The texts of every trial beside the run's own."""

    n_examples: int = N_EXAMPLES
    """Of the bundled texts, in the order of `bench.EXAMPLE_ORDER`."""
    own: str = ""
    """One a line."""


@dataclass(frozen=True)
class TrialChoice:
    """Equal choices are equal trials of a run."""

    edit: EditWish = field(default_factory=EditWish)
    texts: TextsWish = field(default_factory=TextsWish)
