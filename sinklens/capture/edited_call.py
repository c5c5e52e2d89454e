"""A pass with edits in force that counts no attention."""

from __future__ import annotations

import torch

from sinklens.capture.attend import attend
from sinklens.capture.edits import LayerEdits
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.input_edits import AttentionInputs


class EditedCall(ForwardCall):
    """One pass over one text."""

    def _attend(self, stream: str, layer: int, inputs: AttentionInputs, edits: LayerEdits) -> torch.Tensor:
        wide = inputs.wide()
        return attend(inputs.q, wide.k, wide.v, inputs.rules, edits)
