"""StereoSet, CrowS-Pairs, WinoBias and Winogender from files, each row checked.

A row that cannot be read is listed with its reason; a file in which no row can be read is refused.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sinklens.contrast_records import ContrastItem, LeftOut
from sinklens.errors import BadSelection

Rows = Iterator[ContrastItem | LeftOut]
N_SHOWN_CHARS = 60
STEREOSET_ROLES = ("stereotype", "anti-stereotype", "unrelated")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_NUMBER = re.compile(r"^\d+\s+")


def load_benchmark(path: Path | str, name: str) -> tuple[tuple[ContrastItem, ...], tuple[LeftOut, ...]]:
    """The items of a benchmark and the rows that could not be read.

    Parameters
    ----------
    path : a file, or for WinoBias the folder of its lists
    name : "StereoSet", "CrowS-Pairs", "WinoBias" or "Winogender"

    Raises
    ------
    BadSelection
        An unknown benchmark, no such file, a file of another kind, or no row that can be read.
    """
    if name not in READERS:
        raise BadSelection(f"Benchmarks are {', '.join(READERS)}; got '{name}'.")
    place = Path(path).expanduser()
    if not place.exists():
        raise BadSelection(f"There is no file or folder '{path}' to read {name} from.")
    found = list(READERS[name](place))
    items = tuple(row for row in found if isinstance(row, ContrastItem))
    left_out = tuple(row for row in found if isinstance(row, LeftOut))
    if not items:
        reason = left_out[0].reason if left_out else "it is empty"
        raise BadSelection(f"'{place.name}' has no item of {name} that could be read: {reason}")
    return items, left_out


def read_stereoset(path: Path) -> Rows:
    """The published JSON file, or one item a line."""
    for number, (kind, row) in enumerate(_stereoset_rows(path)):
        identifier = f"item {number + 1}"
        if isinstance(row, dict):
            sentences = _stereoset_sentences(row)
            missing = [
                role for role in ("stereotype", "anti-stereotype", "unrelated") if not sentences.get(role)
            ]
        else:
            sentences, missing = {}, ["fields"]
        if missing:
            yield LeftOut(identifier, f"{identifier} has no {missing[0]} sentence.")
            continue
        kind = kind or ("intrasentence" if "BLANK" in str(row.get("context", "")) else "intersentence")
        yield ContrastItem(
            benchmark="StereoSet",
            identifier=str(row.get("id", number)),
            group=str(row.get("bias_type", "")),
            target=str(row.get("target", "")),
            stereotype=sentences["stereotype"],
            anti_stereotype=sentences["anti-stereotype"],
            unrelated=sentences["unrelated"],
            context="" if kind == "intrasentence" else str(row.get("context", "")),
            kind=kind,
        )


def _stereoset_rows(path: Path) -> Iterator[tuple[str, object]]:
    text = _text(path)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict):
        for kind, rows in whole["data"].items():
            yield from ((kind, row) for row in rows)
        return
    for line in filter(str.strip, text.splitlines()):
        try:
            yield "", json.loads(line)
        except ValueError:
            yield "", None


def _stereoset_sentences(row: dict) -> dict[str, str]:
    """Role -> sentence, from the published form or from one field for each role."""
    if isinstance(row.get("sentences"), list):
        pairs = [s for s in row["sentences"] if isinstance(s, dict)]
        return {str(s.get("gold_label")): str(s.get("sentence", "")).strip() for s in pairs}
    fields = {role: f"{role.replace('-', '_')}_sentence" for role in STEREOSET_ROLES}
    return {role: str(row.get(field, "")).strip() for role, field in fields.items()}


def read_crows(path: Path) -> Rows:
    """crows_pairs_anonymized.csv: sent_more goes with the stereotype, whatever its direction."""
    for number, row in _table_rows(path, ",", ("sent_more", "sent_less", "bias_type"), "CrowS-Pairs"):
        more, less = (row.get("sent_more") or "").strip(), (row.get("sent_less") or "").strip()
        if not more or not less or more == less:
            yield LeftOut(f"row {number}", f"Row {number} needs two different sentences.")
            continue
        yield ContrastItem(
            benchmark="CrowS-Pairs",
            identifier=str(number),
            group=(row["bias_type"] or "").strip(),
            target="",
            stereotype=more,
            anti_stereotype=less,
            kind=(row.get("stereo_antistereo") or "").strip(),
        )


def read_winobias(path: Path) -> Rows:
    """The lists pro_stereotyped_type1.txt.dev and their like; line n of both lists is one item."""
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.glob("pro_stereotyped_type*.txt.*"))
    if not files:
        raise BadSelection(f"The folder '{folder.name}' has no list pro_stereotyped_type*.txt.* of WinoBias.")
    for pro in files:
        anti = folder / pro.name.replace("pro_", "anti_", 1)
        if not anti.is_file():
            yield LeftOut(pro.name, f"{pro.name} has no {anti.name} beside it.")
            continue
        kind = re.sub(r".*_(type)(\d).*\.(\w+)$", r"\1 \2, \3", pro.name)
        yield from _winobias_pairs(pro, anti, kind)


def _winobias_pairs(pro: Path, anti: Path, kind: str) -> Rows:
    ours, theirs = _text(pro).splitlines(), _text(anti).splitlines()
    if len(ours) != len(theirs):
        yield LeftOut(pro.name, f"{pro.name} has {len(ours)} lines and {anti.name} has {len(theirs)}.")
        return
    for number, (line, other) in enumerate(zip(ours, theirs, strict=True), 1):
        identifier = f"{kind} {number}"
        marked = _BRACKETS.findall(line)
        if len(marked) < 2 or len(_BRACKETS.findall(other)) < 2:
            yield LeftOut(identifier, f"Line {number} of {pro.name} marks fewer than two words in brackets.")
            continue
        occupation = re.sub(r"^(the|an?)\s+", "", marked[0].strip(), flags=re.IGNORECASE)
        yield ContrastItem(
            benchmark="WinoBias",
            identifier=identifier,
            group="gender",
            target=occupation,
            stereotype=_unmarked(line),
            anti_stereotype=_unmarked(other),
            kind=kind,
        )


def _unmarked(line: str) -> str:
    """A line without its number and brackets."""
    return _BRACKETS.sub(r"\1", _NUMBER.sub("", line.strip()))


def read_winogender(path: Path) -> Rows:
    """all_sentences.tsv; which pronoun goes with the stereotype is read from occupations-stats.tsv beside it.

    An occupation is called female where more than half of those who work in it are women (column
    bls_pct_female). Sentences in which the pronoun is the other person's are left out: the statistics say
    nothing about that person.
    """
    file = path / "all_sentences.tsv" if path.is_dir() else path
    share_female = _share_female(file.with_name("occupations-stats.tsv"))
    versions: dict[tuple[str, ...], dict[str, str]] = {}
    for number, row in _table_rows(file, "\t", ("sentid", "sentence"), "Winogender"):
        parts = (row["sentid"] or "").split(".")
        if len(parts) < 4 or not row.get("sentence"):
            yield LeftOut(f"row {number}", f"Row {number} has no sentence with an id such as a.b.0.male.txt.")
            continue
        versions.setdefault(tuple(parts[:3]), {})[parts[3]] = row["sentence"].strip()
    for (occupation, participant, answer), sentences in versions.items():
        if answer != "0":
            continue
        identifier = f"{occupation}.{participant}"
        share = share_female.get(occupation)
        if share is None or not {"male", "female"} <= set(sentences):
            yield LeftOut(identifier, f"{identifier} has no statistics, or not both pronouns.")
            continue
        own, other = ("female", "male") if share > 50 else ("male", "female")
        yield ContrastItem(
            benchmark="Winogender",
            identifier=identifier,
            group="gender",
            target=occupation,
            stereotype=sentences[own],
            anti_stereotype=sentences[other],
            kind=f"{own} occupation",
        )


def _share_female(path: Path) -> dict[str, float]:
    """Occupation -> women among those who work in it, percent."""
    if not path.is_file():
        raise BadSelection(
            f"Winogender needs {path.name} beside its sentences: it says whose occupation is whose."
        )
    found = {}
    for number, row in _table_rows(path, "\t", ("occupation", "bls_pct_female"), "Winogender"):
        try:
            found[row["occupation"]] = float(row["bls_pct_female"])
        except (TypeError, ValueError):
            raise BadSelection(f"Row {number} of {path.name} has no number for the share of women.") from None
    return found


def _table_rows(
    path: Path, delimiter: str, needed: Iterable[str], benchmark: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """(number, row) of a table with a line of titles."""
    reader = csv.DictReader(io.StringIO(_text(path)), delimiter=delimiter)
    titles = reader.fieldnames or []
    missing = [title for title in needed if title not in titles]
    if missing:
        shown = ", ".join(title for title in titles if title)[:N_SHOWN_CHARS]
        raise BadSelection(f"{benchmark} has a column '{missing[0]}'; '{path.name}' has {shown or 'none'}.")
    yield from enumerate(reader, 1)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise BadSelection(f"'{path.name}' cannot be read as UTF-8 text ({type(error).__name__}).") from error


READERS: dict[str, Callable[[Path], Rows]] = {
    "StereoSet": read_stereoset,
    "CrowS-Pairs": read_crows,
    "WinoBias": read_winobias,
    "Winogender": read_winogender,
}
