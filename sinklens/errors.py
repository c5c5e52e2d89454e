"""Every error that SinkLens raises on purpose.

The message of each is a sentence for the person who asked: what was expected and what came.
Pages, the API and the CLI show it as it is; anything else that is raised is a defect.
"""

from __future__ import annotations


class SinkLensError(Exception):
    """Base of all errors whose message may be shown to a user."""


class EmptyText(SinkLensError, ValueError):
    """The text has no token to analyse."""


class BadText(SinkLensError, ValueError):
    """The text holds something that is no character."""


class TextTooLong(SinkLensError, ValueError):
    """The text has more tokens than the model can take, and no policy was chosen."""

    def __init__(self, message: str, *, n_tokens: int, n_tokens_max: int) -> None:
        super().__init__(message)
        self.n_tokens = n_tokens
        self.n_tokens_max = n_tokens_max


class ModelNotFound(SinkLensError, LookupError):
    """No bundled model, folder or reachable hub model has this name."""


class ModelRefused(SinkLensError, ValueError):
    """The model exists but cannot be captured: no attention, unsafe or damaged files."""


class NotEnoughMemory(SinkLensError, MemoryError):
    """The estimate for a run is larger than the memory that is free."""

    def __init__(self, message: str, *, n_bytes_needed: int, n_bytes_free: int) -> None:
        super().__init__(message)
        self.n_bytes_needed = n_bytes_needed
        self.n_bytes_free = n_bytes_free


class BadIntervention(SinkLensError, ValueError):
    """An intervention names keys, layers or heads that this run does not have."""


class BadSelection(SinkLensError, LookupError):
    """A layer, head, token or stream outside the capture was asked for."""


class NotCaptured(SinkLensError, LookupError):
    """The capture plan did not keep what is asked for."""


class NotANumber(SinkLensError, ArithmeticError):
    """The model computes NaN or infinity."""


class DamagedFile(SinkLensError, ValueError):
    """A stored capture does not read back."""


class RunCancelled(SinkLensError):
    """The run was stopped between two layers because nobody waits for it any more."""


class QueueFull(SinkLensError):
    """So many requests wait for one model that no further one is taken."""


class TooManyRuns(SinkLensError):
    """One client has begun so many runs within a minute that it has to wait."""


class PipelineMissing(SinkLensError, LookupError):
    """No language pipeline can be loaded, so there are no tags."""


class NoOffsets(SinkLensError, ValueError):
    """The tokenizer does not say which characters a token stands for."""
