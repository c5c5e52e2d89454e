"""What a notebook shows of a run: the page's heat map and mosaic, fed once."""

from __future__ import annotations

from sinklens.analysis.head_finding import finding_sentence, head_finding
from sinklens.analysis.learned_sink import has_learned_sink
from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.analysis.sinks import sink_table
from sinklens.errors import NotCaptured
from sinklens.results import Capture, HeadMap
from sinklens.widgets.heatmap import Heatmap
from sinklens.widgets.mosaic import Mosaic, PackedMosaic, pack_mosaic
from sinklens.widgets.picture import Axes, Picture, picture


def head_widget(capture: Capture, head_map: HeadMap) -> Heatmap:
    """One head's map; sinks that the sink table finds are marked."""
    widget = Heatmap(scale="sqrt")
    widget.show(head_picture(capture, head_map), about=[capture])
    return widget


def all_heads_widget(capture: Capture, stream: str | None = None) -> Mosaic:
    """All heads; the widget's `head` is what was clicked. NotCaptured where the run kept no thumbnails."""
    packed = head_thumbnails(capture, stream)
    widget = Mosaic()
    n_layers, n_heads = packed.shape
    widget.readings = [f"layer {layer}, head {head}" for layer in range(n_layers) for head in range(n_heads)]
    widget.show(packed, label=all_heads_label(capture, stream), about=[capture])
    return widget


def head_picture(capture: Capture, head_map: HeadMap) -> Picture:
    """One head's map with its tokens, its sinks and its finding."""
    profile = capture.profile(head_map.stream)
    finding = head_finding(profile, head_map.layer, head_map.head)
    learned = has_learned_sink(capture, head_map.stream)
    label = finding_sentence(finding, head_map.key_labels[finding.key], has_learned_sink=learned)
    axes = Axes(
        rows=head_map.query_labels,
        columns=head_map.key_labels,
        same_tokens=head_map.stream != "cross",
        marked=sink_keys(capture, head_map.stream),
        marked_text="sink",
        hint="Point at a cell to read it.",
    )
    return picture(head_map.weights, axes, label=label)


def head_thumbnails(capture: Capture, stream: str | None) -> PackedMosaic:
    """All heads made small; NotCaptured where the run kept no thumbnails."""
    profile = capture.profile(stream)
    if profile.thumbnails is None:
        raise NotCaptured("This run kept no picture of its heads.")
    is_pooled = profile.thumbnails.shape[-2:] != (profile.n_queries, profile.n_keys)
    return pack_mosaic(profile.thumbnails, is_pooled=is_pooled)


def all_heads_label(capture: Capture, stream: str | None) -> str:
    """What a picture of all heads shows."""
    profile = capture.profile(stream)
    return f"All {profile.n_layers * profile.n_heads} heads of {profile.stream} attention."


def sink_keys(capture: Capture, stream: str) -> tuple[int, ...]:
    """Key positions that the sink table calls sinks under its default definition."""
    table = sink_table(capture, stream=stream)
    return tuple(int(i) for i in table.loc[table["label"].isin(SINK_LABELS), "index"] if i >= 0)
