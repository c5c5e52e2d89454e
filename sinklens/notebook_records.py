"""The frozen records of an auditor's notebook: a claim, what speaks for and against it, what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """What one analysis says, as it is taken down."""

    source: str
    """Which analysis, such as "Heads taken away"."""
    sentence: str
    against: tuple[str, ...] = ()
    """What in it speaks against a claim that rests on it, one sentence each."""
    settings: dict[str, str] = field(default_factory=dict, hash=False)
    """What the analysis was asked, by name: with the conditions of the note it can be made again."""


@dataclass(frozen=True)
class Note:
    """One entry of the notebook."""

    identifier: str
    written: str
    """UTC, ISO 8601 with seconds."""
    claim: str
    evidence: str
    """In the writer's own words, "" for none; what was measured is in `findings`."""
    uncertainty: str
    next_step: str
    findings: tuple[Finding, ...] = ()
    conditions: dict[str, str] = field(default_factory=dict, hash=False)
    """Model, hashes, text, detector and versions, by name."""

    @property
    def against(self) -> tuple[str, ...]:
        """All evidence against the claim, each with the analysis that it comes from."""
        return tuple(f"{one.source}: {reason}" for one in self.findings for reason in one.against)
