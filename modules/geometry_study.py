"""The study: the same numbers over several texts and over several first tokens."""

from __future__ import annotations

import asyncio

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules import study_drawing as drawing
from modules.applicable import applicable, verdict_on
from modules.dive import BLANK
from modules.examples import EXAMPLES, menu
from modules.figures.mean_points import mean_points
from modules.geometry_view import GeometryView
from modules.quantity import count, percent
from modules.session_run import Problem
from modules.table_files import downloads_ui, table_files
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap, picture
from modules.widgets.note_list import note_list
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.file_name import file_name
from sinklens.geometry_file import mean_vectors_file
from sinklens.records import Prompt
from sinklens.results import Capture
from sinklens.service import InferenceService

THIS_TEXT = "this"
FIRST_TEXTS = (THIS_TEXT, *(example.id for example in EXAMPLES if example.group == "Published baselines"))
N_FIRST, N_FIRST_MAX = 4, 8
N_TEXTS_MAX = 40
NOT_YET = Problem(
    "Not computed yet for this model and these sinks: choose texts and first tokens, then compute."
)
DECODER = (
    "Other first tokens are not applicable to the decoder's own stream: they are put into the text that the "
    "encoder reads."
)
BOOTSTRAP = (
    "Points: single texts. Bands: 95 % of 400 bootstrap samples of the texts. “Mean of the other texts”: "
    "every text is held against the mean of the rest, so it says what a bias learned elsewhere is worth. A "
    "triangle at the lower edge is a value below the axis."
)


@module.ui
def geometry_study_ui() -> Tag:
    """Controls and four cards."""
    texts = {"This run": {THIS_TEXT: "The text on screen"}, **menu()}
    many = {"plugins": ["remove_button"]}
    label = "Download the study's means μ as safetensors"
    vectors = ui.download_button("vectors", "μ", class_="btn-sm", aria_label=label)
    controls = ui.card(
        ui.card_header(
            ui.h2("Across texts and first tokens"),
            downloads_ui("the study", more=vectors),
        ),
        ui.p(
            "In one text a sink at the beginning is one token with one value vector, so that much of its "
            "constancy is no finding. These passes vary what one text holds fixed.",
            class_="sl-finding",
        ),
        ui.div(
            ui.input_selectize(
                "texts", "Texts", texts, selected=list(FIRST_TEXTS), multiple=True, options=many
            ),
            ui.input_text_area("own_texts", "More texts, one a line", rows=2, resize="vertical"),
            ui.input_selectize("first", "Other first tokens, from the text", [], multiple=True, options=many),
            ui.input_text("own_first", "More first tokens, words with spaces between", spellcheck="false"),
            class_="sl-controls sl-wide",
        ),
        ui.p(ui.output_text("cost", inline=True), class_="sl-muted"),
        ui.div(
            ui.input_action_button("compute", "Compute", class_="btn-primary btn-sm"),
            work_line_ui("work"),
            class_="sl-row",
        ),
        ui.output_ui("left_out"),
        full_screen=True,
    )  # fmt: skip
    between_texts = ui.card(
        ui.card_header(ui.h2("Between texts")),
        finding_line(),
        applicable(
            ui.div(
                ui.input_select("measure", "Shown", drawing.SHOWN, width="100%"),
                class_="sl-controls sl-wide",
            ),
            output_widget("by_layer", height="320px", fill=False),
        ),
        ui.p(ui.output_text("rests_on", inline=True)),
        ui.p(BOOTSTRAP, class_="sl-muted"),
        full_screen=True,
    )  # fmt: skip
    between_first = ui.card(
        ui.card_header(ui.h2("Between first tokens")),
        finding_line("first_finding"),
        applicable(output_widget("pairs", height="300px", fill=False), verdict="first_applies"),
        ui.p(ui.output_text("first_rests_on", inline=True)),
        full_screen=True,
    )
    layer = ui.card(
        ui.card_header(ui.h2("Mean vectors of one layer")),
        finding_line("layer_finding"),
        applicable(
            ui.div(ui.input_slider("layer", "Layer", 0, 1, 0, step=1, ticks=False), class_="sl-controls"),
            ui.div(
                ui.div(ui.h3("Cosine of the means"), output_widget("cosines", height="auto", fill=False)),
                ui.div(
                    ui.h3("Means of single texts, principal components"),
                    output_widget("plane", height="360px", fill=False),
                ),
                class_="sl-pair",
            ),
            verdict="layer_applies",
        ),
        full_screen=True,
    )
    return ui.div(controls, ui.div(between_texts, between_first, class_="sl-pair"), layer, class_="sl-stack")


