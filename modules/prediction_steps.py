"""How a probability comes out of a logit, in numbers that can be checked: all candidates, and one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from htmltools import Tag
from shiny import ui

from modules.quantity import count
from modules.widgets.scroll_area import scroll_area
from modules.widgets.telling import tells
from modules.widgets.word_cell import word_head
from sinklens.prediction_records import Predictions
from sinklens.records import Token


@dataclass(frozen=True)
class Candidate:
    """One token at one position, with the numbers between its logit and its probability."""

    label: str
    rank: int
    logit: float
    max_logit: float
    sum_exp: float
    """Over the whole vocabulary."""
    is_actual: bool
    """The text has this token there."""

    @property
    def difference(self) -> float:
        """Logit minus the largest one, at most 0."""
        return self.logit - self.max_logit

    @property
    def exp(self) -> float:
        """0..1"""
        return math.exp(self.difference)

    @property
    def probability(self) -> float:
        """0..1"""
        return self.exp / self.sum_exp

    @property
    def surprisal(self) -> float:
        """Minus ln of the probability, nats."""
        return math.log(self.sum_exp) - self.difference


def candidates(predictions: Predictions, row: int, actual: Token | None) -> list[Candidate]:
    """The most likely tokens of one position, and the one that the text has where it is not among them.

    Parameters
    ----------
    row : index into `predictions.positions`
    actual : the token of the text, None where it is open
    """
    steps, actual_id = predictions.steps, None if actual is None else actual.id
    sums = {"max_logit": float(steps.max_logit[row]), "sum_exp": float(steps.sum_exp[row])}
    ids = predictions.ids[row].tolist()
    found = [
        Candidate(label, rank, float(logit), **sums, is_actual=token_id == actual_id)
        for rank, (label, logit, token_id) in enumerate(
            zip(predictions.labels[row], steps.logits[row], ids, strict=True), start=1
        )
    ]
    if actual is not None and actual_id not in ids:
        rank, logit = int(predictions.actual_rank[row]), float(steps.actual_logit[row])
        found.append(Candidate(actual.label, rank, logit, **sums, is_actual=True))
    return found


def candidate_table(
    found: list[Candidate], *, caption: str, n_vocabulary: int, pick: str, key: str, chosen: int = 0
) -> Tag:
    """All steps of all candidates; a radio button in each row chooses the one that is read out below.

    Parameters
    ----------
    pick : full id of the input that is told "key-row"
    key : what the table belongs to; tells its choice from that of an earlier table
    """
    names = ("rank", "token", "logit", "− largest", "exp", "÷ sum")
    head = ui.tags.tr(*(_heading(name) for name in names))
    rows = (
        _row(candidate, pick=pick, value=f"{key}-{place}", is_chosen=place == chosen)
        for place, candidate in enumerate(found)
    )
    total = ui.tags.tr(
        ui.tags.td(),
        ui.tags.th(f"sum over all {count(n_vocabulary)} tokens", scope="row", colspan="3", translate="yes"),
        ui.tags.td(_number(found[0].sum_exp), class_="sl-num"),
        ui.tags.td("1", class_="sl-num"),
    )
    table = ui.tags.table(
        ui.tags.caption(caption),
        ui.tags.thead(head),
        ui.tags.tbody(*rows),
        ui.tags.tfoot(total),
        class_="sl-table dive-candidates",
    )
    return scroll_area(table, label="Candidates")


def step_list(candidate: Candidate, n_vocabulary: int) -> Tag:
    """The way to one probability in words and numbers."""
    lines = step_lines(candidate, n_vocabulary)
    return ui.tags.ol(
        *(ui.tags.li(ui.span(words), ui.tags.code(numbers)) for words, numbers in lines), class_="dive-steps"
    )


def step_lines(candidate: Candidate, n_vocabulary: int) -> list[tuple[str, str]]:
    """(words, numbers) of every step."""
    logit, largest = _plain(candidate.logit), _plain(candidate.max_logit)
    taken = f"({largest})" if candidate.max_logit < 0 else largest
    difference, exp, total = _plain(candidate.difference), _number(candidate.exp), _number(candidate.sum_exp)
    share = _number(candidate.probability)
    return [
        (f"Logit of “{candidate.label}” (rank {count(candidate.rank)}), from the prediction head", logit),
        ("Minus the largest logit, so that nothing overflows", f"{logit} − {taken} = {difference}"),
        ("Exponential", f"exp({difference}) = {exp}"),
        (
            f"Divided by the sum of all {count(n_vocabulary)} exponentials: the probability",
            f"{exp} / {total} = {share}",
        ),
        ("Surprisal, if this token stands there", f"−ln {share} = {candidate.surprisal:.4f} nats"),
    ]


def chosen_row(value: str | None, key: str, n_rows: int) -> int:
    """The row that the radio buttons of this very table report, the first one before any choice."""
    found, _, row = (value or "").rpartition("-")
    return int(row) if found == key and row.isdecimal() and int(row) < n_rows else 0


def _row(candidate: Candidate, *, pick: str, value: str, is_chosen: bool) -> Tag:
    radio = ui.tags.input(
        tells(pick),
        type="radio",
        name=pick,
        value=value,
        checked="" if is_chosen else None,
    )
    token = ui.tags.label(
        radio,
        ui.tags.bdi(candidate.label, dir="auto"),
        ui.span(" in the text", class_="sl-actual-mark") if candidate.is_actual else None,
    )
    numbers = (
        _plain(candidate.logit),
        _plain(candidate.difference),
        _number(candidate.exp),
        _number(candidate.probability),
    )
    return ui.tags.tr(
        ui.tags.td(count(candidate.rank), class_="sl-num sl-muted"),
        word_head(token),
        *(ui.tags.td(number, class_="sl-num") for number in numbers),
        class_="sl-actual" if candidate.is_actual else None,
    )


def _heading(name: str) -> Tag:
    return ui.tags.th(name, scope="col", class_=None if name == "token" else "sl-num")


def _plain(value: float) -> str:
    """Four decimals with a true minus sign."""
    return f"{value:.4f}".replace("-", "−")


def _number(value: float) -> str:
    """Four decimals, or two digits and a power where nothing would be left of them."""
    return f"{value:,.4f}" if value >= 0.001 else f"{value:.2e}".replace("-", "−")
