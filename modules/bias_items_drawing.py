"""Single items of a benchmark, both versions beside each other, and heads over all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.bias_table import table
from modules.compare_maps import DifferenceDrawing
from modules.quantity import percent
from modules.widgets.head_button import head_button
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.head_sensitivity import HeadSensitivity
from sinklens.analysis.metric_definition import MetricDefinition
from sinklens.contrast_records import ContrastItem
from sinklens.results import Capture, HeadMap

ROLES = ("stereotype", "anti_stereotype")
N_ROWS = 10
LEVEL = 0.05
ABOUT = (
    "Every head's number in both versions of every item. Effect: mean difference (stereotype − counterpart) "
    "over its standard deviation; p: both versions exchanged within items, so that the topic stays the same; "
    "q: Benjamini–Hochberg over all heads. A test over sentences of all topics would find topics."
)


@dataclass(frozen=True, eq=False)
class ItemShown:
    """Both versions of an item in one head, and their difference."""

    item: ContrastItem
    head: tuple[int, int]
    pictures: tuple[Picture, Picture]
    difference: DifferenceDrawing


@dataclass(frozen=True, eq=False)
class SensitivityFound:
    """A number of all heads in both versions of all items."""

    sensitivity: HeadSensitivity
    definition: MetricDefinition
    items_name: str
    n_left_out: int


def item_names(items: tuple[ContrastItem, ...]) -> dict[str, str]:
    """Number of an item -> what it is called; no sentence is in it."""
    return {
        str(number): " · ".join(filter(None, (item.identifier, item.group, item.kind)))
        for number, item in enumerate(items)
    }


def version_picture(run: Capture, stream: str, found: HeadMap, name: str) -> Picture:
    """One version's map, as the Heads page draws it."""
    rows, columns = run.query_prompt(stream).labels, run.key_prompt(stream).labels
    axes = Axes(rows=rows, columns=columns, same_tokens=True, hint="Point at a cell to read it.")
    label = f"{name}: attention of head {found.layer}.{found.head}"
    return picture(np.asarray(found.weights, np.float32), axes, label=label, high=1.0)


def version_texts(item: ContrastItem) -> Tag:
    """Both sentences."""
    versions = item.versions
    names = (("A", "Stereotype", "compare-a"), ("B", "Counterpart", "compare-b"))
    sections = [
        ui.tags.section(
            ui.h3(f"{side} · {name}", class_=kind),
            ui.tags.p(versions[role], class_="bias-text", dir="auto", _add_ws=False),
        )
        for (side, name, kind), role in zip(names, ROLES, strict=True)
    ]
    return ui.div(*sections, class_="sl-pair")


def sensitivity_finding(found: SensitivityFound) -> str:
    """How many heads tell the versions apart, and how much of their number is topic."""
    own = found.sensitivity
    name = found.definition.name
    if np.isnan(own.p).all():
        return f"{name} is not defined for these sentences."
    n_sure = int((own.q <= LEVEL).sum())
    best = own.table().iloc[0]
    topic, version = np.nanmedian(own.topic_share), np.nanmedian(own.version_share)
    text = (
        f"{name}: {n_sure} of {int(np.isfinite(own.p).sum())} heads differ between the versions of the same "
        f"item (q ≤ {LEVEL}). Largest effect: head {int(best['layer'])}.{int(best['head'])}, d = "
        f"{best['effect']:+.2f} (q = {best['q']:.2g}). In the median head {percent(topic)} of the variance "
        f"over all sentences is topic, {percent(version)} the version."
    )
    if own.smallest_p > LEVEL:
        return f"{text} {own.n_items} items cannot decide: no p below {own.smallest_p:.2g} is possible."
    return text


def sensitivity_picture(found: SensitivityFound) -> Picture:
    """Layers down, heads across: the effect, with a star where q is small."""
    own = found.sensitivity
    texts, readings = [], []
    for (layer, head), effect in np.ndenumerate(own.effect):
        q = own.q[layer, head]
        texts.append("" if np.isnan(own.p[layer, head]) else f"{effect:+.1f}{'*' if q <= LEVEL else ''}")
        readings.append(
            f"Head {layer}.{head}: d {effect:+.2f}, q {q:.2g}, "
            f"topic {percent(own.topic_share[layer, head])} of the variance"
        )
    axes = Axes(
        rows=[str(i) for i in range(own.effect.shape[0])],
        columns=[str(i) for i in range(own.effect.shape[1])],
        row_name="layer", column_name="head", unit="effect", square=False, flat=True, in_cells=True,
        texts=texts, readings=readings, named_rows=True, cell_max=(64, 30), empty_text="not defined",
        hint="Point at a cell to read it; click it to put the head in view.",
    )  # fmt: skip
    size = float(np.nanmax(np.abs(own.effect))) or 1e-6
    return picture(own.effect, axes, label=sensitivity_finding(found), low=-size, high=size)


def sensitivity_list(found: SensitivityFound, *, pick: str) -> Tag:
    """The heads with the largest effect."""
    rows = [
        (
            head_button(int(row.layer), int(row.head), f"{int(row.layer)}.{int(row.head)}", pick=pick),
            f"{row.difference:+.4f}", f"{row.effect:+.2f}", f"{row.p:.2g}", f"{row.q:.2g}",
            percent(row.topic_share), percent(row.version_share),
        )
        for row in found.sensitivity.table().head(N_ROWS).itertuples()
    ]  # fmt: skip
    return table(("Head", "Difference", "Effect d", "p", "q", "Topic", "Version"), rows)


def basis(found: SensitivityFound) -> str:
    """What the numbers rest on."""
    left = f" {found.n_left_out} items could not be read." if found.n_left_out else ""
    return f"{found.sensitivity.n_items} items ({found.items_name}).{left} {ABOUT}"