@module.server
def geometry_study_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: GeometryView,
    side: str = "A",
) -> None:
    """Compute when asked, and draw what was computed for the model and the sinks in view."""

    async def study(*wish) -> drawing.StudyDrawing:
        *what, on_status = wish
        found = await service.sink_study(*what, on_status)
        return await asyncio.to_thread(drawing.draw_study, found)

    work = WatchedWork(session, study)
    work_line_server("work", work=work)
    state = view.state

    @reactive.effect
    def _offer():
        choices, first = first_choices(state.capture(), view.stream())
        ui.update_selectize("first", choices=choices, selected=first)

    @reactive.calc
    def texts() -> tuple[str, ...]:
        return chosen_texts(input.texts(), input.own_texts(), state.capture())

    @reactive.calc
    def first_tokens() -> tuple[int | str, ...]:
        if view.stream() == "decoder":
            return ()
        ids = [int(token) for token in input.first() or ()]
        return tuple(dict.fromkeys([*ids, *(input.own_first() or "").split()]))[:N_FIRST_MAX]

    asked: list[tuple] = []

    @reactive.effect
    @reactive.event(input.compute)
    def _compute():
        wish = state.capture().request, view.stream(), view.rule(), texts(), first_tokens()
        if not texts():
            return
        # A second click tries again what has failed or was stopped.
        work.again() if asked == [wish] else work.ask(*wish)
        asked[:] = [wish]

    @reactive.calc
    def problem() -> Problem | None:
        failed = work.outcome.problem()
        if failed is not None:
            return failed
        value = work.outcome.value()
        is_current = value is not None and (value.study.revision, value.study.stream, value.study.rule) == (
            state.capture().model.revision, view.stream(), view.rule(),
        )  # fmt: skip
        return None if is_current else NOT_YET

    @reactive.calc
    def found() -> drawing.StudyDrawing:
        req(problem() is None)
        return work.outcome()

    def sentence(of_drawing):
        return problem().sentence if problem() else of_drawing(found())

    @render.text
    def cost():
        return cost_sentence(len(texts()), len(first_tokens()), view.stream())

    @render.ui
    def left_out():
        notes = drawing.skipped_sentences(found().study) if problem() is None else []
        return note_list(notes)

    @render_widget
    def by_layer():
        return Chart(figure=BLANK)

    @render_widget
    def pairs():
        return Chart(figure=BLANK)

    @render_widget
    def cosines():
        return Heatmap(side=side, palette="diverging")

    @render_widget
    def plane():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        by_layer.widget.show(
            drawing.texts_chart(found(), input.measure()),
            label=f"{drawing.SHOWN[input.measure()]} by layer. {drawing.study_finding(found())}",
            about=[drawing.study_facts(found().study)],
        )

    @reactive.effect
    def _show_pairs():
        label = f"Cosine of means by layer. {drawing.first_token_finding(found())}"
        figure, facts = drawing.pairs_chart(found()), drawing.study_facts(found().study)
        pairs.widget.show(figure, label=label, about=[facts])

    @reactive.effect
    def _layers():
        ui.update_slider("layer", max=len(found().cosines) - 1)

    @reactive.calc
    def layer() -> int:
        return min(input.layer(), len(found().cosines) - 1)

    @reactive.effect
    def _show_layer():
        value, at = found(), layer()
        label = layer_sentence(value, at)
        axes = drawing.cosine_axes(value)
        facts = [drawing.study_facts(value.study)]
        cosines.widget.show(picture(value.cosines[at], axes, label=label, low=-1.0, high=1.0), about=facts)
        names = drawing.text_names(value.study)
        figure = mean_points(value.points[at], value.explained[at], value.names, names)
        plane.widget.show(figure, label=label, about=facts)

    @render.text
    def finding():
        return sentence(drawing.study_finding)

    @render.text
    def rests_on():
        return "" if problem() else drawing.texts_rest_on(found())

    @render.text
    def first_finding():
        return DECODER if view.stream() == "decoder" else sentence(drawing.first_token_finding)

    @render.text
    def first_rests_on():
        return "" if problem() else drawing.first_tokens_rest_on(found())

    @render.text
    def layer_finding():
        return sentence(lambda value: layer_sentence(value, layer()))

    @render.text
    def applies():
        return verdict_on(problem() is not None)

    @render.text
    def first_applies():
        return verdict_on(problem() is not None or view.stream() == "decoder")

    @render.text
    def layer_applies():
        return verdict_on(problem() is not None)

    table_files(
        lambda: drawing.study_table(found()),
        lambda ending: file_name("sink-study", found().study.model, ending=ending),
        lambda: [drawing.study_facts(found().study)],
    )

    @render.download_button(
        filename=lambda: file_name("sink-study", found().study.model, ending="safetensors"),
        media_type="application/octet-stream",
    )
    def vectors():
        study = found().study
        yield mean_vectors_file(
            drawing.study_vectors(found()),
            model=study.model,
            revision=study.revision,
            stream=study.stream,
            rule=study.rule,
            parts=[part for row in (study.own, *study.replaced) for part in row],
        )


