"""`sinklens study` and `sinklens texts`: many texts x many models, from a terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from sinklens.cli.outcome import ExitCode, stop
from sinklens.cli.source import settings, without_loading_bars
from sinklens.errors import RunCancelled
from sinklens.study.errors import BadStudy, DiskFull, FolderInUse, Problem
from sinklens.study.folder import StudyFolder
from sinklens.study.plan import Study, TextSource
from sinklens.study.records import Progress as StudyProgress
from sinklens.study.running import run_study
from sinklens.study.study_file import examples, load_study
from sinklens.study.text_set import gather
from sinklens.study.workers import Workers

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def study(
    file: Annotated[Path, typer.Argument(help="A study file (.yaml), or the name of one that comes along.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the results; studies/<name> by default.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of the cluster, such as 'auto' or 'ray://host:10001'.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes (local) or actors (Ray), each with its own model; as many as fit by default.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read the study and its texts, and run nothing.")
    ] = False,
) -> None:
    """Run a study, or go on with one: what is complete in its folder is not done again."""
    path, base = _file(file)
    plan = load_study(path)
    if check:
        _check(plan, base)
        return
    place = out or Path("studies") / path.stem
    with _stopped_by_signals() as stopped, _bar() as show:
        try:
            last = run_study(
                plan,
                place,
                lambda: _workers(plan, engine, address, workers),
                base=base,
                yaml=path.read_text("utf-8"),
                on_progress=show,
                is_cancelled=stopped.is_set,
            )
        except RunCancelled:
            stop(
                f"Stopped. What is finished is in {place}; the same command goes on from there.",
                ExitCode.INTERRUPTED,
            )
        except (DiskFull, FolderInUse) as error:
            stop(str(error), ExitCode.FAILED)
    _tell(StudyFolder(place), plan, last)


def texts(
    source: Annotated[str, typer.Argument(help="A .txt, .csv or .jsonl file, a folder, or a data set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .jsonl file to write.")],
    n: Annotated[int, typer.Option("--n", min=1, help="How many texts.")] = 100,
    model: Annotated[
        str, typer.Option(help="Whose tokenizer counts the tokens, special ones left out.")
    ] = "demo-gpt2",
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest text, special tokens left out.")
    ] = None,
    min_tokens: Annotated[int, typer.Option(min=1, help="Shortest text.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 42,
    longer: Annotated[Literal["skip", "cut"], typer.Option(help="What happens to longer texts.")] = "skip",
    column: Annotated[str, typer.Option(help="Column or field that holds the text.")] = "text",
    category_column: Annotated[str | None, typer.Option(help="Column or field that names the group.")] = None,
    split: Annotated[str, typer.Option(help="Part of a data set.")] = "train",
    config: Annotated[str | None, typer.Option(help="Configuration of a data set.")] = None,
) -> None:
    """Draw an evaluation set and store it with hashes, so that a study can be repeated on the same texts."""
    from sinklens.capture.loading import read_tokenizer
    from sinklens.capture.model_source import find_model
    from sinklens.study.text_drawing import Draw, draw_texts, write_texts

    is_file = Path(source).expanduser().exists() or Path(source).suffix in (".txt", ".csv", ".jsonl")
    place = {"path": source} if is_file else {"dataset": source, "split": split, "config": config}
    wanted = TextSource(**place, column=column, category_column=category_column)
    tokenizer = read_tokenizer(find_model(model, settings()))
    drawn = draw_texts([wanted], tokenizer, Draw(n, seed, max_tokens, min_tokens, longer))
    digest = write_texts(out, drawn)
    lengths = sorted(text.n_tokens for text in drawn)
    typer.echo(
        f"{len(drawn)} texts of {lengths[0]} to {lengths[-1]} tokens ({model}) in {out}\nsha256 {digest}"
    )


def _file(file: Path) -> tuple[Path, Path]:
    """The study file, and the folder that its paths are counted from: for one that comes along, this one."""
    known = examples()
    if str(file) in known and not file.exists():
        return known[str(file)], Path()
    if not file.exists() and not file.suffix:
        sentence = f"there is no such file, and no study of this name comes along ({', '.join(known)})"
        raise BadStudy([Problem(None, "", sentence)], str(file))
    return file, file.parent


def _check(plan: Study, base: Path) -> None:
    """What would be run."""
    with gather(plan, base) as found:
        counts = found.counts()
        typer.echo(
            f"{plan.name}: {counts.n:,} texts ({counts.n_repeated:,} more are repetitions), "
            f"{len(plan.models)} models, {len(plan.edited)} interventions, {len(plan.seeds)} seeds"
        )
        for item in found.unread[:20]:
            typer.echo(f"  not read: {item.source}: {item.reason}")
        if len(found.unread) > 20:
            typer.echo(f"  and {len(found.unread) - 20:,} more")


def _workers(plan: Study, engine: str, address: str | None, n: int | None) -> Workers:
    if engine == "ray":
        from sinklens.study.ray_workers import RayWorkers

        return RayWorkers(plan, address=address, n_workers=n)
    from sinklens.study.process_workers import ProcessWorkers
    from sinklens.study.workers import LocalWorkers

    if n != 1:
        return ProcessWorkers(plan, n)
    without_loading_bars()
    return LocalWorkers(plan)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Ctrl-C and a polite kill end the run between two layers, with everything in order."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar():
    """A progress bar on standard error; in a file, a line for every model."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("reading texts", total=None, rate="", left="")

        def show(progress: StudyProgress) -> None:
            rate = f"{progress.tokens_per_s:,.0f} tokens/s" if progress.tokens_per_s else ""
            left = f"{duration(progress.eta_s)} left" if progress.eta_s else ""
            words = (
                progress.message or f"{progress.model} {progress.n_texts_done:,}/{progress.n_texts:,} texts"
            )
            words = "reading texts" if progress.state == "reading" else words
            bar.update(
                task,
                description=words,
                total=progress.work or None,
                completed=progress.work_done,
                rate=rate,
                left=left,
            )

        yield show


def duration(seconds: float) -> str:
    """ "40 s", "3 min", "2 h 10 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _tell(folder: StudyFolder, plan: Study, last: StudyProgress) -> None:
    """What there is now, and what is missing."""
    failures = folder.failures().to_pylist()
    typer.echo(f"{last.n_texts_done:,} of {last.n_texts:,} runs (texts x models) are in {folder.path}.")
    if failures:
        typer.echo(f"{len(failures):,} things could not be measured; the first of them:")
    for failure in failures[:5]:
        where = [failure["model"], failure["condition"], failure["measurement"]]
        where += [] if failure["text_id"] is None else [f"text {failure['text_id']}"]
        typer.echo(f"  {', '.join(part for part in where if part)}: {failure['reason']}")
    if plan.steps.report:
        from sinklens.study.report import report_html
        from sinklens.study.report_data import read_report

        folder.write_text("report.html", report_html(read_report(folder)))
        typer.echo(f"Report: {folder.path / 'report.html'}")
    broken = [name for name, facts in folder.models().items() if "error" in facts]
    if len(broken) == len(plan.models):
        stop("No model could be loaded.", ExitCode.FAILED)
