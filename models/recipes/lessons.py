"""Measures what the lessons of the Learn page show, and stores it beside the stored run.

Run it again after a change of demo-gpt2, of its stored run, or when its twin without a sink has come:

python -m models.recipes.lessons
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modules import examples
from modules.lesson_results import MODEL, TWIN, LessonResult, LessonResults, lessons_path, save_lessons
from sinklens import capture_file
from sinklens.analysis.head_map import rows_to_one, value_weighted
from sinklens.analysis.rank_agreement import rank_correlation
from sinklens.analysis.received import excess_over
from sinklens.analysis.run_summary import run_summary
from sinklens.analysis.shares import GU_EPSILON, layer_curve, top_head
from sinklens.analysis.sinks import Thresholds
from sinklens.capture.engine import Engine
from sinklens.interventions import Intervention, MaskKeys, OffByOneSoftmax
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.settings import Settings
from sinklens.trial_records import Arm, TrialReport, TrialRequest, joined
from sinklens.version import VERSION

TEXTS = tuple(examples.text_of(key) for key in examples.PROSE)
"""What the losses of lessons five and six are means over."""


def main() -> None:
    settings = Settings()
    engine = Engine(settings)
    capture = capture_file.load(settings.models_dir / "examples" / f"{MODEL}.safetensors")
    path = lessons_path(settings.models_dir)
    results = measured(engine, capture)
    save_lessons(results, path)
    path.chmod(0o644)
    for lesson in results.lessons:
        print(lesson.key, lesson.answer, lesson.numbers)
    twin = "with" if results.has_twin else "without"
    print(f"{path}: {len(results.lessons)} lessons, {twin} the twin, {path.stat().st_size / 1e3:.0f} kB")


def measured(engine: Engine, capture: Capture) -> LessonResults:
    """The results of all lessons.

    Parameters
    ----------
    capture : of the stored run, with the map of every head
    """
    if capture.model.revision != engine.info(MODEL).revision:
        raise SystemExit(f"The stored run is of another {MODEL}: run models.recipes.example first.")
    lessons = (
        attention_lesson(engine, capture),
        heads_lesson(capture),
        sinks_lesson(capture),
        parking_lesson(capture),
        removal_lesson(engine, capture),
        twin_lesson(engine, capture),
        explanation_lesson(engine, capture),
    )
    top = top_head(capture.profile(), "excluding_first")
    common = {
        "model": MODEL,
        "layer": top.layer,
        "head": top.head,
        "n_tokens": len(capture.prompt),
        "n_layers": capture.model.n_layers,
        "n_heads": capture.model.n_layers * capture.model.n_heads,
        "first": capture.prompt.labels[0],
        "n_texts": len(TEXTS),
    }
    lessons = tuple(replace(lesson, numbers=common | lesson.numbers) for lesson in lessons)
    has_twin = TWIN in engine.bundled()
    return LessonResults(MODEL, capture.model.revision, capture.prompt.text, VERSION, has_twin, lessons)


def attention_lesson(engine: Engine, capture: Capture) -> LessonResult:
    """The head that looks back by one most of all, and the row of the last word."""
    share = np.nanmean(capture.profile().previous_share[:, :, 1:], axis=-1)
    layer, head = (int(i) for i in np.unravel_index(np.nanargmax(share), share.shape))
    labels, query = tuple(capture.prompt.labels), len(capture.prompt) - 2
    row = capture.maps["self", layer, head][query, : query + 1]
    best = int(row.argmax())
    steps = [
        engine.score_steps(capture, "self", layer, head, at, 0).scaled for at in range(len(capture.prompt))
    ]
    place = {query - 1: "before", 0: "first", query: "itself"}.get(best, "elsewhere")
    is_even = float(row.max()) < 2 / len(row)
    numbers = {
        "layer": layer, "head": head, "query": query, "token": labels[query], "key": labels[best],
        "weight": float(row[best]), "total": float(row.sum()), "n_visible": len(row), "even": 1 / len(row),
        "second": float(np.sort(row)[-2]), "head_share": float(share[layer, head]),
    }  # fmt: skip
    arrays = {"scores": np.stack(steps).astype(np.float32)}
    return LessonResult("attention", "even" if is_even else place, numbers, arrays, {})


def heads_lesson(capture: Capture) -> LessonResult:
    """How many heads rest on the first token, and the head that does least of it."""
    summary, profile = run_summary(capture), capture.profile()
    share = summary.rate.value
    limits = ((0.1, "none"), (0.5, "part"), (0.98, "most"), (2.0, "all"))
    answer = next(name for limit, name in limits if share < limit)
    previous = np.nanmean(profile.previous_share[:, :, 1:], axis=-1)
    top = top_head(profile, "excluding_first")
    layer, head = (int(i) for i in np.unravel_index(np.nanargmax(previous), previous.shape))
    numbers = {
        "n_sink": round(share * summary.rate.n_heads), "share": share, "epsilon": summary.rate.epsilon,
        "floor": summary.rate.floor, "layer": top.layer, "head": top.head, "top": top.share,
        "previous_layer": layer, "previous_head": head, "previous": float(previous[layer, head]),
        "n_previous": int((previous > summary.rate.epsilon).sum()),
    }  # fmt: skip
    return LessonResult("heads", answer, numbers, {}, {})


def sinks_lesson(capture: Capture) -> LessonResult:
    """The token that receives most above its floor."""
    summary = run_summary(capture)
    rows = summary.tokens[summary.tokens["index"] >= 0]
    best = rows.loc[rows["received"].idxmax()]
    is_seen = capture.profile().n_viewers.mean(0) >= Thresholds().n_viewers
    others = rows[(rows["index"] > 0) & is_seen[rows["index"]]]
    second = others.loc[others["excess"].idxmax()]
    top = top_head(capture.profile(), "excluding_first")
    label = capture.prompt.labels[int(best["index"])]
    answer = "first" if best["index"] == 0 else "stop" if label in (".", ",") else "word"
    even = float(excess_over(summary.first_share, summary.first_floor)) < 0.02
    numbers = {
        "share": summary.first_share, "floor": summary.first_floor,
        "times": summary.first_share / summary.first_floor,
        "layer": top.layer, "head": top.head, "top": top.share,
        "low_layer": int(np.nanargmin(summary.curve.mean)), "low": float(np.nanmin(summary.curve.mean)),
        "high_layer": int(np.nanargmax(summary.curve.mean)), "high": float(np.nanmax(summary.curve.mean)),
        "second": capture.prompt.labels[int(second["index"])], "second_share": float(second["received"]),
        "second_floor": float(second["floor"]),
    }  # fmt: skip
    return LessonResult("sinks", "even" if even else answer, numbers, {}, {})


def parking_lesson(capture: Capture) -> LessonResult:
    """What the head that rests most would fetch from each token, and what it does fetch."""
    top = top_head(capture.profile(), "excluding_first")
    weights = np.nan_to_num(capture.maps["self", top.layer, top.head])[1:]
    norms = capture.profile().vo_norm[top.layer, top.head]
    drawn = value_weighted(weights, norms)
    weight, part = weights.mean(0), rows_to_one(drawn).mean(0)
    visible = np.tri(len(norms))[1:]
    best, usual = int(part[1:].argmax()) + 1, float(np.median(norms[1:]))
    ratio = float(norms[0]) / usual
    numbers = {
        "layer": top.layer, "head": top.head, "weight": float(weight[0]), "written": float(part[0]),
        "norm": float(norms[0]), "other_norm": usual, "norm_ratio": ratio,
        "size": float(drawn.sum(-1).mean()), "even_size": float((visible @ norms / visible.sum(-1)).mean()),
        "best": capture.prompt.labels[best], "best_weight": float(weight[best]),
        "best_written": float(part[best]),
    }  # fmt: skip
    arrays = {"weight": weight.astype(np.float32), "written": part.astype(np.float32), "norms": norms}
    answer = "smaller" if ratio < 0.7 else "larger" if ratio > 1.4 else "same"
    return LessonResult("parking", answer, numbers, arrays, {})


def removal_lesson(engine: Engine, capture: Capture) -> LessonResult:
    """Loss of the texts when nobody may look at the first token, beside other tokens."""
    report = trial_of(engine, TEXTS, (Arm("first", (MaskKeys(keys=(0,)),)),), with_controls=True)
    names = tuple(dict.fromkeys(effect.arm.name for effect in report.effects))
    changes = np.array([[e.loss_change for e in report.of_arm(name)] for name in names])  # (arm, text)
    means = changes.mean(-1)
    before = float(np.mean([e.loss_before.mean() for e in report.of_arm("first")]))
    edited = engine.capture(replace(capture.request, interventions=(MaskKeys(keys=(0,)),)))
    curves = np.stack([layer_curve(capture.profile(), "excluding_first").mean, next_curve(edited)])
    worst = float(means[1:].max())
    numbers = {
        "before": before, "change": float(means[0]), "control": worst, "times": float(means[0] / worst),
        "factor": float(np.exp(means[0])), "n_worse": int((changes[0] > 0).sum()),
        "second": float(np.nanmean(curves[1])), "token": capture.prompt.labels[1],
    }  # fmt: skip
    answer = "better" if means[0] < -0.02 else "same" if means[0] < max(2 * worst, 0.02) else "worse"
    labels = {"arms": tuple(name.removeprefix("first: ") for name in names)}
    arrays = {"changes": changes.astype(np.float32), "curves": curves.astype(np.float32)}
    return LessonResult("removal", answer, numbers, arrays, labels)


def next_curve(edited: Capture) -> np.ndarray:
    """(L,) mean weight on token 1, of the queries after it, when token 0 is masked."""
    return layer_curve(edited.profile(), "eligible", position=1).mean


def twin_lesson(engine: Engine, capture: Capture) -> LessonResult:
    """The model, the model with an edited softmax, and its twin that was trained with that softmax."""
    sides: dict[str, tuple[str, tuple[Intervention, ...]]] = {
        "model": (MODEL, ()),
        "edited": (MODEL, (OffByOneSoftmax(),)),
    }
    if TWIN in engine.bundled():
        sides["twin"] = (TWIN, ())
    numbers: dict[str, float] = {"epsilon": GU_EPSILON}
    curves = []
    for name, (model, edits) in sides.items():
        runs = [engine.capture(CaptureRequest(model, text, interventions=edits)) for text in TEXTS]
        curves.append(np.mean([layer_curve(run.profile(), "excluding_first").mean for run in runs], axis=0))
        numbers |= {f"{name}_{key}": value for key, value in side_numbers(runs).items()}
    floor = np.mean([layer_curve(run.profile(), "excluding_first").floor for run in runs], axis=0)
    numbers["floor"] = float(floor.mean())
    shares = (numbers[f"{name}_share"] for name in (list(sides)[-1], "model"))
    after, before = (float(excess_over(share, numbers["floor"])) for share in shares)
    numbers["left"] = after / before
    answer = "gone" if after < 0.1 * before else "weaker" if after < 0.8 * before else "same"
    arrays = {"curves": np.stack(curves).astype(np.float32), "floor": floor.astype(np.float32)}
    return LessonResult("twin", answer, numbers, arrays, {"sides": tuple(sides)})


def side_numbers(runs: list[Capture]) -> dict[str, float]:
    """Means over the texts of one side."""
    summaries = [run_summary(run) for run in runs]
    return {
        "share": float(np.mean([summary.first_share for summary in summaries])),
        "rate": float(np.mean([summary.rate.value for summary in summaries])),
        "loss": float(np.mean([run.loss for run in runs])),
        "nowhere": float(np.mean([1 - run.profile().row_sum.mean() for run in runs])),
    }


def explanation_lesson(engine: Engine, capture: Capture) -> LessonResult:
    """Attention of the query that predicts the last token, beside what masking each token does to it."""
    labels, query = capture.prompt.labels, len(capture.prompt) - 2
    arms = tuple(Arm(f"{key}", (MaskKeys(keys=(key,)),)) for key in range(query + 1))
    report = trial_of(engine, (capture.prompt.text,), arms, with_controls=False)
    effect = np.array([report.of_arm(arm.name)[0].kl[-1] for arm in arms])
    attention = np.mean([weights[query, : query + 1] for weights in capture.maps.values()], axis=0)
    rest = rank_correlation(attention, effect, np.arange(query + 1) > 0)
    rho = float(rest.rho)
    attended, needed = (int(scores[1:].argmax()) + 1 for scores in (attention, effect))
    numbers = {
        "rho": float(rank_correlation(attention, effect).rho), "rest": rho, "low": float(rest.low),
        "high": float(rest.high), "n_rest": query, "token": labels[query],
        "attended": labels[attended], "attended_place": rank_of(effect, attended),
        "needed": labels[needed], "needed_place": rank_of(attention, needed),
        "first_place": rank_of(effect, 0),
    }  # fmt: skip
    limits = ((0.9, "equal"), (0.5, "roughly"), (0.2, "hardly"), (-2.0, "not"))
    answer = next(name for limit, name in limits if rho >= limit)
    arrays = {"attention": attention.astype(np.float32), "effect": effect.astype(np.float32)}
    return LessonResult("explanation", answer, numbers, arrays, {"tokens": tuple(labels[: query + 1])})


def rank_of(scores: np.ndarray, place: int) -> int:
    """Place in the list from the largest score on, from 1."""
    return int((scores > scores[place]).sum()) + 1


def trial_of(
    engine: Engine, texts: tuple[str, ...], arms: tuple[Arm, ...], *, with_controls: bool
) -> TrialReport:
    """All texts under all arms."""
    request = TrialRequest(MODEL, texts, arms, with_controls=with_controls)
    return joined([engine.trial(request, index) for index in range(len(texts))])


if __name__ == "__main__":
    main()
