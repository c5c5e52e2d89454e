"""One head card as a page of its own and as plain data."""

from __future__ import annotations

import json
from html import escape

from sinklens.analysis.head_types import TYPES
from sinklens.analysis.plain_data import plain
from sinklens.analysis.quantity import percent
from sinklens.study.head_card import N_DECILES, NUMBERS, Excerpt, HeadCard
from sinklens.study.html_page import document, figure, figures, paragraph, section, table
from sinklens.study.html_svg import interval_chart, number_scale
from sinklens.study.report_numbers import write_number
from sinklens.study.report_sections import INTERVAL, SPREAD_HEAD, count_of, spread_cells

RANKING = (
    "Texts are ranked by the largest output norm ‖Σ A v‖ of a query in them (query 0 left out) and cut into "
    "ten equal parts; shown is that query and, among the keys but the first, the one with its largest weight."
)
MARKS = "Outlined: the query. Underlined on amber: the key. “…” stands for tokens that are left out."


def card_html(card: HeadCard, model: str) -> str:
    """The card as one HTML file; its links lead to the model's list of heads and to the data."""
    body = (
        f'<p><a href="../index.html">All heads of {escape(model)}</a> · '
        f'<a href="{escape(file_stem(card))}.json">JSON</a></p>'
        f"<h1>Head {card.name}</h1>"
        + paragraph(f"{model}, {count_of(card.n_texts, 'text')}", "note")
        + paragraph(finding(card), "finding")
        + _numbers(card)
        + _types(card)
        + _excerpts(card)
    )
    return document(f"{model}, head {card.name}", body)


def card_json(card: HeadCard, model: str) -> str:
    """The card as JSON; what is no number is null."""
    facts = {
        "model": model,
        "layer": card.layer,
        "head": card.head,
        "n_texts": card.n_texts,
        "types": [{"type": name, "n_texts": n} for name, n in card.types],
        "n_dormant": card.n_dormant,
        "numbers": {
            column: {
                "name": NUMBERS[column][0], "unit": NUMBERS[column][1], "n": spread.n, "mean": spread.mean,
                "sd": spread.sd, "min": spread.low, "max": spread.high, "interval_low": spread.interval.low,
                "interval_high": spread.interval.high, "interval_method": spread.interval.method,
            }
            for column, spread in card.numbers.items()
        },
        "excerpts": [vars(excerpt) for excerpt in card.excerpts],
    }  # fmt: skip
    return json.dumps(plain(facts), ensure_ascii=False, allow_nan=False)


def file_stem(card: HeadCard) -> str:
    """Name of a head's files: 3-2 for head 3.2."""
    return f"{card.layer}-{card.head}"


def finding(card: HeadCard) -> str:
    """What kind of head it is, in how many texts, and how much of it rests on the first token."""
    if not card.types:
        kind = "The study did not type this head."
    else:
        name, n = card.types[0]
        sentence = TYPES[name].sentence if name in TYPES else ""
        share = f"{percent(n / card.n_texts)} of {count_of(card.n_texts, 'text')}"
        kind = f"{name} in {share}. {sentence}"
        kind = kind[:1].upper() + kind[1:]
    first = card.numbers.get("first_token_share")
    rest = ""
    if first is not None and first.n:
        rest = (
            f" {percent(first.mean)} of its attention goes to the first token on average, between "
            f"{percent(first.low)} and {percent(first.high)}."
        )
    dormant = f" Dormant in {count_of(card.n_dormant, 'text')}." if card.n_dormant else ""
    return f"{kind.strip()}{rest}{dormant}"


def _numbers(card: HeadCard) -> str:
    shares = [
        (NUMBERS[column][0], spread.mean, spread.low, spread.high, 0)
        for column, spread in card.numbers.items()
        if NUMBERS[column][1] == "share" and spread.low >= 0 and spread.high <= 1
    ]
    rows = [
        (NUMBERS[column][0], *spread_cells(spread, NUMBERS[column][1]))
        for column, spread in card.numbers.items()
    ]
    chart = ""
    if shares:
        scale = number_scale("share", [0.0, 1.0], unit="share", pad=0.0)
        label = "; ".join(f"{name} {percent(mean)}" for name, mean, *_ in shares)
        chart = figures(
            figure(
                "Shares over the texts",
                interval_chart(shares, scale, label=f"{label}."),
                "Point: mean. Line: least to greatest text.",
            )
        )
    return section(
        "Profile over the corpus",
        chart,
        table(INTERVAL.replace("2,000", "200"), ("number", *SPREAD_HEAD), rows),
    )


def _types(card: HeadCard) -> str:
    if not card.types:
        return ""
    rows = [
        (name, TYPES[name].sentence if name in TYPES else "", f"{n:,}", percent(n / card.n_texts))
        for name, n in card.types
    ]
    note = "Each text is judged by itself, with the columns of its sinks left out."
    return section("Types", table(note, ("type", "what it does", "texts", "share"), rows, n_words=2))


def _excerpts(card: HeadCard) -> str:
    if not card.excerpts:
        return ""
    parts = [paragraph(RANKING, "note"), paragraph(MARKS, "note")]
    for decile in range(N_DECILES, 0, -1):
        here = [excerpt for excerpt in card.excerpts if excerpt.decile == decile]
        if here:
            title = {N_DECILES: "most active tenth of the texts", 1: "least active tenth"}.get(decile, "")
            name = f"Decile {decile}{f': {title}' if title else ''}"
            parts.append(f"<h3>{escape(name)}</h3><ul>{''.join(map(_excerpt, here))}</ul>")
    return section("Where it is active", *parts)


def _excerpt(excerpt: Excerpt) -> str:
    tokens = []
    for index, token in enumerate(excerpt.tokens):
        kind = "query" if index == excerpt.query else "key" if index == excerpt.key else ""
        tokens.append(
            f'<span class="{kind}" title="{kind}">{escape(token)}</span>' if kind else escape(token)
        )
    weight = "" if excerpt.key is None else f", weight {percent(excerpt.weight)}"
    norm = write_number("")(excerpt.norm)
    return (
        f'<li><span class="excerpt" dir="auto">{"".join(tokens)}</span> '
        f'<span class="note">text {excerpt.text_id}, norm {norm}{weight}</span></li>'
    )
