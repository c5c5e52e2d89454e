"""The runs behind the card of items: both versions of one item, or of all of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np

from modules.bench import LIGHT, text_request
from modules.bias_items_drawing import ROLES, ItemShown, version_picture
from modules.compare_maps import draw_difference
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection, EmptyText, TextTooLong
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService

N_ITEMS_MAX = 200


async def show_item(
    service: InferenceService,
    on_screen: Capture,
    item: ContrastItem,
    stream: str,
    head: tuple[int, int],
    on_status: OnStatus,
) -> ItemShown:
    """Run both versions of an item as the run on screen was read, without its edits, and draw one head."""
    requests = [text_request(on_screen, item.versions[role]) for role in ROLES]
    runs = [await service.capture(request, on_status) for request in requests]
    maps = [await service.head_map(run, stream, *head) for run in runs]
    comparison = await service.compare(*runs, stream, unit="pieces", on_status=on_status)
    difference = await asyncio.to_thread(draw_difference, comparison, *maps)
    names = ("Stereotype", "Counterpart")
    pictures = [version_picture(r, stream, m, name) for r, m, name in zip(runs, maps, names, strict=True)]
    return ItemShown(item, head, tuple(pictures), difference)


async def item_numbers(
    service: InferenceService,
    on_screen: Capture,
    items: tuple[ContrastItem, ...],
    stream: str,
    on_status: OnStatus,
) -> tuple[dict[str, np.ndarray], int]:
    """All numbers of heads in both versions of items.

    Returns
    -------
    numbers : metric -> array of shape (n, 2, L, H), stereotypes first
    n_left_out : items that the model cannot read

    Raises
    ------
    BadSelection
        More items than N_ITEMS_MAX, or none that can be read.
    """
    if len(items) > N_ITEMS_MAX:
        raise BadSelection(f"Heads are compared over at most {N_ITEMS_MAX} items; got {len(items)}.")
    rows, reason = [], ""
    for number, item in enumerate(items):
        try:
            rows.append(await _pair(service, on_screen, item, stream, part_of(on_status, number, len(items))))
        except (TextTooLong, EmptyText, BadSelection) as error:
            reason = reason or str(error)
    if not rows:
        raise BadSelection(f"None of the {len(items)} items can be read: {reason}")
    return {key: np.stack([row[key] for row in rows]) for key in HEAD_METRICS}, len(items) - len(rows)


async def _pair(service, on_screen: Capture, item: ContrastItem, stream: str, on_status: OnStatus) -> dict:
    """Metric -> (2, L, H)"""
    found = []
    for role in ROLES:
        request = text_request(on_screen, item.versions[role], plan=LIGHT)
        found.append((await service.capture(request, on_status)).profile(stream))
    return await asyncio.to_thread(
        lambda: {key: np.stack([head_metric(profile, key) for profile in found]) for key in HEAD_METRICS}
    )


def part_of(on_status: OnStatus, number: int, n_all: int) -> OnStatus:
    """Tells that one of many items is being run."""

    def tell(status: RunStatus) -> None:
        if status.phase == "running":
            message = f"item {number + 1} of {n_all}"
            on_status(replace(status, fraction=number / n_all, message=message))
        elif status.phase != "done":
            on_status(status)

    return tell
