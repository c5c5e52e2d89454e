"""Files to take away from a study: the report, its tables in one piece, and the head cards as an archive."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sinklens.errors import BadSelection, RunCancelled
from sinklens.study.folder import StudyFolder
from sinklens.study.head_card_folder import write_cards, write_models
from sinklens.study.records import TABLES
from sinklens.study.report import report_html
from sinklens.study.report_data import TokenLabels, has_heads, read_report, rows_by_head

OnProgress = Callable[[float, str], None]
IsCancelled = Callable[[], bool]
README = (
    "Tables of the study '{name}'. One row per text x model x condition (runs), the same for every head "
    "(heads), what failed (failures), and the texts (texts). Every column's unit and meaning:\n\n"
)


def write_file(folder: StudyFolder, name: str, on_progress: OnProgress, is_cancelled: IsCancelled) -> Path:
    """Write one of report.html, study.yaml, parquet.zip, csv.zip, heads.zip into a folder of its own.

    Raises
    ------
    BadSelection
        There is no such file.
    RunCancelled
        Nobody waits for it any more.
    """
    writers = {
        "report.html": lambda place: place.write_text(report_html(read_report(folder)), "utf-8"),
        "study.yaml": lambda place: place.write_text(folder.yaml(), "utf-8"),
        "parquet.zip": lambda place: _zip_tables(folder, place, _parquet, on_progress, is_cancelled),
        "csv.zip": lambda place: _zip_tables(folder, place, _csv, on_progress, is_cancelled),
        "heads.zip": lambda place: _zip_cards(folder, place, on_progress, is_cancelled),
    }
    if name not in writers:
        raise BadSelection(f"A study has the files {', '.join(writers)}; got '{name}'.")
    home = Path(tempfile.mkdtemp(prefix="sinklens-download-"))
    try:
        writers[name](home / name)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home / name


def write_head_cards(
    folder: StudyFolder,
    out: Path,
    on_progress: OnProgress = lambda fraction, message: None,
    is_cancelled: IsCancelled = lambda: False,
) -> int:
    """Head cards of every model of a study as a folder of static files; the number of cards.

    Raises
    ------
    BadSelection
        The study has not measured heads.
    """
    about = folder.about()
    slugs = {model: slug for model, slug in (about.get("models") or {}).items() if has_heads(folder, model)}
    if not slugs:
        raise BadSelection(
            "This study has no heads to make cards of: its measurements need 'heads', and 'head_types' and "
            "'excerpts' for what the cards say beyond numbers."
        )
    facts, written = folder.models(), []
    for index, (model, slug) in enumerate(slugs.items()):
        about_model = facts.get(model, {})
        n_heads = max(int(about_model.get("n_layers", 1)) * int(about_model.get("n_heads", 1)), 1)
        done = []

        def note(card, done=done, index=index, n_heads=n_heads, model=model) -> None:
            done.append(card.name)
            part = min(len(done) / n_heads, 1.0)
            on_progress((index + part) / len(slugs), f"head {card.name} of {model}")

        # A study of one model has its list of heads at the top.
        place = out if len(slugs) == 1 else out / slug
        rows, labels = rows_by_head(folder, model), TokenLabels(folder, model)
        study = str(about.get("name", ""))
        n = write_cards(
            place, rows, labels, model=model, study=study, on_head=note, is_cancelled=is_cancelled
        )
        written.append((model, slug, n))
    if len(slugs) > 1:
        write_models(out, written, str(about.get("name", "")))
    return sum(n for *_, n in written)


def _zip_cards(folder: StudyFolder, place: Path, on_progress: OnProgress, is_cancelled: IsCancelled) -> None:
    out = place.parent / "heads"
    write_head_cards(folder, out, on_progress, is_cancelled)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(out.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(out))
    shutil.rmtree(out)


def _zip_tables(
    folder: StudyFolder, place: Path, write: Callable, on_progress: OnProgress, is_cancelled: IsCancelled
) -> None:
    """Every table as one file, a piece at a time, so that memory does not grow with the study."""
    names = [*TABLES, "texts"]
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, table in enumerate(names):
            on_progress(index / len(names), f"table {table}")
            written = write(folder, table, place.parent, is_cancelled)
            archive.write(written, written.name)
            written.unlink()
        archive.writestr("columns.txt", README.format(name=folder.about().get("name", "")) + _columns())
        if folder.yaml():
            archive.writestr("study.yaml", folder.yaml())
        archive.writestr("study.json", json.dumps(folder.about(), ensure_ascii=False, indent=1))


def _parts(folder: StudyFolder, table: str, is_cancelled: IsCancelled) -> Iterator[pa.Table]:
    if table == "texts":
        yield folder.texts()
        return
    for part in [folder.failures()] if table == "failures" else folder.batches(table):
        if is_cancelled():
            raise RunCancelled("The download was stopped.")
        yield part


def _parquet(folder: StudyFolder, table: str, home: Path, is_cancelled: IsCancelled) -> Path:
    place, writer = home / f"{table}.parquet", None
    for part in _parts(folder, table, is_cancelled):
        writer = writer or pq.ParquetWriter(place, part.schema, compression="zstd")
        writer.write_table(part)
    if writer is None:
        pq.write_table(TABLES[table].empty_table(), place)
    else:
        writer.close()
    return place


def _csv(folder: StudyFolder, table: str, home: Path, is_cancelled: IsCancelled) -> Path:
    """Lists are JSON in their cell; what is null is an empty cell."""
    place = home / f"{table}.csv"
    with place.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        has_head = False
        for part in _parts(folder, table, is_cancelled):
            if not has_head:
                rows.writerow(part.column_names)
                has_head = True
            columns = [column.to_pylist() for column in part.columns]
            rows.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
        if not has_head:
            rows.writerow(TABLES[table].names)
    return place


def _cell(value):
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _columns() -> str:
    out = io.StringIO()
    for table, schema in TABLES.items():
        out.write(f"{table}\n")
        for item in schema:
            about = {key.decode(): text.decode() for key, text in (item.metadata or {}).items()}
            unit = f" [{about['unit']}]" if about.get("unit") else ""
            out.write(f"  {item.name}{unit}: {about.get('meaning', '')}\n")
    return re.sub(r" +\n", "\n", out.getvalue())