def chosen_texts(ids, own: str | None, capture: Capture) -> tuple[str, ...]:
    """The texts of a study, each once."""
    ready = {example.id: example.text for example in EXAMPLES} | {THIS_TEXT: capture.request.text}
    lines = [line.strip() for line in (own or "").splitlines()]
    wanted = [*(ready[name] for name in ids or () if name in ready), *(line for line in lines if line)]
    return tuple(dict.fromkeys(wanted))[:N_TEXTS_MAX]


def first_choices(capture: Capture, stream: str) -> tuple[dict[str, str], list[str]]:
    """{id: label} of the tokens that may take the place of the first, and the first choice of them."""
    prompt: Prompt = capture.key_prompt(stream)
    tokens = {token.id: token for token in reversed(prompt.tokens) if token.id != prompt.ids[0]}
    kept = sorted(tokens.values(), key=lambda token: token.index)
    choices = {str(token.id): f"{token.label} ({token.index})" for token in kept}
    if stream == "decoder":
        return {}, []
    plain = [token for token in kept if not token.is_special] or kept
    step = max(1, len(plain) // N_FIRST)
    return choices, [str(token.id) for token in plain[::step][:N_FIRST]]


def cost_sentence(n_texts: int, n_first: int, stream: str) -> str:
    """How many passes a study takes."""
    if n_texts == 0:
        return "Choose at least one text."
    limit = f" At most {N_TEXTS_MAX} texts." if n_texts == N_TEXTS_MAX else ""
    if stream == "decoder":
        return f"{count(n_texts)} texts, one pass each.{limit} {DECODER}"
    passes = count(n_texts * (1 + n_first))
    others = f"own first token + {n_first} others"
    return f"{count(n_texts)} texts × ({others}) = {passes} passes, one after the other.{limit}"


def layer_sentence(found: drawing.StudyDrawing, layer: int) -> str:
    """How alike the means are in one layer, and how much of that the plane shows."""
    shown = percent(float(found.explained[layer].sum()))
    plane = f"the plane shows {shown} of the variance of single texts' means"
    if not found.study.replaced:
        return f"Layer {layer}: {plane}."
    pairs = f"means of two first tokens have a cosine of {found.pairs[layer]:.2f} on average"
    return f"Layer {layer}: {pairs}; {plane}."
