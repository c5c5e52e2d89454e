"""The part of Engine that lets the predictions of two runs be compared."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from sinklens.capture.prediction import N_HEAD_POSITIONS, apply_head
from sinklens.errors import BadSelection, NotCaptured
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture


class ComparedPredictions:
    """Methods of Engine; blocking like all of them."""

    def vocabulary(self, name: str) -> str:
        """Fingerprint of a model's vocabulary: equal only where every entry has the same id; loads it."""
        entries = sorted(self.model(name).tokenizer.get_vocab().items())
        return hashlib.sha256(repr(entries).encode("utf-8", "surrogatepass")).hexdigest()

    def log_probabilities(
        self, capture: Capture, residual: ResidualStream, positions: tuple[int, ...]
    ) -> np.ndarray:
        """(n, V) float32: ln of what the model of a run expects after some positions.

        Raises
        ------
        NotCaptured
            The model has no prediction head.
        BadSelection
            More positions than are decoded at once (N_HEAD_POSITIONS), or one outside of the text.
        """
        loaded = self.model(capture.request.model)
        if not loaded.info.has_lm_head:
            raise NotCaptured(f"'{loaded.info.name}' has no prediction head.")
        n_tokens = len(residual.head_input)
        if len(positions) > N_HEAD_POSITIONS or not all(0 <= p < n_tokens for p in positions):
            raise BadSelection(
                f"At most {N_HEAD_POSITIONS} positions from 0 to {n_tokens - 1} are decoded at once; got "
                f"{len(positions)}."
            )
        hidden = torch.from_numpy(residual.head_input[list(positions)])
        logits = apply_head(loaded, hidden.to(loaded.device, loaded.model.dtype))
        return logits.log_softmax(-1).cpu().numpy()
