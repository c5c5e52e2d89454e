"""What a detector marked, as a person reads it: the text with its marks, a table, sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from htmltools import Tag, TagList
from markdown_it import MarkdownIt
from shiny import ui

from modules.bias_table import table
from modules.quantity import count, percent
from modules.widgets.note_list import note_list
from modules.widgets.scroll_area import scroll_area
from modules.widgets.telling import tells
from sinklens.analysis.bias_decision import notes, tier, word_table
from sinklens.analysis.composite_score import CompositeScore
from sinklens.bias_records import CATEGORY_NAMES, BiasDecision, DetectorInfo

LETTERS = {"stereotype": "S", "generalisation": "G", "unfair": "U"}
LINES = {"stereotype": "line below", "generalisation": "dashes below", "unfair": "wave below"}
PARTS = {"density": "Marked words", **CATEGORY_NAMES}
SEVERAL = "Several"


def detection_finding(decision: BiasDecision) -> str:
    """How much is marked, as what, and where the detector is surest."""
    n_words, n_biased = decision.reading.n_words, decision.n_biased
    if n_words == 0:
        return "There is no word to mark: the text is only punctuation or symbols."
    limits = _limits(decision)
    if n_biased == 0:
        best, name, word = _closest(decision)
        closest = f" Closest: “{word}” as {name} with {percent(best)}." if word else ""
        return f"None of the {count(n_words)} words reaches its threshold ({limits}).{closest}"
    parts = [
        f"{len(decision.words_of(category))} {CATEGORY_NAMES[category]}"
        for category in decision.categories
        if len(decision.words_of(category))
    ]
    found = word_table(decision)
    surest = found.iloc[int(found["probability"].argmax())]
    return (
        f"{count(n_biased)} of {count(n_words)} {'word is' if n_words == 1 else 'words are'} marked: "
        f"{', '.join(parts)} (thresholds {limits}). The detector is surest of “{surest['text']}”: "
        f"{percent(surest['probability'])}, {surest['tier']}."
    )


def notes_list(decision: BiasDecision) -> Tag | None:
    """What a reader should know, one item each."""
    return note_list(notes(decision))


def marked_text(decision: BiasDecision, *, pick: str) -> Tag:
    """The text, every marked word with the letters of its categories; a marked word can be chosen."""
    reading, parts, done = decision.reading, [], 0
    for word, (start, end) in enumerate(reading.word_spans):
        parts.append(reading.text[done:start])
        parts.append(_word(decision, word, pick))
        done = end
    parts.append(reading.text[done:])
    # Space that htmltools puts around children would show.
    return ui.tags.p(*parts, class_="bias-text", dir="auto", _add_ws=False)


def _word(decision: BiasDecision, word: int, pick: str) -> Tag | str:
    start, end = decision.reading.word_spans[word]
    text = decision.reading.text[start:end]
    own = [c for c, fired in zip(decision.categories, decision.marked[word], strict=True) if fired]
    if not own:
        return text
    letters = "".join(LETTERS[category] for category in own)
    kind = f"bias-{own[0]}" if len(own) == 1 else "bias-several"
    scores = {c: float(decision.scores[word, decision.categories.index(c)]) for c in own}
    said = ", ".join(f"{CATEGORY_NAMES[c]} {percent(score)}" for c, score in scores.items())
    return ui.tags.button(
        text,
        tells(pick, word),
        type="button",
        data_letters=letters,
        class_=f"bias-mark {kind}",
        title=f"{said} ({tier(max(scores.values()))})",
        aria_label=f"{text}: {said}",
    )


def legend(categories: tuple[str, ...]) -> Tag:
    """What colour, line and letter mean."""
    chips = [
        ui.span(
            f"{LETTERS[category]} · {CATEGORY_NAMES[category]}",
            class_=f"sl-chip bias-chip bias-{category}",
            title=LINES[category],
        )
        for category in categories
    ]
    several = (
        ui.span(f"SG … · {SEVERAL}", class_="sl-chip bias-chip bias-several") if len(chips) > 1 else None
    )
    return ui.div(*chips, several, class_="sl-line")


def words_table(decision: BiasDecision, *, pick: str) -> Tag:
    """One row per marked word: what it is marked as, how surely, and every category's probability."""
    found = word_table(decision)
    names = [CATEGORY_NAMES[category] for category in decision.categories]
    rows = [
        (
            ui.tags.button(
                ui.tags.bdi(row["text"], dir="auto"),
                tells(pick, int(row["word"])),
                type="button",
                class_="btn btn-sm btn-default",
                aria_label=f"Select “{row['text']}”, word {row['word'] + 1}",
            ),
            row["categories"],
            f"{row['tier']} · {percent(row['probability'])}",
            *(percent(row[name]) for name in names),
        )
        for _, row in found.iterrows()
    ]
    return table(("Word", "Marked as", "Sure", *names), rows, words=("Marked as",))


