"""A widget whose picture can be had as a file: what the browser asks for, and the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sinklens.errors import BadSelection, SinkLensError
from sinklens.export.provenance import provenance_of
from sinklens.file_name import file_name
from sinklens.results import Capture
from sinklens.version import VERSION

if TYPE_CHECKING:  # matplotlib is imported when the first figure is drawn
    from sinklens.figures.paper import FigureFile, Paper
    from sinklens.figures.studio import Drawing

logger = logging.getLogger(__name__)
N_TITLE_CHARS = 60
DEFECT = "The figure could not be drawn because of a defect in SinkLens; the log has the details."
Answer = tuple[dict, list[bytes]]
About = Capture | str
"""What a picture rests on: a run, or words where it rests on something else."""


class OnPaper:
    """For widgets with a `label`; `drawing` says what is drawn, `about` what it rests on.

    The browser's side is figure_menu.js.
    """

    about: Sequence[About] = ()

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self.on_msg(self._asked)

    def __repr__(self) -> str:
        # All that a notebook shows where it is read without Python, or is not trusted.
        return f"<{type(self).__name__}: {self.label or 'nothing yet'}>"

    def drawing(self) -> Drawing:
        """What the widget shows, as a figure."""
        raise NotImplementedError

    def scale_sentence(self) -> str:
        """What the colours mean; empty where they mean nothing."""
        return ""

    def caption(self) -> list[str]:
        """Lines below the figure: what it shows, then model, revision, text and version."""
        facts = "; ".join(_facts(part) for part in self.about) or f"SinkLens {VERSION}"
        return [
            line for line in (self.label, ", ".join(filter(None, (facts, self.scale_sentence())))) if line
        ]

    def figure_file(self, paper: Paper) -> FigureFile:
        """The picture as a file; BadSelection for what cannot be drawn."""
        from sinklens.figures.studio import figure_file

        return figure_file(self.drawing(), paper, self.caption())

    def answer_later(self, answer: Callable[[], Answer]) -> None:
        """Work out an answer and send it; at once here, in the background where a page has many visitors."""
        self.send(*answer())

    def _asked(self, _, content: dict, buffers: list) -> None:
        if content.get("asks") == "figure":
            self.answer_later(lambda: self._figure_answer(content))

    def _figure_answer(self, content: dict) -> Answer:
        sent = {"answers": "figure", "number": content.get("number")}
        try:
            file = self.figure_file(_paper(content.get("paper")))
        except SinkLensError as error:
            return sent | {"problem": str(error)}, []
        except Exception:  # whoever waits for the figure is told, and the log has the rest
            logger.exception("A figure could not be drawn.")
            return sent | {"problem": DEFECT}, []
        name = file_name("sinklens", *self._models(), str(content.get("title", ""))[:N_TITLE_CHARS],
                         ending=file.format)  # fmt: skip
        return sent | {"name": name, "type": file.media_type, "note": file.note}, [file.content]

    def _models(self) -> list[str]:
        return list(dict.fromkeys(part.model.name for part in self.about if isinstance(part, Capture)))


def _paper(asked) -> Paper:
    """The paper that a browser asks for; BadSelection for what is no size."""
    from sinklens.figures.paper import Paper

    try:
        return Paper(**asked)
    except TypeError as error:
        raise BadSelection("The size of the figure is not understood.") from error


def _facts(part: About) -> str:
    return provenance_of(part).caption() if isinstance(part, Capture) else f"{part}, SinkLens {VERSION}"
