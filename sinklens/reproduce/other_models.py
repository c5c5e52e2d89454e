"""Published numbers of larger models as data: those that do not depend on which text was read.

A causal model's first token sees itself alone. Behind a fixed BOS its hidden state is therefore the same for
every text, so that massive activations at position 0 can be compared without the paper's corpus. The range
that the result files give over layers is the tolerance. A text that repeats one token has no first token that
differs: with rotary positions the sink is gone (Gu et al. 2025, table 1 and proposition 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.reproduce.claims import Claim
from sinklens.reproduce.published import MASSIVE, MASSIVE_TEXT

GU = "Gu et al. 2025 (arXiv 2410.10781), table 1, repeated tokens"
N_REPEATS = 64
RATE_TOLERANCE = 0.5
LLAMA_2, LLAMA_3 = "meta-llama/Llama-2-7b-hf", "meta-llama/Meta-Llama-3-8B"


@dataclass(frozen=True)
class MassiveActivation:
    """Largest |h| at the BOS after a block in the middle of the model, float32."""

    model: str
    expected: float
    tolerance: float


MASSIVE_ACTIVATIONS = (
    MassiveActivation("meta-llama/Llama-3.2-1B", 217.0, 3.0),
    MassiveActivation("meta-llama/Llama-3.2-3B", 328.0, 4.0),
    MassiveActivation(LLAMA_2, 2408.0, 24.0),
    MassiveActivation("mistralai/Mistral-7B-v0.3", 284.0, 12.0),
)
REPEATED = (
    # SentencePiece puts the space in front of the first word itself; Llama 3 has to be given it.
    ("mistralai/Mistral-7B-v0.1", "the"),
    (LLAMA_2, "the"),
    (LLAMA_3, " the"),
)
"""Model, and the first word of the text."""


def other_model_claims() -> tuple[Claim, ...]:
    """Every published number of a model other than GPT-2 small."""
    return (*map(_massive, MASSIVE_ACTIVATIONS), *(_repeated(*row) for row in REPEATED))


def _massive(row: MassiveActivation) -> Claim:
    return Claim(
        key=f"massive-{row.model}",
        group="Larger models, massive activations",
        title=f"{row.model}: largest |h| of BOS after block 9",
        expected=row.expected,
        tolerance=row.tolerance,
        unit="",
        source=MASSIVE,
        measurement="largest after block 9",
        model=row.model,
        text=MASSIVE_TEXT,
        add_bos=True,
    )


def _repeated(model: str, first: str) -> Claim:
    return Claim(
        key=f"repeated-{model}",
        group="Larger models, one token repeated",
        title=f"{model}: heads above 0.3 when “the” stands {N_REPEATS} times",
        expected=0.0,
        tolerance=RATE_TOLERANCE,
        unit="%",
        source=GU,
        measurement="sink rate 0.3",
        model=model,
        text=first + " the" * (N_REPEATS - 1),
        add_bos=False,
    )
