"""The Deep dive page without a browser: sentences, figures, and work that can be watched and stopped.

Run with: pytest tests/modules/test_deep_dive.py
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from shiny import reactive
from shiny.testserver import test_server_async

from modules.deep_dive_norms import massive_table, norm_axes
from modules.deep_dive_trajectories import first_choice, path_sentence
from modules.dive import Stream, after, number
from modules.figures.block_writes import block_writes
from modules.figures.lens_layers import lens_layers
from modules.figures.state_paths import state_paths
from modules.lens_drawing import (
    cell_predictions,
    draw_lens,
    follow_choices,
    followed_sentence,
    lens_finding,
    settled_state,
)
from modules.norm_drawing import draw_norms, massive_finding, norm_finding, write_finding
from modules.widgets.heatmap import Axes, Heatmap, picture
from modules.work_line import WatchedWork, work_line_server
from sinklens.analysis.residual_metrics import trajectories
from sinklens.errors import NotCaptured
from sinklens.residual_records import LogitLens, ResidualStream
from sinklens.run_status import RunStatus
from tests.analysis.profiles import capture_from_maps, uniform_maps

LABELS = ["<bos>", "·cat", "<b>x</b>"]
NBSP = "\xa0"


@pytest.fixture
def stream():
    """Two layers, three tokens: the first token's state has a massive dimension after layer 1."""
    states = np.full((3, 3, 4), 0.05, np.float32)
    states[2, 0, 2] = -200.0
    attention = np.zeros((2, 3, 4), np.float32)
    attention[:, :, 0] = 3.0
    mlp = np.zeros((2, 3, 4), np.float32)
    mlp[1, :, 1] = 9.0
    residual = ResidualStream(states, attention, None, mlp, states[-1], is_additive=True)
    capture = capture_from_maps(uniform_maps(2, 1, 3, is_causal=True), is_causal=True, labels=LABELS)
    return Stream(capture, residual)


@pytest.fixture
def lens():
    """The final prediction of position 0 is on top from layer 0 on, that of the others only at the end."""
    ids = np.array([[[1, 0]] * 3, [[0, 1], [1, 0], [1, 0]], [[0, 1]] * 3])
    rank = np.array([[2, 2, 2], [1, 2, 2], [1, 1, 1]])
    divergence = np.array([[3.0, 3.0, 3.0], [0.5, 1.0, 1.5], [0.0, 0.0, 0.0]])
    return LogitLens(
        ids=ids,
        probabilities=np.tile([0.75, 0.25], (3, 3, 1)),
        labels={0: "·sat", 1: "<i>"},
        followed=np.zeros(3, int),
        followed_rank=rank,
        followed_probability=np.where(rank == 1, 0.75, 0.25),
        divergence=divergence,
        entropy=np.ones((3, 3)),
    )


# --- lens ---------------------------------------------------------------------------------------------


def test_a_prediction_settles_where_it_stays_on_top(lens):
    np.testing.assert_array_equal(settled_state(lens), [1, 2, 2])
    blinks = replace(lens, followed_rank=np.array([[1, 2, 1], [2, 2, 1], [1, 2, 1]]))
    np.testing.assert_array_equal(settled_state(blinks), [2, 3, 0])


def test_the_lens_is_told_in_a_sentence(lens):
    assert lens_finding(lens) == (
        "At half of the positions the final prediction is on top for good only after the last layer. KL to "
        "the final prediction, mean over positions: 3.00 nats at the embeddings, 1.00 before the last layer."
    )


def test_a_followed_token_is_told_with_its_ranks(lens):
    assert lens_finding(replace(lens, token_id=0)) == (
        "“·sat” is the prediction at 3 of 3 positions; its median rank is 2 at the embeddings and 1 at the "
        "end."
    )
    assert followed_sentence(lens, 1, 2) == f"The final prediction “·sat” has rank 2 here, 25{NBSP}%."


def test_every_cell_has_its_token_and_its_sentence(lens, stream):
    drawing = draw_lens(lens, stream.prompt, shade="divergence")
    assert drawing.texts[:4] == ("<i>", "<i>", "<i>", "·sat")
    assert drawing.readings[4] == (
        f"After layer 0, ·cat (1): “<i>” 75{NBSP}%; entropy 1.00 nats, KL to the end 1.00 nats"
    )
    np.testing.assert_allclose(drawing.values, lens.divergence)
    assert drawing.high is None
    assert draw_lens(lens, stream.prompt, shade="top").high == 1.0
    spread = draw_lens(lens, stream.prompt, shade="entropy")
    np.testing.assert_allclose(spread.values, lens.entropy)
    assert spread.high is None


def test_a_cell_lists_its_candidates_and_offers_them_to_be_followed(lens):
    predictions = cell_predictions(lens, 0, 1)
    assert predictions.labels == (("<i>", "·sat"),)
    assert list(follow_choices(lens, 0, 1)) == ["", "1", "0"]


def test_labels_are_never_read_as_html_by_the_charts(lens, stream):
    odd = replace(lens, followed=np.ones(3, int))
    names = [
        trace.name for trace in lens_layers(odd, ["emb", "0", "1"], 2, "<b>x</b> (2)", colour="red").data
    ]
    assert names == [
        "KL, mean of positions",
        "KL at &lt;b&gt;x&lt;/b&gt; (2)",
        "entropy there",
        "rank of “&lt;i&gt;” there",
    ]
    found = trajectories(stream.residual.states)
    paths = state_paths(found, (2,), ["a", "b", "<b>x</b> (2)"], ["emb", "0", "1"])
    assert paths.data[1].name == "&lt;b&gt;x&lt;/b&gt; (2)"


