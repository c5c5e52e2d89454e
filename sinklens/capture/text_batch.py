"""Several texts in one forward pass, each captured as if it had been alone.

Shorter texts are filled up on the right. Everything that works token by token (projections, norms,
MLPs) takes all of them at once; attention is taken apart text by text and cut back to the
text's own tokens, so that no filling is ever seen, in causal and bidirectional models alike, and no
mask is needed; where attention is causal, texts of like length share its kernels too
(`group_attention`). Predictions are not kept, only the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from sinklens.capture.edited_batch import shares_a_batch
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.group_attention import GroupMemory, attend_groups, can_be_grouped, cut
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.prediction import N_HEAD_POSITIONS, apply_head
from sinklens.errors import NotANumber, RunCancelled
from sinklens.interventions import Intervention
from sinklens.records import CaptureRequest, Prompt
from sinklens.results import Capture

FILLING_ID = 0
"""Any id will do: nothing reads what comes of it."""


@dataclass(frozen=True, eq=False)
class BatchedText:
    """One text of a batch."""

    capture: Capture
    states: np.ndarray | None
    """(L+1, T, d) residual stream, as in `ResidualStream.states`; None where it was not asked for."""


@dataclass(eq=False)
class TextBatch(ForwardCall):
    """One pass over a batch; row i captures text i, `lengths[i]` tokens long."""

    rows: tuple[ForwardCall, ...] = ()
    lengths: tuple[int, ...] = ()
    keeps_residual: bool = False
    norms: list[torch.Tensor] = field(default_factory=list)
    """(n, T) of the embeddings, then after every block."""
    n_states: int = 0
    """States that there will be at most: embeddings and blocks."""
    residual: torch.Tensor | None = None
    """(n, n_states, T, d) float32 likewise; texts first, so that a text's part is one piece."""
    memories: dict[str, GroupMemory] = field(default_factory=dict)
    """By stream."""
    _n_asked: int = 0

    def __post_init__(self) -> None:
        for row in self.rows:
            # A row knows by its length which block has run.
            row.hidden_norm = self.hidden_norm

    def attend(self, module, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rules) -> torch.Tensor:
        """Attention of the next text; transformers' batch is taken apart row by row, in order."""
        index = self._n_asked % len(self.rows)
        self._n_asked += 1
        n, row = self.lengths[index], self.rows[index]
        if n == q.shape[1]:
            return row.attend(module, q, k, v, rules)
        outputs = q.new_zeros(q.shape[0], q.shape[1], v.shape[2])
        outputs[:, :n] = row.attend(module, q[:, :n], k[:, :n], v[:, :n], cut(rules, n))
        return outputs

    def attend_batch(self, module, query, key, value, rules_of) -> torch.Tensor | None:
        """Attention of all texts together, in groups of like length, where `can_be_grouped`."""
        self.check_cancelled()
        rules = rules_of(0)
        is_counted = type(self.rows[0]) is ForwardCall
        if not is_counted or self.interventions or not can_be_grouped(rules, self.plan, self.lengths):
            return None
        gram = self.output_gram(module, query.shape[1], value.shape[-1])
        stream = self.stream_of(module)
        for row in self.rows:
            row.n_attended[stream] += 1
        builders = [row._builder(stream) for row in self.rows]
        if stream not in self.memories:
            self.memories[stream] = GroupMemory(query.new_empty(0, dtype=torch.float32))
        memory = self.memories[stream]
        return attend_groups(query, key, value, rules, self.lengths, builders, gram, memory)

    def edit_queries(self, attention, projection, states: torch.Tensor) -> torch.Tensor | None:
        return None  # edits of projections run alone

    def edit_state(self, state: torch.Tensor) -> torch.Tensor:
        edited = self.rows[0].edit_state(state)  # all rows have the same edits
        self._keep(edited)
        return edited

    def keep_embeddings(self, module, args, kwargs) -> None:
        """Hook before every block: what enters the first one."""
        if ForwardCall.active() is self and not self.norms:
            self._keep(args[0] if args else kwargs["hidden_states"])

    def _keep(self, state: torch.Tensor) -> None:
        if self.keeps_residual:
            if self.residual is None:
                n, length, width = state.shape
                self.residual = state.new_empty(n, self.n_states, length, width, dtype=torch.float32)
            self.residual[:, len(self.norms)] = state
        self.norms.append(state.float().norm(dim=-1))


def fits_a_batch(loaded: LoadedModel, interventions: tuple[Intervention, ...]) -> bool:
    """Can texts of this model stand beside each other under these edits?"""
    uses_interface = loaded.info.capture_path == "attention interface"
    return uses_interface and not loaded.is_encoder_decoder and shares_a_batch(interventions)


