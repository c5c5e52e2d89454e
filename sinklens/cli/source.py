"""Where a run comes from: a text and a model, a saved analysis, or attention from elsewhere."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sinklens.cli.outcome import ExitCode, stop
from sinklens.settings import Settings

if TYPE_CHECKING:
    from sinklens.capture.engine import Engine
    from sinklens.run import Run
    from sinklens.schema.requests import TextRequest


def bundled_names(incomplete: str) -> list[str]:
    """Completion of a model's name."""
    from sinklens.capture.model_source import bundled_models

    return [name for name in bundled_models(settings()) if name.startswith(incomplete)]


Text = Annotated[
    str | None, typer.Argument(help="The text; without one, or with '-', standard input is read.")
]
File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="Read the text from a file; one newline at its end does not count."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="Bundled model, Hugging Face id or folder.", autocompletion=bundled_names
    ),
]
Bos = Annotated[
    bool | None,
    typer.Option("--bos/--no-bos", help="Beginning-of-sequence token; as the tokenizer does by default."),
]
Special = Annotated[
    bool, typer.Option("--special-tokens/--no-special-tokens", help="Add [SEP], </s> and the like.")
]
LongText = Annotated[
    Literal["refuse", "first", "windows"], typer.Option(help="What to do with a text over the model's limit.")
]


@dataclass(frozen=True)
class Source:
    """The options that say where a run comes from, the same for every command that reads one."""

    text: Text = None
    file: File = None
    model: Model = None
    saved: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A saved analysis, or .npz, .npy, .safetensors with attention, instead of a text."
        ),
    ] = None
    tokens: Annotated[
        Path | None, typer.Option(help="Tokens of the attention of --from: a JSON list, or one on each line.")
    ] = None
    causal: Annotated[
        bool | None,
        typer.Option("--causal/--bidirectional", help="Attention of --from; read off the arrays by default."),
    ] = None
    rest_is_sink: Annotated[
        bool,
        typer.Option(
            "--rest-is-sink", help="Rows of --from that sum to less than 1 give the rest to a sink."
        ),
    ] = False
    target: Annotated[str | None, typer.Option(help="Decoder text of an encoder-decoder model.")] = None
    bos: Bos = None
    special_tokens: Special = True
    long_text: LongText = "refuse"
    window: Annotated[int, typer.Option(min=0, help="Which window, with --long-text windows.")] = 0
    edit: Annotated[
        list[str] | None,
        typer.Option(
            "--edit", "-e", help='An edit of the pass, such as "mask_keys keys=0 layers=3,4"; repeatable.'
        ),
    ] = None

    def run(self) -> Run:
        """The run, computed or opened; errors as in `sinklens.analyze` and `sinklens.open`."""
        if self.saved is not None:
            return self._opened()
        from sinklens.run import Run

        engine = new_engine()
        return Run(engine.capture(self.request().record()), engine)

    def request(self) -> TextRequest:
        """The text and how it is read, checked."""
        from sinklens.schema.edits import parse_edit
        from sinklens.schema.requests import TextRequest

        return TextRequest(
            model=self.model or settings().default_model,
            text=read_text(self.text, self.file),
            target=self.target,
            add_bos=self.bos,
            special_tokens=self.special_tokens,
            long_text=self.long_text,
            window=self.window,
            edits=[parse_edit(text) for text in self.edit or ()],
        )

    def _opened(self) -> Run:
        from sinklens.attention_file import tokens_from_text
        from sinklens.opening import open as open_run

        if self.text is not None or self.file is not None or self.edit:
            stop("With --from there is a run already: give no text and no edit.", ExitCode.BAD_INPUT)
        tokens = None if self.tokens is None else tokens_from_text(file_text(self.tokens), self.tokens.name)
        return open_run(
            self.saved,
            tokens=tokens,
            is_causal=self.causal,
            rest_is_sink=self.rest_is_sink,
            engine=new_engine(),
            settings=settings(),
        )


def with_source(command: Callable) -> Callable:
    """A command whose first argument is a Source, with the source's options as its own."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    hints = inspect.get_annotations(Source, eval_str=True)
    shared = [
        inspect.Parameter(
            item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name]
        )
        for item in fields(Source)
    ]

    @functools.wraps(command)
    def run(**options):
        source = Source(**{item.name: options.pop(item.name) for item in fields(Source)})
        command(source, **options)

    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    del run.__wrapped__
    run.__signature__ = inspect.Signature([*shared, *keyword])
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*shared, *keyword)}
    return run


def settings() -> Settings:
    """Settings from the environment; a variable that cannot be read is bad input."""
    try:
        return Settings.from_env(os.environ)
    except ValueError as error:
        stop(str(error), ExitCode.BAD_INPUT)


def new_engine() -> Engine:
    """An engine of these settings."""
    from sinklens.capture.engine import Engine

    without_loading_bars()
    return Engine(settings())


def without_loading_bars() -> None:
    """transformers writes no progress bars of its own among the results."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def read_text(text: str | None, file: Path | None) -> str:
    """The text of an argument, a file or standard input."""
    if file is not None:
        if text is not None:
            stop("Give a text or a file, not both.", ExitCode.BAD_INPUT)
        return file_text(file)
    if text not in (None, "-"):
        return text
    if sys.stdin.isatty():
        stop("Give a text, a file (--file), or pipe one in.", ExitCode.BAD_INPUT)
    return _decoded(sys.stdin.buffer.read(), "standard input")


def file_text(file: Path) -> str:
    """What a UTF-8 file says, without one newline at its end."""
    return _decoded(file.read_bytes(), f"'{file.name}'")


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        stop(f"{name} is not UTF-8 (byte {error.start}).", ExitCode.BAD_INPUT)
