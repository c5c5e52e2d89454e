"""What is looked at in a run, as a link or a saved analysis names it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sinklens.opened_file import as_asked
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import Capture, Profile


@dataclass(frozen=True)
class Selection:
    """What is looked at in a run."""

    stream: str | None = None
    """None: the main one."""
    head: tuple[int, int] | None = None
    """None: the one that rests most on the first token."""
    token: int | None = None

    def within(self, capture: Capture) -> tuple[Selection, tuple[str, ...]]:
        """What of it the run has, and what it lacks, in words such as "layer=9"."""
        lacking = []
        stream = self.stream if self.stream in capture.profiles else None
        if self.stream is not None and stream is None:
            lacking.append(f"stream={self.stream}")
        profile = capture.profile(stream)
        head, token = self.head, self.token
        if head is not None and not (head[0] < profile.n_layers and head[1] < profile.n_heads):
            lacking.append(f"layer={head[0]}, head={head[1]}")
            head = None
        if token is not None and token >= len(capture.key_prompt(stream)):
            lacking.append(f"token={token}")
            token = None
        return Selection(stream, head, token), tuple(lacking)


def nearest_head(profile: Profile, head: tuple[int, int]) -> tuple[int, int]:
    """(layer, head), or the nearest ones that there are."""
    return min(head[0], profile.n_layers - 1), min(head[1], profile.n_heads - 1)


def is_same_run(one: CaptureRequest, other: CaptureRequest) -> bool:
    """Would both give the same numbers, whatever else is kept of the runs?"""
    plan = CapturePlan()
    return replace(as_asked(one), plan=plan) == replace(as_asked(other), plan=plan)
