"""A trial as plain data: everything that another person needs to check it, or to run it again."""

from __future__ import annotations

from importlib.metadata import version

import pandas as pd

from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_table import trial_table
from sinklens.trial_records import ArmEffect, TrialReport
from sinklens.version import VERSION

SCHEMA = "sinklens/trial/1"
PACKAGES = ("numpy", "pandas", "scipy", "torch", "transformers")


def trial_frame(report: TrialReport) -> pd.DataFrame:
    """The table of a trial with the facts that every row rests on; columns as in `trial_table`."""
    model, request, table = report.model, report.request, trial_table(report)
    return table.assign(
        done=[report.of_arm(name)[0].arm.sentence() for name in table["arm"]],
        model=model.name,
        model_hash=model.revision,
        dtype=model.dtype,
        loss=report.loss_kind,
        bos=_bos(request.add_bos),
        seed=request.seed,
    )


def trial_export(report: TrialReport, finding: str = "") -> dict:
    """All of a trial as JSON types; losses in nats, NaN and infinity become None."""
    model, request = report.model, report.request
    data = {
        "schema": SCHEMA,
        "finding": finding,
        "model": {
            "name": model.name, "arch": model.architecture, "hash": model.revision, "dtype": model.dtype,
            "layers": model.n_layers, "heads": model.n_heads, "pos_encoding": model.positions,
        },
        "loss": report.loss_kind,
        "bos": _bos(request.add_bos),
        "special_tokens": request.special_tokens,
        "seed": request.seed,
        "n_passes": report.n_passes,
        "texts": [
            {"text": text, "tokens": None if prompt is None else prompt.labels}
            for text, prompt in zip(request.texts, report.prompts, strict=True)
        ],
        "arms": trial_table(report).to_dict(orient="records"),
        "effects": [_effect(effect) for effect in report.effects],
        "skipped": [vars(skipped) for skipped in report.skipped],
        "versions": {"sinklens": VERSION} | {name: version(name) for name in PACKAGES},
    }  # fmt: skip
    return plain(data)


def _effect(effect: ArmEffect) -> dict:
    names = (
        "tokens",
        "loss_before",
        "loss_after",
        "kl",
        "is_top_changed",
        "top_overlap",
        "turned",
        "stretched",
    )
    facts = {"arm": effect.arm.name, "kind": effect.arm.kind, "of": effect.of, "text": effect.text_index}
    return facts | {"done": effect.arm.sentence()} | {name: getattr(effect, name) for name in names}


def _bos(add_bos: bool | None) -> str:
    return {None: "as the tokenizer does", True: "added", False: "left out"}[add_bos]
