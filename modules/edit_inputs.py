"""The inputs of the Edit card: only those of the chosen edit are shown."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, reactive, ui

from modules.bench import Bench
from modules.edit_choice import ACT_BETA, HEADS, KINDS, SCOPES, TOKENS, EditWish, menu, numbers_in, pairs_in


def edit_inputs(*, with_controls: bool = True) -> Tag:
    """The list of edits, and the parameters of each; controls can be asked for where a trial has some."""
    return ui.div(
        ui.input_select("kind", "What is done", menu()),
        _part("tokens", ui.input_select("tokens", "Tokens", TOKENS)),
        _within("tokens", "tokens", "first", ui.input_numeric("n_first", "How many", 1, min=1, step=1)),
        _within("tokens", "tokens", "listed", ui.input_text("listed", "Positions, from 0", "0")),
        _part(
            "factor", ui.input_slider("factor", "β: what stays", 0, 1, ACT_BETA, step=0.05, ticks=False)
        ),
        _part("heads", ui.input_select("heads", "Heads", HEADS)),
        _within(
            "heads", "heads", "above",
            ui.input_slider("epsilon", "More attention on it than", 0.05, 0.95, 0.3, step=0.05, ticks=False),
        ),
        _within("heads", "heads", "listed", ui.input_text("pairs", "Heads, as layer.head", "0.0")),
        _part("n_tokens", ui.input_numeric("n_tokens", "How many tokens", 1, min=1, step=1)),
        _part("word", ui.input_text("word", "Token", "", placeholder="the start token")),
        _part("second", ui.input_numeric("second", "Token 0 swaps with", 1, min=1, step=1)),
        _part(
            "temperature",
            ui.input_slider("temperature", "Temperature", 0.25, 4, 2, step=0.25, ticks=False),
        ),
        _part("scope", ui.input_select("scope", "Where", SCOPES)),
        _within(
            "scope", "scope", "layers",
            ui.input_slider("layers", "Layers", 0, 1, (0, 1), step=1, ticks=False),
        ),
        ui.input_switch("controls", "Controls", True) if with_controls else None,
        class_="sl-controls",
    )  # fmt: skip


def _part(part: str, *content: Tag) -> Tag:
    """Inputs that are there for the kinds of edit that need them."""
    keys = [key for key, kind in KINDS.items() if part in kind.parts]
    return ui.panel_conditional(f"{keys}.includes(input.kind)", *content)


def _within(part: str, name: str, value: str, *content: Tag) -> Tag:
    """Inputs of a part that also wait for another input's value."""
    return _part(part, ui.panel_conditional(f"input.{name} === '{value}'", *content))


def read_wish(input: Inputs, bench: Bench) -> EditWish:
    """What the inputs say now; BadIntervention for positions and heads that cannot be read.

    Only what the chosen edit needs is read, so that other inputs change nothing.
    """
    kind = KINDS[input.kind()]
    with_controls = "controls" in input and input.controls()
    facts: dict = {"kind": kind.key, "stream": bench.view.stream(), "with_controls": with_controls}
    if "tokens" in kind.parts:
        facts["tokens"] = input.tokens()
        if input.tokens() == "first":
            facts["n_first"] = max(int(input.n_first() or 1), 1)
        if input.tokens() == "listed":
            facts["listed"] = numbers_in(input.listed(), "positions")
    if "heads" in kind.parts:
        facts["heads"] = input.heads()
        facts |= {
            "above": lambda: {"epsilon": input.epsilon()},
            "chosen": lambda: {"head": bench.view.head()},
            "listed": lambda: {"pairs": pairs_in(input.pairs())},
        }[input.heads()]()
    if "scope" in kind.parts:
        facts["scope"] = input.scope()
        facts |= {
            "all": dict,
            "layers": lambda: {"layers": tuple(input.layers())},
            "head": lambda: {"head": bench.view.head()},
        }[input.scope()]()
    facts |= {name: input[name]() for name in ("factor", "word", "temperature") if name in kind.parts}
    facts |= {name: max(int(input[name]() or 1), 1) for name in ("n_tokens", "second") if name in kind.parts}
    return EditWish(**facts)


def show_edit(wish: EditWish) -> None:
    """Put an edit into the inputs; those that it does not need stay as they are."""
    ui.update_select("kind", selected=wish.kind)
    ui.update_switch("controls", value=wish.with_controls)
    for name in wish.inputs:
        value = getattr(wish, name)
        if name in ("tokens", "heads", "scope"):
            ui.update_select(name, selected=value)
        elif name in ("n_first", "n_tokens", "second"):
            ui.update_numeric(name, value=value)
        elif name in ("factor", "epsilon", "temperature", "layers"):
            ui.update_slider(name, value=value)
        else:
            ui.update_text(name, value=TEXTS.get(name, str)(value))


TEXTS = {
    "listed": lambda positions: ", ".join(map(str, positions)),
    "pairs": lambda heads: ", ".join(f"{layer}.{head}" for layer, head in heads),
}
"""How what is typed as a list is written."""


def layers_follow(bench: Bench) -> None:
    """The slider of layers ends with the last layer of the model; a choice stays as long as it can."""
    former: list[int] = []

    # Before a link's layers are put into it.
    @reactive.effect(priority=1)
    def _layers():
        last = bench.view.profile().n_layers - 1
        if former != [last]:
            former[:] = [last]
            ui.update_slider("layers", max=last, value=(0, last))
