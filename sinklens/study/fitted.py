"""Static vectors of a study's edits, with the texts that they were made from."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.interventions import StaticVectors


@dataclass(frozen=True)
class FittedVectors:
    """What one edit puts in place of a contribution."""

    vectors: StaticVectors | None
    text_ids: tuple[int, ...]
    """Texts that are left out of this edit's rows, because the vectors were made from them."""
    reason: str = ""
    """Why there are no vectors."""

    @classmethod
    def of(cls, record: dict) -> FittedVectors:
        """From `vectors/*.json`."""
        if "error" in record:
            return cls(None, tuple(record["texts"]), record["error"])
        return cls(StaticVectors(tuple(record["shape"]), record["base64"]), tuple(record["texts"]))

    def why_not(self, text_id: int) -> str:
        """Why a text is left out; empty where it is not."""
        if self.vectors is None:
            return f"The static vector of this edit could not be made: {self.reason}"
        if text_id in self.text_ids:
            return "Left out: the static vector of this edit was made from this text, among others."
        return ""


Fitted = dict[tuple[str, int], FittedVectors]
"""(name of the intervention, number of the edit) -> its vectors."""