# --- norms and writes ---------------------------------------------------------------------------------


def test_the_sinks_norm_is_compared_with_that_of_the_others(stream):
    sentence = norm_finding(draw_norms(stream), (0,))
    assert sentence.startswith("The sink <bos> (0): norm 200 after layer 1, 2000.0\xa0×")
    assert norm_finding(draw_norms(stream), ()).startswith(
        "No sink here; the longest state is that of <bos> (0)"
    )


def test_massive_activations_are_named_with_their_dimension(stream):
    drawing = draw_norms(stream)
    assert massive_finding(drawing, "absolute") == "1 massive: dimension 2 of <bos> (0), after layer 1."
    axes = norm_axes(drawing, "absolute")
    assert axes.marked == [0]
    assert axes.readings[6].endswith("massive: dimension 2 is -200, 4,000\xa0× the median")
    assert "-200" in str(massive_table(drawing.massive["absolute"], stream))


def test_without_massive_activations_the_largest_number_is_told(stream):
    quiet = replace(stream.residual, states=np.ones((3, 3, 4), np.float32))
    sentence = massive_finding(draw_norms(replace(stream, residual=quiet)), "absolute")
    assert sentence.startswith(
        "No activation is massive by this definition. Largest: dimension 0 is 1, 1\xa0×"
    )


def test_the_largest_write_and_the_shares_are_told(stream):
    drawing = draw_norms(stream)
    assert write_finding(drawing, 1) == (
        "At ·cat (1) the feed-forward of layer 1 writes most: norm 9, onto a stream of 0.1. Over all layers: "
        f"attention 40{NBSP}%, feed-forward 60{NBSP}% of what is written."
    )
    figure = block_writes(drawing.written, 1)
    assert [list(bar.y) for bar in figure.data[:2]] == [[3.0, 3.0], [0.0, 9.0]]


def test_unknown_writes_are_replaced_by_their_reason(stream):
    bare = replace(stream.residual, attention=None, mlp=None, is_additive=False, note="Not applicable: odd.")
    drawing = draw_norms(replace(stream, residual=bare))
    assert drawing.written == {}
    assert write_finding(drawing, 0) == "Not applicable: odd."


# --- trajectories and words -----------------------------------------------------------------------------


def test_the_token_that_ends_farthest_is_named(stream):
    found = trajectories(stream.residual.states)
    assert "of the chosen tokens <bos> (0) ends farthest" in path_sentence(stream, found, (0, 1))
    assert path_sentence(stream, found, ()) == f"The plane shows 100{NBSP}% of the variance."


def test_the_first_choice_names_no_token_twice():
    assert first_choice(9, 8) == (0, 4, 8)
    assert first_choice(1, 0) == (0,)


def test_states_and_numbers_in_words():
    assert (after(0), after(3)) == ("at the embeddings", "after layer 2")
    assert (number(0.01234), number(12.34), number(1234.5)) == ("0.0123", "12.3", "1,234")


def test_tokens_travel_with_the_picture(without_session):
    widget = Heatmap()
    axes = Axes(rows=["emb"], columns=["a", "b"], texts=("one", "two"))
    widget.show(picture(np.ones((1, 2)), axes, label="x"), cell=(0, 1))
    assert widget.axes["texts"] == ["one", "two"]
    assert widget.cell == [0, 1]


# --- work -----------------------------------------------------------------------------------------------


class Bench:
    """A page with one piece of work that the test lets go on."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.wishes: list[str] = []

    async def work(self, wish, on_status):
        self.wishes.append(wish)
        on_status(RunStatus("running", fraction=0.5, message="Reading"))
        await self.gate.wait()
        if wish == "bad":
            raise NotCaptured("Not applicable: bad.")
        return wish.upper()

    def server(self, input, output, session):
        work = self.watched = WatchedWork(session, self.work)
        work_line_server("work", work=work)

        @reactive.effect
        def _ask():
            work.ask(input.wish())


async def until(session, condition) -> None:
    for _ in range(600):
        await session.flush()
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It never came to that.")


def line(session) -> str:
    return str(session.get_output("work-moment").value)


INPUTS = {"wish": "one", "work-stop:shiny.action": 0, "work-again:shiny.action": 0}


@pytest.mark.asyncio(loop_scope="session")
async def test_slow_work_shows_its_phase_can_be_stopped_and_started_again():
    bench = Bench()
    async with test_server_async(bench.server, timeout_secs=60) as session:
        await session.set_inputs(**INPUTS)
        await until(session, lambda: "Reading" in line(session))
        assert "50%" in line(session)
        await session.set_inputs(**{"work-stop:shiny.action": 1})
        await until(session, lambda: "Stopped." in line(session))
        bench.gate.set()
        await session.set_inputs(**{"work-again:shiny.action": 1})
        await until(session, lambda: bench.wishes == ["one", "one"] and "Stopped." not in line(session))
        with reactive.isolate():
            assert bench.watched.outcome() == "ONE"


@pytest.mark.asyncio(loop_scope="session")
async def test_an_equal_wish_is_not_worked_on_again_and_a_problem_is_a_sentence():
    bench = Bench()
    bench.gate.set()
    async with test_server_async(bench.server, timeout_secs=60) as session:
        await session.set_inputs(**INPUTS)
        with reactive.isolate():
            await until(session, lambda: bench.watched.outcome.value() == "ONE")
            bench.watched.ask("one")
            assert bench.wishes == ["one"]
            await session.set_inputs(wish="bad")
            await until(session, lambda: bench.watched.outcome.problem() is not None)
            assert bench.watched.outcome.problem().sentence == "Not applicable: bad."
            assert bench.watched.outcome() == "ONE"
