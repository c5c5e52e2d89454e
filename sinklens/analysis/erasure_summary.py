"""What erasure curves amount to, and whether an order is better than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.attribution_records import ErasureCurve


@dataclass(frozen=True)
class ErasureSummary:
    """One curve as one number, beside the same number of random orders."""

    method: str
    order: str
    drop: float
    """Mean distance to the whole text's number over the curve, 0 % and 100 % left out."""
    random_drop: float
    """Mean of the same over random orders."""
    random_low: float
    """The smallest and the largest of the random orders."""
    random_high: float
    beyond: float
    """How much better than random the order is: more drop for deletion, less for insertion."""
    p: float
    """(1 + random orders that are at least as good) / (1 + random orders)."""

    def sentence(self, n_random: int) -> str:
        """The finding, without more than it says."""
        better = "better" if self.beyond > 0 else "worse"
        return (
            f"{self.method}: {abs(self.beyond):.3f} {better} than the mean of {n_random} random orders "
            f"(p = {self.p:.2g}, smallest possible {1 / (1 + n_random):.2g})."
        )


def erasure_summary(curve: ErasureCurve) -> ErasureSummary:
    """Comprehensiveness of a deletion curve, sufficiency of an insertion curve.

    Formula: mean over the points between of F(x) - F(x with these tokens replaced)
    Source: DeYoung et al. 2020 (arXiv 1911.03429), area over the perturbation curve. Where the number is one
        that falls when the text is whole (a loss), the sign is turned, so that large is always much lost.
    """
    sign = 1.0 if curve.full >= curve.empty else -1.0
    own = _drop(curve.values, curve.full, sign)
    random = np.array([_drop(values, curve.full, sign) for values in curve.random])
    towards = 1.0 if curve.order == "deletion" else -1.0
    as_good = (towards * random >= towards * own - 1e-12).sum()
    known = len(random) > 0
    return ErasureSummary(
        method=curve.method,
        order=curve.order,
        drop=own,
        random_drop=float(random.mean()) if known else float("nan"),
        random_low=float(random.min()) if known else float("nan"),
        random_high=float(random.max()) if known else float("nan"),
        beyond=float(towards * (own - random.mean())) if known else float("nan"),
        p=float((1 + as_good) / (1 + len(random))),
    )


def erasure_table(curves: Sequence[ErasureCurve]) -> pd.DataFrame:
    """One row per curve; columns as the fields of `ErasureSummary`."""
    return pd.DataFrame([vars(erasure_summary(curve)) for curve in curves])


def _drop(values: np.ndarray, full: float, sign: float) -> float:
    """Mean distance of the inner points; of both ends where there is none."""
    inner = values[1:-1] if len(values) > 2 else values
    return float(sign * (full - inner).mean())
