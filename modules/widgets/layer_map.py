"""A heat map of layers by positions; its cells may carry a token each."""

from __future__ import annotations

from collections.abc import Sequence

import traitlets

from modules.widgets.heatmap import Heatmap, Picture, joined


class LayerMap(Heatmap):
    """The rows are few and keep their names however narrow the columns get.

    Cells wide enough to hold some letters show their token; the others show it once enlarged.
    """

    _esm = joined("cells.js", "stage.js", "axes.js", "heatmap_input.js", "heatmap.js", "layer_map.js")

    texts = traitlets.List().tag(sync=True)
    """A token for every cell, row by row; empty: none."""

    def show_tokens(
        self, picture: Picture, texts: Sequence[str], *, cell: tuple[int, int] | None = None
    ) -> None:
        """Draw a picture and its tokens in one message; `cell` as in `Heatmap.show`."""
        with self.hold_sync():
            self.texts = list(texts)
            self.show(picture, cell=cell)
