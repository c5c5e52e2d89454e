"""The Overview page alone, over hand-made runs; a select switches between them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
from shiny import App, Inputs, Outputs, Session, reactive, render, ui

from modules.overview import overview_server, overview_ui
from modules.run_state import RunState
from sinklens.errors import ModelRefused
from sinklens.records import Check, Prompt, Token
from sinklens.results import Capture, Predictions
from sinklens.run_status import RunStatus
from tests.analysis.profiles import capture_from_maps, random_maps

STATIC_DIR = Path(__file__).resolve().parents[3] / "static"

SENTENCE = """<bos> ·The ·quick ·brown ·fox ·jumps ·over ·the ·lazy ·dog , ·and ·the ·sink ·token ·keeps ·what
·nobody ·else ·wants . ↵ A ·second ·line ·begins ·here ·and ·ends ·there ."""
HEBREW = """[CLS] שלום ·עולם ·זה ·מבחן ·של ·כיוון ·הטקסט , ·ו ·גם ·ABC ·בפנים ·ועוד ·מילה ·אחת ·כאן . [SEP]"""
SCRIPT = [
    "[CLS]",
    "<script>document.title='owned'</script>",
    "<img",
    "src=x",
    "onerror=alert(1)>",
    "&amp;",
    "\u202e",
]
CHECKS = (
    Check("Rows sum to 1", True, 2.4e-7, 1e-4, "Every row of attention sums to 1."),
    Check("Same logits", True, 3.1e-6, 1e-4, "Our logits equal the model's own."),
    Check("Learned sink", None, None, None, "Not applicable: the model has no learned sinks."),
)


def sinking_maps(n_layers, n_heads, n_tokens, *, is_causal):
    """Random maps that put more and more weight on key 0 from layer to layer."""
    maps = random_maps(n_layers, n_heads, n_tokens, is_causal=is_causal, seed=1)
    first = np.zeros((n_tokens, n_tokens))
    first[:, 0] = 1.0
    pull = np.linspace(0, 0.8, n_layers)[:, None] * np.linspace(0.5, 1.1, n_heads)  # (layer, head)
    pull = pull.clip(0, 0.95)[..., None, None]
    return (1 - pull) * maps + pull * first


def made(labels, *, is_causal=True, specials=(0,), predictions=None, loss=None, maps=None, **model):
    n_tokens = len(labels)
    values = np.random.default_rng(0).normal(size=(6, 4, n_tokens, 4))
    values[:, :, 0] *= 0.2
    maps = sinking_maps(6, 4, n_tokens, is_causal=is_causal) if maps is None else maps
    facts = {"name": "hand-made", "checks": CHECKS, "bos_token": labels[0], "n_parameters": 5_240_000} | model
    capture = capture_from_maps(
        maps, is_causal=is_causal, labels=list(labels), specials=specials, model=facts, v=values,
        w_o=np.random.default_rng(1).normal(size=(6, 4, 4, 8)),
    )  # fmt: skip
    prompt = typed(list(labels), specials)
    return replace(capture, prompt=prompt, predictions=predictions, token_loss=loss)


def typed(labels, specials):
    """The prompt of labels in which · is a space and ↵ a line break of the text."""
    pieces = ["" if i in specials else x.replace("·", " ").replace("↵", "\n") for i, x in enumerate(labels)]
    ends = np.cumsum([len(piece) for piece in pieces])
    tokens = tuple(
        Token(
            i,
            i,
            label,
            label,
            *((None, None) if i in specials else (int(end) - len(piece), int(end))),
            i in specials,
        )
        for i, (label, piece, end) in enumerate(zip(labels, pieces, ends, strict=True))
    )
    return Prompt("".join(pieces), tokens, bos_added=0 in specials, n_tokens_total=len(labels))


def guesses(kind, positions, labels, ranks):
    n = len(positions)
    ids, probabilities = np.arange(5), np.array([0.41, 0.22, 0.09, 0.04, 0.01])
    table = np.repeat(ids[None], n, axis=0), np.repeat(probabilities[None], n, axis=0)
    return Predictions(kind, tuple(positions), table[0], (tuple(labels),) * n, table[1], np.array(ranks))


def decoder_run() -> Capture:
    labels = SENTENCE.split()
    ranks = [*(1 + index % 4 for index in range(len(labels) - 1)), 0]
    ahead = guesses("next", range(len(labels)), ("·cat", "·dog", "<b>bold</b>", "·mat", "."), ranks)
    return made(labels, predictions=ahead, loss=np.full(len(labels) - 1, 3.2, np.float32))


def encoder_run(labels=None, **model) -> Capture:
    labels = labels or ["[CLS]", *SENTENCE.split()[1:20], "[SEP]"]
    facts = {"kind": "encoder", "family": "bert", "mask_token": "[MASK]"} | model
    return made(labels, is_causal=False, specials=(0, len(labels) - 1), **facts)


def long_run() -> Capture:
    capture = decoder_run()
    profile = replace(capture.profile(), mean_map=None, first_layer_map=None, last_layer_map=None)
    prompt = replace(capture.prompt, n_tokens_total=141, window=(1, 5), warnings=("Window 2 of 5.",))
    return replace(capture, profiles={"self": profile}, prompt=prompt, warnings=("A warning of the run.",))


RUNS = {
    "decoder": decoder_run,
    "encoder": encoder_run,
    "headless": lambda: encoder_run(has_lm_head=False),
    "refused": lambda: encoder_run(name="refused"),
    "script": lambda: encoder_run(labels=SCRIPT),
    "hebrew": lambda: encoder_run(labels=HEBREW.split()),
    "single": lambda: made(["word"], specials=(), maps=np.ones((6, 4, 1, 1))),
    "long": long_run,
    "book": lambda: made([f"·w{index}" for index in range(400)], specials=()),
}


class MaskService:
    """Stands for the inference service: answers or refuses a masked prediction after a moment."""

    async def masked_predictions(self, capture, positions, on_status=None):
        if capture.model.name == "refused":
            raise ModelRefused("The model's files are damaged.")
        on_status(RunStatus("running", fraction=0.5, message="Masking one token after the other"))
        await asyncio.sleep(0.2)
        return guesses("masked", positions, ("fox", "dog", "<i>it</i>", "cat", "he"), [2])


app_ui = ui.page_fluid(
    ui.head_content(
        ui.tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
        ui.tags.script(src="static/tell.js", defer=True),
        ui.tags.link(rel="icon", type="image/svg+xml", href="static/icon.svg"),
        *(ui.tags.link(rel="stylesheet", href=f"static/{name}.css") for name in ("theme", "overview")),
    ),
    ui.tags.main(
        ui.h1("Overview trial", class_="visually-hidden"),
        ui.div(
            ui.input_select("which", "Run", list(RUNS)),
            ui.input_dark_mode(id="mode"),
            style="display: flex; gap: 16px",
        ),
        ui.p("Selected token: ", ui.output_text("selected", inline=True)),
        overview_ui("page"),
    ),
    title="Overview",
    lang="en",
)


def server(input: Inputs, output: Outputs, session: Session) -> None:
    @reactive.calc
    def capture():
        return RUNS[input.which()]()

    state = RunState(
        capture=capture,
        is_example=lambda: False,
        stream=reactive.Value("self"),
        head=reactive.Value((0, 0)),
        token=reactive.Value(None),
    )
    overview_server("page", service=MaskService(), state=state)

    @reactive.effect
    @reactive.event(input.which)
    def _forget():
        state.token.set(None)

    @render.text
    def selected():
        return str(state.token())


app = App(app_ui, server, static_assets={"/static": STATIC_DIR})
