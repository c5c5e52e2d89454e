"""The JSON file of a cache study: what was asked, what was run, and every number on the card."""

from __future__ import annotations

import json
import math

from modules.cache_study import CacheStudy
from sinklens.analysis.cache_curve import blow_up, perplexity_at_multiples, policy_table, smallest_n
from sinklens.interventions.cache import POSITIONS
from sinklens.version import VERSION


def cache_report_json(study: CacheStudy) -> str:
    """The study as JSON text; what is not a finite number is null."""
    report, size = study.report, study.report.request.size
    starts = {"after the cache is full": size, "the whole text": 0}
    facts = {
        "sinklens": VERSION,
        "model": {"name": report.model.name, "revision": report.model.revision, "dtype": report.model.dtype},
        "text": report.prompt.text,
        "n_tokens": len(report.prompt),
        "bos_added": report.prompt.bos_added,
        "cache_size": size,
        "policies": {name: policy_table(report, start=at).to_dict("records") for name, at in starts.items()},
        "blow_up": {
            name: {positions: blow_up(report, positions, at) for positions in POSITIONS}
            for name, at in starts.items()
        },
        "smallest_n_within_1_percent": {
            name: {positions: smallest_n(report, positions, at) for positions in POSITIONS}
            for name, at in starts.items()
        },
        "multiples": perplexity_at_multiples(report).to_dict("records"),
        "passkey": _passkey(study),
        "coverage": _coverage(study),
        "not_run": {skipped.name: skipped.reason for skipped in report.plan.skipped},
    }
    return json.dumps(_plain(facts), indent=1, ensure_ascii=False, allow_nan=False)


def _passkey(study: CacheStudy) -> dict | str:
    probe = study.report.passkey
    if probe is None:
        return study.report.passkey_note
    losses = {name: getattr(probe, name).tolist() for name in ("seen", "unseen", "streamed")}
    return {"policy": probe.policy.name, "distance": probe.distance} | losses


def _coverage(study: CacheStudy) -> dict | str:
    found = study.coverage
    if found is None:
        return study.coverage_note
    arrays = {name: getattr(found, name).tolist() for name in ("heads", "heads_floor", "lazy", "lazy_floor")}
    return {"n_sink": found.n_sink, "n_recent": found.n_recent, "n_last": found.n_last} | arrays


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
