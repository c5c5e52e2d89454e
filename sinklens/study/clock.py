"""How far a run is, and when it will be done: counted in tokens, because texts differ in length."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sinklens.study.records import Progress

CHARS_PER_TOKEN = 4
"""Only for the order of magnitude: the rate is that of the same estimate."""


def work_of(text: dict, max_tokens: int | None) -> float:
    """About how many tokens a text has; what a pass over it costs."""
    n = text["n_tokens_asked"] or max(1.0, text["n_chars"] / CHARS_PER_TOKEN)
    return float(min(n, max_tokens) if max_tokens is not None else n)


@dataclass(eq=False)
class _Share:
    """One model's part of the work."""

    work: float
    done: float = 0.0
    done_here: float = 0.0
    """In this run."""
    seconds: float = 0.0


@dataclass(eq=False)
class Clock:
    """Keeps the progress of one run."""

    now: Callable[[], float] = time.monotonic
    state: str = "reading"
    message: str = ""
    n_texts: int = 0
    n_texts_done: int = 0
    n_failures: int = 0
    model: str = ""
    n_tokens: int = 0
    """Tokens times passes of this run."""
    _shares: dict[str, _Share] = field(default_factory=dict)
    _since: float | None = None
    _most: float = 0.0
    _n_tokens_since: int = 0
    """Tokens when the shard in hand was begun."""

    def plan(self, model: str, work: float, n_texts: int) -> None:
        """A model's whole work."""
        self._shares[model] = _Share(work)
        self.n_texts += n_texts

    def begin(self, model: str) -> None:
        """A model's shards are begun; loading does not count."""
        self.model, self._since, self._n_tokens_since = model, self.now(), self.n_tokens

    def skip(self, model: str, work: float, n_texts: int) -> None:
        """Shards that were found on disk, or a model that cannot be run."""
        self._shares[model].done += work
        self.n_texts_done += n_texts

    def shard(self, work: float, n_texts: int, n_failures: int) -> None:
        """A shard is done."""
        share, now = self._shares[self.model], self.now()
        share.done += work
        share.done_here += work
        share.seconds += now - self._since
        self._since, self._n_tokens_since = now, self.n_tokens
        self.n_texts_done += n_texts
        self.n_failures += n_failures

    def progress(self) -> Progress:
        """Where the run is now."""
        seconds = sum(share.seconds for share in self._shares.values())
        open_seconds = self.now() - self._since if self._since is not None else 0.0
        total = seconds + open_seconds
        # What is in hand is judged by what is done: never go back where that was too much.
        self._most = max(self._most, sum(share.done for share in self._shares.values()) + self._in_hand())
        return Progress(
            state=self.state,
            n_texts_done=self.n_texts_done,
            n_texts=self.n_texts,
            work_done=self._most,
            work=sum(share.work for share in self._shares.values()),
            tokens_per_s=self.n_tokens / total if total > 0 and self.n_tokens else None,
            eta_s=self._eta(open_seconds),
            n_failures=self.n_failures,
            model=self.model,
            message=self.message,
        )

    def _passes(self) -> float | None:
        """Tokens times passes for one unit of work, from the shards that are done."""
        done = sum(share.done_here for share in self._shares.values())
        return self._n_tokens_since / done if done else None

    def _in_hand(self) -> float:
        """Work of the shards that are begun and not done; 0 before there is anything to judge it by."""
        passes = self._passes()
        if not passes or self.model not in self._shares:
            return 0.0
        left = self._shares[self.model].work - self._shares[self.model].done
        return min((self.n_tokens - self._n_tokens_since) / passes, max(left, 0.0))

    def _eta(self, open_seconds: float) -> float | None:
        """Seconds left: a model that runs at its own rate, those to come at that of all so far."""
        if self.state != "running":
            return 0.0 if self.state == "done" else None
        shares = self._shares.values()
        done, seconds = sum(s.done_here for s in shares), sum(s.seconds for s in shares)
        if not done:
            return None
        rest = 0.0
        for name, share in self._shares.items():
            left = share.work - share.done
            own = share.seconds / share.done_here if share.done_here else seconds / done
            if name == self.model:
                rest += max(left * own - open_seconds, 0.0)
            else:
                rest += max(left, 0.0) * own
        return rest
