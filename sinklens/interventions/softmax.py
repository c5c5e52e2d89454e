"""Edits of how scores become weights."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.interventions.scope import Scope, StreamShape, check_between


@dataclass(frozen=True, kw_only=True)
class OffByOneSoftmax(Scope):
    """One more key of score 0 and value zero: exp(x) / (1 + sum exp(x)) (Miller 2023).

    Models with learned sinks have theirs set to this score.
    """

    def sentence(self) -> str:
        return f"softmax off by one in {self.where()}"


@dataclass(frozen=True, kw_only=True)
class Temperature(Scope):
    """Divide the scores by a temperature before mask and softmax, a learned sink's among them.

    After soft-capping, where the model has it; then it holds for all heads of a layer.
    """

    temperature: float
    """Below 1 sharpens, above 1 flattens, 1 changes nothing; range 0.05 to 20."""

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_between("A temperature", self.temperature, 0.05, 20)

    def sentence(self) -> str:
        return f"temperature {self.temperature:g} in {self.where()}"


@dataclass(frozen=True, kw_only=True)
class ZeroQueryBias(Scope):
    """Take the bias out of the queries: in GPT-2 it points at the sink's key (Ran-Milo et al. 2026)."""

    def sentence(self) -> str:
        return f"zero the query bias in {self.where()}"
