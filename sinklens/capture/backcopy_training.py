"""Trains the Bigram-Backcopy toy a stage at a time, from records to records.

A stage depends on the request and on the stage before alone, so that a run can be watched, stopped
and taken up again, and equal requests give equal runs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from sinklens.analysis.backcopy_task import BackcopyTask
from sinklens.backcopy_records import BackcopyPoint, BackcopyRequest, BackcopyStage
from sinklens.capture.backcopy_model import BackcopyModel
from sinklens.errors import RunCancelled

N_BATCH_ROWS = 64
N_HELD_ROWS = 32
RATE = 3e-3
WEIGHT_DECAY = 0.01
BETAS = (0.9, 0.98)
HELD_SEED = 1_000_003
N_STEPS_BETWEEN_LOOKS = 10
"""After so many steps it is asked whether anybody still waits."""


def first_stage(request: BackcopyRequest) -> BackcopyStage:
    """The untrained model, measured."""
    torch.manual_seed(request.seed)
    model = BackcopyModel(request.attention)
    return _stage(request, (), model, _optimizer(model))


def next_stage(
    before: BackcopyStage,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> BackcopyStage:
    """Train on to the next stage.

    Raises
    ------
    RunCancelled
    """
    request, task = before.request, BackcopyTask.of_seed()
    model, optimizer = _restored(before)
    start, stop = request.steps_until(before.stage), request.steps_until(before.stage + 1)
    for step in range(start, stop):
        if step % N_STEPS_BETWEEN_LOOKS == 0 and is_cancelled():
            raise RunCancelled("The training was stopped.")
        _train_step(model, optimizer, task.rows(N_BATCH_ROWS, np.random.default_rng([request.seed, step])))
        on_progress((step + 1 - start) / (stop - start), f"step {step + 1:,} of {request.n_steps:,}")
    return _stage(request, before.points, model, optimizer)


def _optimizer(model: BackcopyModel) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY, betas=BETAS)


def _train_step(model: BackcopyModel, optimizer: torch.optim.Optimizer, rows: np.ndarray) -> None:
    batch = torch.from_numpy(rows)
    # The symbol after the first token is drawn at random: there is nothing to learn in it.
    logits, wanted = model(batch[:, :-1])[:, 1:], batch[:, 2:]
    loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _restored(stage: BackcopyStage) -> tuple[BackcopyModel, torch.optim.Optimizer]:
    model = BackcopyModel(stage.request.attention)
    optimizer = _optimizer(model)
    for name, parameter in model.named_parameters():
        parameter.data = _tensor(stage.state[name])
        if f"{name}.average" in stage.state:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(stage.request.steps_until(stage.stage))),
                "exp_avg": _tensor(stage.state[f"{name}.average"]),
                "exp_avg_sq": _tensor(stage.state[f"{name}.square"]),
            }
    return model, optimizer


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def _stage(
    request: BackcopyRequest,
    points: tuple[BackcopyPoint, ...],
    model: BackcopyModel,
    optimizer: torch.optim.Optimizer,
) -> BackcopyStage:
    task = BackcopyTask.of_seed()
    rows = task.rows(N_HELD_ROWS, np.random.default_rng(HELD_SEED))
    step = request.steps_until(len(points))
    point, weights = _measured(model, task, rows, step)
    state = {}
    for name, parameter in model.named_parameters():
        state[name] = parameter.detach().numpy().copy()
        if parameter in optimizer.state:
            state[f"{name}.average"] = optimizer.state[parameter]["exp_avg"].numpy().copy()
            state[f"{name}.square"] = optimizer.state[parameter]["exp_avg_sq"].numpy().copy()
    shown = weights[0].copy()
    shown[np.triu_indices(len(shown), 1)] = np.nan
    return BackcopyStage(
        request=request,
        points=(*points, point),
        entropy_rate=task.entropy_rate(rows),
        labels=task.labels(rows[0, :-1]),
        weights=shown,
        state=state,
    )


@torch.no_grad()
def _measured(
    model: BackcopyModel, task: BackcopyTask, rows: np.ndarray, step: int
) -> tuple[BackcopyPoint, np.ndarray]:
    inputs = torch.from_numpy(rows[:, :-1])
    logits, weights, values, states = model.read(inputs)
    losses = F.cross_entropy(logits.mT, torch.from_numpy(rows[:, 1:]), reduction="none").numpy()
    is_trigger = task.is_trigger(rows[:, :-1])
    is_idle = ~is_trigger
    is_idle[:, :2] = False
    to_first = weights[..., 0].numpy()
    to_previous = F.pad(weights.diagonal(-1, 1, 2), (1, 0)).numpy()
    point = BackcopyPoint(
        step=step,
        chain_loss=float(losses[is_idle].mean()),
        copy_loss=float(losses[is_trigger].mean()),
        sink_share=float(to_first[is_idle].mean()),
        trigger_sink_share=float(to_first[is_trigger].mean()),
        copy_share=float(to_previous[is_trigger].mean()),
        value_drain=_first_over_rest(values),
        norm_ratio=_first_over_rest(states),
        empty_share=float((1 - weights.sum(-1)).clamp_min(0).numpy()[is_idle].mean()),
    )
    return point, weights.numpy()


def _first_over_rest(vectors: torch.Tensor) -> float:
    norms = vectors.norm(dim=-1)
    return float((norms[:, 0] / norms[:, 1:].mean(1)).mean())