def detection_frame(decision: BiasDecision) -> pd.DataFrame:
    """Every word with its probabilities, marked or not, for a file."""
    reading = decision.reading
    frame = pd.DataFrame(
        {"word": range(reading.n_words), "text": reading.words, "marked": decision.biased},
    )
    frame[["start", "end"]] = list(reading.word_spans) if reading.n_words else None
    for column, category in enumerate(decision.categories):
        frame[category] = decision.scores[:, column]
        frame[f"marked_{category}"] = decision.marked[:, column]
    return frame


def score_sentence(found: CompositeScore) -> str:
    """The score with its band."""
    return (
        f"Composite score {found.value:.2f} of 1: {found.level} (moderate from 0.15, high from 0.40). A text "
        "without a marked word has 0; the weights are a convention, without a ground truth behind them."
    )


def score_table(found: CompositeScore) -> Tag:
    """What the score is made of."""
    rows = [
        (PARTS[part], f"{value:.2f}", percent(found.weights.get(part, 0.0)), _product(found, part))
        for part, value in found.parts.items()
    ]
    return table(("Part", "Value, 0–1", "Weight", "Adds"), rows)


def _product(found: CompositeScore, part: str) -> str:
    return f"{found.weights.get(part, 0.0) * found.parts[part]:.3f}"


def method_box(info: DetectorInfo) -> TagList:
    """Facts of the detector, what its card says of its limits, and the whole card to unfold."""
    limits = ", ".join(f"{label} {info.thresholds[label]:.2f}" for label in info.category_of)
    is_several = info.activation == "sigmoid"
    kind = "each with a sigmoid of its own" if is_several else "one for each piece (softmax)"
    who = f"{info.name} ({info.source}, {info.family}; revision {info.revision[:12]})"
    facts = (
        f"{who}: {len(info.labels)} labels, {kind}; thresholds {limits}, {info.thresholds_from}. A word has "
        "the largest probability of its pieces; punctuation is never marked. Sure: high from 85 %, medium "
        "from 70 %, low below."
    )
    return TagList(ui.p(facts, class_="sl-muted"), _card_box(info.card))


def _card_box(card: str) -> TagList:
    """What the card says of limits, and the whole card to unfold; its authors write English."""
    if not card:
        missing = "The checkpoint brings no model card: nothing is known about its limits."
        return TagList(ui.p(missing, class_="sl-muted"))
    limits = card_section(card, "Limits")
    beginning = TagList(
        ui.p("From the model card:", class_="sl-muted"), ui.div(_written(limits), class_="bias-card-text")
    )
    return TagList(
        beginning if limits else None,
        ui.tags.details(
            ui.tags.summary("The whole model card"),
            scroll_area(_written(_without_front(card)), label="Model card"),
            class_="bias-card-text",
        ),
    )


def _written(markdown: str) -> Tag:
    return ui.div(ui.HTML(safe_markdown(markdown)), lang="en")


def card_section(card: str, title: str) -> str:
    """The text under a heading of a card up to the next one, "" without it."""
    kept, is_inside = [], False
    for line in card.splitlines():
        if line.startswith("#"):
            is_inside = line.lstrip("# ").strip().lower() == title.lower()
        elif is_inside:
            kept.append(line)
    return "\n".join(kept).strip()


def safe_markdown(text: str) -> str:
    """HTML of a text that somebody else wrote: its own HTML is shown as text, pictures are not loaded."""
    lowered = "\n".join(f"##{line}" if line.startswith("#") else line for line in text.splitlines())
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return parser.render(lowered)


def slider_starts(info: DetectorInfo) -> dict[str, float]:
    """Category -> where its slider starts, in steps of 0.01."""
    return {category: round(info.slider_start(category), 2) for category in info.categories}


def moved_sliders(info: DetectorInfo, shown: Mapping[str, float | None]) -> dict[str, float]:
    """The sliders that a person moved; where one stands at its start, the detector's own thresholds hold."""
    return {
        category: float(shown[category])
        for category, start in slider_starts(info).items()
        if shown.get(category) is not None and abs(shown[category] - start) > 1e-6
    }


def _without_front(card: str) -> str:
    return card.split("---", 2)[2].strip() if card.startswith("---") and card.count("---") >= 2 else card


def _limits(decision: BiasDecision) -> str:
    info = decision.reading.detector
    parts = []
    for category in decision.categories:
        values = sorted({decision.thresholds[label] for label in info.labels_of(category)})
        parts.append(f"{LETTERS[category]} " + "/".join(f"{value:.2f}" for value in values))
    return ", ".join(parts)


def _closest(decision: BiasDecision) -> tuple[float, str, str]:
    if decision.scores.size == 0:
        return 0.0, "", ""
    word, column = divmod(int(decision.scores.argmax()), decision.scores.shape[1])
    name = CATEGORY_NAMES[decision.categories[column]]
    return float(decision.scores[word, column]), name, decision.reading.words[word]