def capture_texts(
    loaded: LoadedModel,
    request: CaptureRequest,
    prompts: Sequence[Prompt],
    *,
    keeps_residual: bool = False,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[BatchedText | NotANumber]:
    """Capture prompts in one pass, where `fits_a_batch`; a text whose numbers are not finite is an error.

    The pass is done at once; a text's record is made when it is asked for, so that the records of a batch
    are not all in memory beside the batch.

    Numbers differ from those of `run_forward` by rounding alone: kernels add up the rows of a
    larger matrix in another order. The same prompts in the same order give the same bits.

    Parameters
    ----------
    request : what is kept, and the edits; its text is that of the prompts

    Raises
    ------
    BadIntervention, RunCancelled
    """
    choices = {"plan": request.plan, "interventions": request.interventions, "is_cancelled": is_cancelled}
    kept = {"keep_states": request.plan.states, "keep_mean_maps": request.plan.mean_maps}
    rows = tuple(loaded.call(**choices, **kept) for _ in prompts)
    lengths = tuple(len(prompt) for prompt in prompts)
    n_blocks = max(len(loaded.blocks()), loaded.info.n_layers)  # a block may be run more than once
    residual = {"keeps_residual": keeps_residual, "n_states": n_blocks + 1}
    batch = loaded.call(TextBatch, **choices, rows=rows, lengths=lengths, **residual)
    with _embeddings_kept(loaded, batch), torch.inference_mode(), batch.running():
        loaded.model(**_inputs(loaded, prompts))
    batch.memories.clear()
    losses = _losses(loaded, batch, prompts, is_cancelled)
    return (
        _text(loaded, request, batch, index, prompt, loss)
        for index, (prompt, loss) in enumerate(zip(prompts, losses, strict=True))
    )


def trunk_outputs(
    loaded: LoadedModel, prompts: Sequence[Prompt], is_cancelled: Callable[[], bool] = lambda: False
) -> list[torch.Tensor]:
    """(T, d) what the prediction head reads of every prompt, from one pass that counts nothing."""
    rows = tuple(loaded.call(EditedCall, is_cancelled=is_cancelled) for _ in prompts)
    lengths = tuple(len(prompt) for prompt in prompts)
    batch = loaded.call(TextBatch, rows=rows, lengths=lengths, is_cancelled=is_cancelled)
    with torch.inference_mode(), batch.running():
        loaded.model(**_inputs(loaded, prompts))
    return [batch.trunk_output[index, :n] for index, n in enumerate(lengths)]


@contextmanager
def _embeddings_kept(loaded: LoadedModel, batch: TextBatch):
    names = loaded.blocks()
    handles = [
        loaded.model.get_submodule(name).register_forward_pre_hook(batch.keep_embeddings, with_kwargs=True)
        for name in names[:1]
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _inputs(loaded: LoadedModel, prompts: Sequence[Prompt]) -> dict:
    ids = torch.full((len(prompts), max(map(len, prompts))), FILLING_ID, dtype=torch.long)
    for row, prompt in zip(ids, prompts, strict=True):
        row[: len(prompt)] = torch.tensor(prompt.ids)
    inputs = {"input_ids": ids.to(loaded.device)}
    if hasattr(loaded.model.config, "use_cache"):
        inputs["use_cache"] = False
    return inputs


def _losses(
    loaded: LoadedModel, batch: TextBatch, prompts: Sequence[Prompt], is_cancelled: Callable[[], bool]
) -> list[np.ndarray | None]:
    """(T-1,) nats for every text of a model that predicts next tokens; definition as in `read_causal`."""
    if not (loaded.info.is_causal and loaded.info.has_lm_head and batch.trunk_output is not None):
        return [None] * len(prompts)
    hidden = torch.cat([batch.trunk_output[i, : len(p) - 1] for i, p in enumerate(prompts)])
    actual = torch.tensor([i for prompt in prompts for i in prompt.ids[1:]], device=hidden.device)
    parts = [hidden.new_empty(0, dtype=torch.float32)]
    for start in range(0, len(hidden), N_HEAD_POSITIONS):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        rows = slice(start, start + N_HEAD_POSITIONS)
        parts.append(_surprisal(apply_head(loaded, hidden[rows]), actual[rows]))
    losses = torch.cat(parts).cpu().numpy()
    return np.split(losses, np.cumsum([len(prompt) - 1 for prompt in prompts])[:-1])


@torch.inference_mode()
def _surprisal(logits: torch.Tensor, actual: torch.Tensor) -> torch.Tensor:
    """(n,) nats; the logits (n, V) are used up: room for another such array costs more than its numbers."""
    own = logits.gather(1, actual[:, None])[:, 0]
    largest = logits.amax(-1, keepdim=True)
    return logits.sub_(largest).exp_().sum(-1).log_() + largest[:, 0] - own


def _text(
    loaded: LoadedModel,
    request: CaptureRequest,
    batch: TextBatch,
    index: int,
    prompt: Prompt,
    loss: np.ndarray | None,
) -> BatchedText | NotANumber:
    row, n = batch.rows[index], len(prompt)
    norms = [norm[index, :n].cpu() for norm in batch.norms]
    hidden_norm = torch.stack(norms).numpy() if norms else np.empty((0, 0), np.float32)
    if not np.isfinite(hidden_norm).all() or (loss is not None and not np.isfinite(loss).all()):
        return NotANumber("The model's hidden states or logits are not finite (NaN or infinity) here.")
    states = None
    if batch.residual is not None:
        states = batch.residual[index, : len(batch.norms), :n].cpu().numpy().copy()
    capture = Capture(
        request=replace(request, text=prompt.text),
        model=loaded.info,
        prompt=prompt,
        target=None,
        profiles={name: builder.profile() for name, builder in row.builders.items()},
        states={name: builder.states() for name, builder in row.builders.items()},
        maps={key: values for builder in row.builders.values() for key, values in builder.maps.items()},
        hidden_norm=hidden_norm,
        predictions=None,
        token_loss=loss,
        elapsed_ms=0.0,
    )
    row.builders.clear()
    return BatchedText(capture, states)
