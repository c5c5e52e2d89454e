"""
What the demo models are held to, as data.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A number of the evaluation and the bound that it should keep."""

    key: str
    label: str
    bound: float
    at_least: bool

    def is_met(self, number: float | None) -> bool:
        """Return whether a measured number keeps the bound; what could not be measured does not."""
        if number is None:
            return False
        return number >= self.bound if self.at_least else number <= self.bound


DECODER_TARGETS = (
    Target("trigram_margin", "Held-out loss below the trigram model, nats", 0.4, True),
    Target("sink_rate", "First-token sink rate at 0.3", 0.25, True),
    Target("max_head_share", "Largest head share on token 0, query 0 left out", 0.9, True),
    Target("sink_head_drain", "Median value drain of the sink heads", 0.5, False),
    Target("max_norm_ratio", "First-token hidden norm over the others, best layer", 5.0, True),
)
TWIN_TARGETS = (
    DECODER_TARGETS[0],
    Target("sink_rate", "First-token sink rate at 0.3, for a softmax that needs no sink", 0.1, False),
)
ENCODER_TARGETS = (
    Target("accuracy_gain", "Masked-token accuracy above the most frequent token", 0.1, True),
    Target("sink_rate", "Sink rate at 0.3 of the best kind of special token", 0.1, True),
    Target("max_head_share", "Largest head share on one kind of special token", 0.5, True),
)
