"""
Trains one demo model on the prepared token streams.

    python -m models.recipes.train demo-gpt2 --run DIR --minutes 110

The run folder holds a checkpoint from which the same command resumes. A file named
`decay_now` in it, holding a number of steps, starts the final decay at once.
"""

import argparse
import json
import os
import time
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.recipes.architectures import RECIPES, Recipe
from models.recipes.muon import Muon
from models.recipes.objectives import build_objective
from models.recipes.positions import start_from_sinusoids
from models.recipes.schedule import Schedule

DECAY_SHARE = 0.25  # of the run's time
CHECKPOINT_SECONDS = 300
N_LOG_POINTS = 40
FIRST_LOG_SECONDS = 60


def build_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return AdamW, and Muon for the matrices that the recipe gives to it; vectors never decay."""
    decaying, steady = [], []
    muon: dict[int, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        n_joined = [n for part, n in recipe.muon_parts.items() if part in name]
        if n_joined and parameter.ndim == 2:
            muon.setdefault(n_joined[0], []).append(parameter)
        else:
            (decaying if parameter.ndim >= 2 else steady).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": recipe.weight_decay},
        {"params": steady, "weight_decay": 0.0},
    ]
    rate = recipe.schedule.peak
    optimizers = [torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, fused=True)]
    if muon:
        joined = [{"params": matrices, "n_joined": n} for n, matrices in muon.items()]
        optimizers.append(Muon(joined, lr=rate, weight_decay=recipe.muon_weight_decay))
    return optimizers


def write_atomically(path: Path, write) -> None:
    """Call `write` with a temporary path beside the target, then put it in place."""
    temporary = path.with_name(path.name + ".tmp")
    write(temporary)
    os.replace(temporary, path)


class Run:
    """One training run: model, optimiser, schedule and log, all of it in one checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        data_folder: Path,
        *,
        compiled: bool = True,
        half: bool = False,
        device: str = "cpu",
    ) -> None:
        self.recipe, self.folder, self.half, self.device = recipe, folder, half, device
        torch.manual_seed(recipe.seed)
        self.model = recipe.model_class._from_config(recipe.config)
        self.model.set_attn_implementation(recipe.attention)
        if recipe.position_start:
            start_from_sinusoids(self.model, recipe.position_start)
        self.model.to(device)
        self.probe = recipe.model_class._from_config(recipe.config)
        self.probe.set_attn_implementation(recipe.probe_attention)
        self.probe.to(device)
        self.optimizers = build_optimizers(self.model, recipe)
        self.objective = build_objective(recipe, data_folder)
        self.loss = torch.compile(self.objective.loss) if compiled else self.objective.loss
        self.schedule = recipe.schedule
        self.step, self.seconds, self.points, self.losses = 0, 0.0, [], []

    def train_step(self) -> None:
        """Take one optimiser step at the schedule's rate."""
        for group in chain.from_iterable(o.param_groups for o in self.optimizers):
            group["lr"] = self.schedule.rate(self.step)
        batch = torch.from_numpy(self.objective.sampler.batch(self.step)).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            loss = self.loss(self.model, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.max_gradient_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.losses.append(loss.item())
        self.step += 1

    def log_point(self) -> dict:
        """Measure the model, add the point to the log and write the log."""
        self.probe.load_state_dict(self.model.state_dict())
        self.probe.eval()
        plan = self.recipe.rows
        point = {
            "step": self.step,
            "n_tokens": self.step * plan.n_rows * plan.n_tokens,
            "seconds": round(self.seconds, 1),
            "lr": self.schedule.rate(max(0, self.step - 1)),
            "loss": float(np.mean(self.losses[-200:])) if self.losses else None,
            **self.objective.heldout.point(self.probe),
        }
        self.points.append(point)
        log = {
            "seed": self.recipe.seed,
            "precision": "bfloat16 products" if self.half else "float32",
            "schedule": asdict(self.schedule),
            "points": self.points,
        }
        text = json.dumps(log, indent=1)
        write_atomically(self.folder / "training_log.json", lambda path: path.write_text(text))
        return point

    def save(self) -> None:
        """Write the checkpoint from which `resume` goes on."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedule": asdict(self.schedule),
            "step": self.step,
            "seconds": self.seconds,
            "points": self.points,
            "losses": self.losses[-200:],
            "torch_rng": torch.get_rng_state(),
        }
        decay_start = self.schedule.decay_start
        name = "stable.pt" if decay_start is None or self.step <= decay_start else "decayed.pt"
        write_atomically(self.folder / name, lambda path: torch.save(state, path))

    def resume(self) -> None:
        """Go on from the last checkpoint before the decay, if the folder holds one."""
        path = self.folder / "stable.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.schedule = Schedule(**state["schedule"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.points, self.losses = state["points"], state["losses"]
        torch.set_rng_state(state["torch_rng"].cpu())

    def plan_decay(self, budget_seconds: float) -> None:
        """Begin the decay when it is asked for, or when its share of the time is left."""
        if self.schedule.decay_start is not None:
            return
        order = self.folder / "decay_now"
        if order.exists():
            n_decay = int(order.read_text())
            order.unlink()
        elif self.seconds >= (1 - DECAY_SHARE) * budget_seconds:
            n_decay = max(1, round(self.step * DECAY_SHARE / (1 - DECAY_SHARE)))
        else:
            return
        self.save()
        self.schedule = self.schedule.decaying_from(self.step, n_decay)

    def go(self, budget_seconds: float) -> None:
        """Train until the schedule ends, logging and saving on the way."""
        next_log, next_save = self.seconds + FIRST_LOG_SECONDS, self.seconds + CHECKPOINT_SECONDS
        while self.schedule.n_steps is None or self.step < self.schedule.n_steps:
            started = time.perf_counter()
            self.train_step()
            self.seconds += time.perf_counter() - started
            self.plan_decay(budget_seconds)
            if self.seconds >= next_log:
                print(json.dumps(self.log_point()), flush=True)
                next_log = self.seconds + budget_seconds / N_LOG_POINTS
            if self.seconds >= next_save:
                self.save()
                next_save = self.seconds + CHECKPOINT_SECONDS
        print(json.dumps(self.log_point()), flush=True)
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--run", type=Path, default=Path("build/recipes"))
    parser.add_argument("--minutes", type=float, default=110.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--eager", action="store_true", help="do not compile the model")
    parser.add_argument(
        "--half", action="store_true", help="multiply in bfloat16 (fast with AVX512-BF16 or AMX)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = RECIPES[arguments.name]
    folder = arguments.run / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    data_folder = arguments.run / recipe.tokenizer_kind
    run = Run(
        recipe,
        folder,
        data_folder,
        compiled=not arguments.eager,
        half=arguments.half,
        device=arguments.device,
    )
    run.resume()
    run.go(60 * arguments.minutes)


if __name__ == "__main__":
    main()
