"""The frozen records of contrast benchmarks: the same statement in versions, and what a model gives each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ContrastItem:
    """One item of a benchmark."""

    benchmark: str
    identifier: str
    group: str
    """What kind of group it is about, e.g. "gender"."""
    target: str
    """Which group or occupation, "" where the benchmark does not say."""
    stereotype: str
    """The version that goes with the stereotype."""
    anti_stereotype: str
    unrelated: str | None = None
    """A version without meaning, where there is one."""
    context: str = ""
    """A sentence before all versions."""
    kind: str = ""
    """A part of the benchmark, e.g. "intrasentence" or "type 2"."""

    @property
    def versions(self) -> dict[str, str]:
        """Role -> full text."""
        texts = {"stereotype": self.stereotype, "anti_stereotype": self.anti_stereotype}
        if self.unrelated is not None:
            texts["unrelated"] = self.unrelated
        return {role: f"{self.context} {text}".strip() for role, text in texts.items()}


@dataclass(frozen=True)
class ItemScore:
    """How likely a model finds the versions of an item."""

    item: ContrastItem
    scores: dict[str, float]
    """Role -> log likelihood, nats; larger is likelier."""
    n_tokens: dict[str, int]
    """Role -> tokens that were scored."""
    how: str
    """"causal, mean", "masked, shared tokens", ..."""

    @property
    def preference(self) -> float:
        """Score of the stereotype minus that of the anti-stereotype, nats."""
        return self.scores["stereotype"] - self.scores["anti_stereotype"]


@dataclass(frozen=True)
class LeftOut:
    """An item that could not be scored, or a row that could not be read, with the reason."""

    identifier: str
    reason: str
