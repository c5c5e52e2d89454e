"""The front door of the library: a text in, a Run out."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from sinklens import run_arrays
from sinklens.analysis.sinks import sink_table
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotCaptured
from sinklens.export import saved
from sinklens.interventions import Intervention
from sinklens.records import CapturePlan, CaptureRequest, Token
from sinklens.results import Capture, HeadMap, Predictions, Profile
from sinklens.settings import Settings

_ENGINE = Engine(Settings())


def shared_engine() -> Engine:
    """The engine of this process that runs share where they are given none."""
    return _ENGINE


def analyze(
    model: str,
    text: str,
    *,
    target: str | None = None,
    add_bos: bool | None = None,
    special_tokens: bool = True,
    long_text: str = "refuse",
    window: int = 0,
    plan: CapturePlan | None = None,
    engine: Engine | None = None,
) -> Run:
    """Run a text through a model and keep what its attention did.

    Parameters
    ----------
    model : str
        Name of a bundled model ("demo-gpt2"), a Hugging Face id, or a folder.
    text : str
    target : str, optional
        Decoder text of an encoder-decoder model; it reads the text itself by default.
    add_bos : bool, optional
        Put a beginning-of-sequence token in front; as the tokenizer does by default.
    long_text : {"refuse", "first", "windows"}
        What to do with a text over the model's limit.
    engine : Engine, optional
        Shares loaded models; one per process by default.

    Raises
    ------
    SinkLensError
        With a sentence that says what was expected and what came.
    """
    request = CaptureRequest(
        model=model,
        text=text,
        target=target,
        add_bos=add_bos,
        special_tokens=special_tokens,
        long_text=long_text,
        window=window,
        plan=plan or CapturePlan(),
    )
    engine = engine or _ENGINE
    return Run(engine.capture(request), engine)


class Run:
    """One analysed text.

    >>> run = analyze("demo-gpt2", "The cat sat on the mat.")  # doctest: +SKIP
    >>> run.map(layer=3, head=2).shape  # doctest: +SKIP
    (8, 8)
    """

    def __init__(self, capture: Capture, engine: Engine) -> None:
        self.capture = capture
        self._engine = engine

    def __repr__(self) -> str:
        model = self.capture.model
        edits = "; ".join(edit.sentence() for edit in self.capture.request.interventions)
        shape = f"{len(self.tokens)} tokens, {model.n_layers} layers x {model.n_heads} heads"
        return f"<Run of {model.name}: {shape}{', ' + edits if edits else ''}>"

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The text's tokens, special ones included."""
        return self.capture.prompt.tokens

    @property
    def profile(self) -> Profile:
        """Named arrays of the main attention stream; axes are documented on `Profile`."""
        return self.capture.profile()

    def map(self, layer: int, head: int, stream: str | None = None) -> np.ndarray:
        """One head's attention, float32 array of shape (Q, K); NaN where a query cannot see a key."""
        return self.head_map(layer, head, stream).weights

    def head_map(self, layer: int, head: int, stream: str | None = None) -> HeadMap:
        """One head's attention with the labels of its tokens and the norms of what it writes."""
        return self._engine.head_map(self.capture, stream or self.capture.main_stream, layer, head)

    def figure(
        self,
        layer: int | None = None,
        head: int | None = None,
        *,
        path: Path | str | None = None,
        format: str | None = None,
        stream: str | None = None,
        scale: str = "sqrt",
        palette: str = "viridis",
        width_mm: float = 160.0,
        height_mm: float | None = None,
        dpi: int = 300,
    ) -> bytes:
        """One head's map as a figure for a paper, or all heads where no head is named; its bytes.

        Parameters
        ----------
        path : also write it there; the ending says the format
        format : {"svg", "pdf", "png"}; the ending of `path` by default, else "svg"
        scale : {"linear", "sqrt", "log"}
        palette : {"viridis", "cividis"}
        height_mm : as high as the figure needs by default

        Raises
        ------
        BadSelection
            A format, a size or a head that there is not.
        """
        from sinklens.figures.paper import Paper
        from sinklens.figures.run_figures import head_figure, mosaic_figure

        form = format or (Path(path).suffix.removeprefix(".") if path else "svg")
        paper, look = Paper(form, width_mm, height_mm, dpi), {"scale": scale, "palette": palette}
        if (layer is None) != (head is None):
            raise BadSelection("Name a layer and a head, or neither for all heads.")
        if layer is None:
            file = mosaic_figure(self.capture, paper, stream=stream, **look)
        else:
            file = head_figure(self.capture, self.head_map(layer, head, stream), paper, **look)
        if path is not None:
            Path(path).write_bytes(file.content)
        return file.content

    def sinks(self, **choices) -> pd.DataFrame:
        """One row per token: attention received, floor, excess, norms, label and its reason.

        Choices are those of `sinklens.analysis.sinks.sink_table`.
        """
        return sink_table(self.capture, **choices)

    def heads(self, stream: str | None = None) -> pd.DataFrame:
        """One row per head: its type with the reason, what it rests on sinks, and all pattern scores.

        Columns are those of `sinklens.analysis.head_types.head_types`.
        """
        return self._engine.head_profiles(self.capture, stream or self.capture.main_stream).table

    def predictions(self, positions: tuple[int, ...] | None = None, *, together: bool = False) -> Predictions:
        """Most likely tokens: next tokens of a causal model, masked ones of a masked model.

        Parameters
        ----------
        positions : tuple of int, optional
            Every position by default; a masked model reads the text once for each.
        together : bool
            Mask all positions at once; masked models only.
        """
        if self.capture.predictions is not None:
            if together:
                raise BadSelection("This model predicts next tokens; it has no mask to put on several.")
            return self.capture.predictions if positions is None else self.capture.predictions.at(positions)
        self._require_model()
        chosen = positions if positions is not None else self._maskable
        return self._engine.masked_predictions(self.capture, tuple(chosen), together)

    @cached_property
    def loss(self) -> float:
        """Mean loss per token, nats.

        Causal models: of each next token. Masked models: of each token masked alone (pseudo-loss,
        Salazar et al. 2020), one pass per token.
        """
        if self.capture.loss is not None:
            return self.capture.loss
        if self.capture.model.mask_token is None or len(self._maskable) == 0:
            raise NotCaptured(
                "This model gives no predictions to take a loss of, or the text is too short for one."
            )
        return self._engine.masked_loss(self.capture, self._maskable)

    def edit(self, *interventions: Intervention) -> Run:
        """The same text and model with these edits of attention added, run again."""
        self._require_model()
        request = self.capture.request
        edited = replace(request, interventions=request.interventions + interventions)
        return Run(self._engine.capture(edited), self._engine)

    def show(self, layer: int | None = None, head: int | None = None, *, stream: str | None = None):
        """The page's widgets in a notebook (Jupyter, marimo): all heads, or one head's map.

        Returns
        -------
        sinklens.widgets.heatmap.Heatmap or sinklens.widgets.mosaic.Mosaic
            An anywidget; the mosaic's `head` is the [layer, head] that was clicked.
        """
        from sinklens.run_widgets import all_heads_widget, head_widget

        if (layer is None) != (head is None):
            raise BadSelection("Name a layer and a head, or neither for all heads.")
        if layer is None:
            return all_heads_widget(self.capture, stream)
        return head_widget(self.capture, self.head_map(layer, head, stream))

    def numpy(self, stream: str | None = None) -> dict[str, np.ndarray]:
        """Arrays of the profile by name; axes are documented on `Profile`."""
        return run_arrays.arrays_of(self.capture, stream)

    def pandas(self, stream: str | None = None) -> pd.DataFrame:
        """One row for each layer, head and key; columns are those of `run_arrays.keys_table`."""
        return run_arrays.keys_table(self.capture, stream)

    def xarray(self, stream: str | None = None):
        """The profile as a labelled `xarray.Dataset` over layer, head, query and key.

        Raises
        ------
        NotCaptured
            xarray is not installed: `pip install 'sinklens[xarray]'`.
        """
        return run_arrays.dataset(self.capture, stream)

    def save(
        self, path: Path | str, *, with_maps: bool = True, view: dict | None = None, note: str = ""
    ) -> None:
        """Write this run as one file that `sinklens.open` opens again; OSError when the disk refuses.

        Parameters
        ----------
        with_maps : keep what any head's map is computed from; without, the file is small
        view : what was being looked at, such as the layer, the head and the definition
        note : words of your own
        """
        saved.save(saved.analysis_of(self.capture, view=view, note=note, with_maps=with_maps), path)

    def _require_model(self) -> None:
        if self.capture.model.source == "file":
            raise NotCaptured("This attention came from a file: there is no model to run again.")

    @property
    def _maskable(self) -> tuple[int, ...]:
        return tuple(token.index for token in self.tokens if not token.is_special)
