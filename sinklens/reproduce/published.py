"""Published numbers as data: attention to the first token and massive activations in GPT-2 small.

The first are from the result file of attention-sink-explorer, made without a BOS token, all queries counted,
query 0 among them; their tolerance is that of half precision. The second are from the result files of
"refined" massive activations (Owen et al. 2025, arXiv 2503.22329), means over ten windows of 1,024 tokens;
a first token of another text changes them by a few tenths of a per cent.
"""

from __future__ import annotations

from sinklens.reproduce.claims import Claim

GPT2 = "openai-community/gpt2"
EXPLORER = "attention-sink-explorer, result CSV"
DERIVED = "attention-sink-explorer, derived from its layer x head figure"
HALF_PRECISION = 0.05
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Artificial intelligence has revolutionized the way we process information and solve complex problems.",
    "In the depths of the ocean, mysterious creatures thrive in complete darkness, adapted to extreme "
    "pressure and cold temperatures.",
    "The economic implications of climate change extend far beyond environmental concerns, affecting "
    "global trade, agriculture, and social stability.",
    "Machine learning algorithms, particularly deep neural networks, have demonstrated remarkable "
    "capabilities in pattern recognition, natural language processing, and decision-making tasks across "
    "diverse domains.",
)
NUMBERS = (
    (69.37524, 99.43293, 20.387987, 31.713497),
    (63.311935, 99.387, 25.88524, 44.82129),
    (59.72322, 99.463196, 31.13921, 47.545135),
    (60.869053, 99.572334, 32.666004, 46.937515),
    (56.642456, 99.28988, 37.885723, 49.759384),
)
"""Mean %, largest head %, ratio, progression in points, by text."""
COLUMNS = (
    ("mean percent", "mean attention to the first token", "%", HALF_PRECISION),
    ("largest head percent", "largest head", "%", HALF_PRECISION),
    ("ratio", "first token over the mean of the others", "x", HALF_PRECISION),
    ("progression", "last three layers minus first three", "points", 2 * HALF_PRECISION),
)
FOX_NUMBERS = (
    ("sink rate 0.3", "heads above 0.3", 93.75, 0.01),
    ("sink rate 0.5", "heads above 0.5", 79.9, 0.1),
    ("sink rate 0.8", "heads above 0.8", 38.9, 0.1),
    ("head 5.1", "head 5.1", 99.4, 0.1),
    ("head 7.2", "head 7.2", 99.0, 0.1),
    ("head 0.4", "head 0.4", 21.4, 0.1),
    ("head 11.8", "head 11.8", 10.0, 0.1),
)
MASSIVE = "refine_massive_activations, result files (Owen et al. 2025)"
MASSIVE_TEXT = "Summer is warm. Winter is cold."
MASSIVE_NUMBERS = (
    ("largest after block 2", "largest |h| of token 0 after block 2", 2478.4, 25.0),
    ("largest after block 9", "largest |h| of token 0 after block 9", 3024.0, 30.0),
    ("dimension after block 2", "its dimension", 447.0, 0.0),
)


def published_claims(model: str = GPT2) -> tuple[Claim, ...]:
    """Every published number that is checked, for the model under the name that it has here."""
    return (*_explorer_rows(model), *_fox_rows(model), *_massive_rows(model))


def _explorer_rows(model: str) -> tuple[Claim, ...]:
    return tuple(
        Claim(
            key=f"explorer-{number}-{measurement.replace(' ', '-')}",
            group="GPT-2 small, attention to the first token",
            title=f"“{_short(text)}”: {what}",
            expected=expected,
            tolerance=tolerance,
            unit=unit,
            source=EXPLORER,
            measurement=measurement,
            model=model,
            text=text,
            add_bos=False,
        )
        for number, (text, numbers) in enumerate(zip(TEXTS, NUMBERS, strict=True), start=1)
        for (measurement, what, unit, tolerance), expected in zip(COLUMNS, numbers, strict=True)
    )


def _fox_rows(model: str) -> tuple[Claim, ...]:
    return tuple(
        Claim(
            key=f"fox-{measurement.replace(' ', '-')}",
            group="GPT-2 small, heads",
            title=f"“{_short(TEXTS[0])}”: {what}",
            expected=expected,
            tolerance=tolerance,
            unit="%",
            source=DERIVED,
            measurement=measurement,
            model=model,
            text=TEXTS[0],
            add_bos=False,
        )
        for measurement, what, expected, tolerance in FOX_NUMBERS
    )


def _massive_rows(model: str) -> tuple[Claim, ...]:
    return tuple(
        Claim(
            key=f"massive-{measurement.replace(' ', '-')}",
            group="GPT-2 small, massive activations",
            title=f"“{_short(MASSIVE_TEXT)}”: {what}",
            expected=expected,
            tolerance=tolerance,
            unit="",
            source=MASSIVE,
            measurement=measurement,
            model=model,
            text=MASSIVE_TEXT,
            add_bos=False,
        )
        for measurement, what, expected, tolerance in MASSIVE_NUMBERS
    )


def _short(text: str, n_chars: int = 28) -> str:
    return text if len(text) <= n_chars else text[:n_chars].rstrip() + "…"
