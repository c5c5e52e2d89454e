"""What the Compare page says and selects, on tiny models.

python -m pytest tests/modules/test_compare.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.compare_alignment import groups_table
from modules.compare_choice import compare_choice_ui
from modules.compare_curves import by_layer, layer_table, layers_sentence, positions_sentence
from modules.compare_heads import heads_table, partner_grid
from modules.compare_maps import draw_difference, pairing_sentence
from modules.compare_numbers import TITLES, delta_table
from modules.compare_predictions import places_table
from modules.compare_selection import partner_head
from modules.compare_sides import (
    PAIRS,
    SWAPPED,
    PairWish,
    SideWish,
    default_wish,
    pair_wish,
    request_of,
    run_pair,
)
from modules.compare_sinks import sinks_table
from modules.compare_words import (
    SAME_RUN,
    alignment_finding,
    delta_text,
    filename,
    loss_finding,
    main_finding,
    predictions_finding,
    side_sentence,
    threshold_note,
    value_text,
)
from modules.edit_choice import EditWish
from modules.figures.side_curves import side_bars, side_layers, side_losses
from sinklens.analysis.comparison_export import loss_frame
from sinklens.analysis.metric_delta import GROUPS
from sinklens.errors import BadSelection
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

QUIET = lambda status: None  # noqa: E731
OTHER = TEXT.replace("w5", "w55")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in ("gpt2", "bert", "bloom")}


async def compared(service, folder, b, **wish):
    on_screen = await service.capture(CaptureRequest(folder, TEXT))
    return await run_pair(service, on_screen, PairWish(b=b, **wish), QUIET)


def written(tag) -> str:
    return str(tag)


# --- the sides -------------------------------------------------------------------------------------------


def test_side_b_is_side_a_but_for_what_is_changed():
    a = CaptureRequest("gpt2", "text", target="decoder", add_bos=True)
    assert request_of(a, SideWish()) == a
    assert request_of(a, SideWish(bos="omit")).add_bos is False
    assert request_of(a, SideWish(bos="default")).add_bos is None
    other = request_of(a, SideWish("bert", "new text"))
    assert (other.model, other.text, other.add_bos, other.target) == ("bert", "new text", True, None)


def test_the_ready_pairs_are_those_of_the_page():
    wishes = {pair.key: pair_wish(pair, "on screen") for pair in PAIRS}
    assert wishes["encoder"].b.model == "demo-bert"
    assert wishes["llama"].a == CaptureRequest("demo-gpt2", "on screen")
    assert wishes["sinkless"].b.edit.kind == "mask"
    assert (wishes["swap"].a.text, wishes["swap"].b.text) == SWAPPED
    first, second = (text.split() for text in SWAPPED)
    assert sum(one != two for one, two in zip(first, second, strict=True)) == 1
    assert "demo-bert" in str(compare_choice_ui("choice", models=("demo-gpt2", "demo-bert")))


async def test_the_first_comparison_is_with_a_bundled_model_that_is_not_the_run_itself(service, folders):
    run = await service.capture(CaptureRequest(folders["gpt2"], TEXT))
    assert default_wish(run, ("demo-gpt2", "demo-bert")).b.model == "demo-bert"
    assert default_wish(run, ()).b.model == ""


async def test_a_failing_side_is_named(service, folders):
    with pytest.raises(BadSelection, match=r"^Side B: .*no-such-model"):
        await compared(service, folders["gpt2"], SideWish("no-such-model"))
    with pytest.raises(BadSelection, match=r"^Side B: The text has 4,00\d tokens"):
        await compared(service, folders["gpt2"], SideWish(text="w1 " * 4000))
    with pytest.raises(BadSelection, match=r"^Side B: Type at least one word"):
        await compared(service, folders["gpt2"], SideWish(text="  "))
    with pytest.raises(BadSelection, match=r"^Side B: Not applicable: .*eager hooks"):
        await compared(service, folders["bloom"], SideWish(edit=EditWish(tokens="first")))
    run = await service.capture(CaptureRequest(folders["gpt2"], TEXT))
    with pytest.raises(BadSelection, match=r"^Side A: "):
        await run_pair(service, run, PairWish(CaptureRequest("no-such-model", TEXT)), QUIET)


# --- what the cards say ----------------------------------------------------------------------------------


async def test_every_card_has_its_words_for_two_models(service, folders):
    found = await compared(service, folders["gpt2"], SideWish(folders["bert"]))
    c = found.comparison
    assert main_finding(found).startswith("A (")
    assert "each token sees all others" in side_sentence(c.b)
    assert "form" in alignment_finding(c)
    assert loss_finding(c).startswith("Not applicable: side A")
    assert predictions_finding(c).startswith("Not applicable: side A")
    assert "optimal assignment" in threshold_note(c)
    page = written(delta_table(c.metrics, GROUPS))
    assert all(TITLES.get(group, group) in page for group in GROUPS)
    assert written(groups_table(c, pick="p")).count("<tr>") == len(c.keys.groups) + 1
    assert filename(found, "heads", "csv").startswith("compare-")
    assert partner_grid(c.heads).values.shape == (c.a.profile.n_layers, c.a.profile.n_heads)
    assert "No head is" in written(heads_table(c.heads.table[:0], "matched", pick="p"))


async def test_the_same_run_on_both_sides_is_said_to_be_so(service, folders):
    found = await compared(service, folders["gpt2"], SideWish())
    assert main_finding(found) == SAME_RUN
    assert loss_finding(found.comparison).endswith("+0.000 nats a token: all 18 tokens give the same number.")
    assert positions_sentence(found.comparison.received("raw")).startswith("No token receives more")


async def test_an_edit_stands_in_words_on_its_side(service, folders):
    found = await compared(
        service, folders["gpt2"], SideWish(edit=EditWish(tokens="first", with_controls=False))
    )
    c = found.comparison
    assert "mask tokens 0" in side_sentence(c.b, found.done)
    assert "edited" in main_finding(found)
    assert "KL(A ‖ B) is" in predictions_finding(c)
    assert "KL(A ‖ B)" in written(places_table(c.predictions, pick="p"))
    assert "nats a token" in loss_finding(c)
    assert "edited" in filename(found, "all", "json")


async def test_different_texts_are_compared_where_they_agree(service, folders):
    found = await compared(service, folders["gpt2"], SideWish(text=OTHER), unit="words")
    c = found.comparison
    assert "1 only on A and 1 only on B" in alignment_finding(c)
    first, second = [await service.head_map(side.capture, "self", 0, 1) for side in (c.a, c.b)]
    drawing = draw_difference(c, first, second)
    rows = [i for i, group in enumerate(c.keys.groups) if group.place != "both"]
    assert np.isnan(drawing.picture.values[rows]).all()
    assert drawing.picture.low == -drawing.picture.high
    assert drawing.heads == ((0, 1), (0, 1))
    table = drawing.table
    np.testing.assert_allclose(table["difference"], table["a"] - table["b"])
    # Each query gives all of its attention to what it sees, on either side.
    for side in ("a", "b"):
        given = table.groupby("query")[side].sum(min_count=1).dropna()
        np.testing.assert_allclose(given, 1.0, atol=1e-5)


async def test_no_common_word_is_a_sentence_not_a_failure(service, folders):
    other = " ".join(f"w{i}" for i in range(30, 48))
    found = await compared(service, folders["gpt2"], SideWish(text=other))
    assert "have no word in common" in main_finding(found)
    assert pairing_sentence(found.comparison, "heads", (0, 0), (0, 0)).endswith("all the same.")


async def test_figures_hold_both_sides(service, folders):
    c = (await compared(service, folders["gpt2"], SideWish(text=OTHER))).comparison
    lines = [by_layer(side, "first_token_share") for side in (c.a, c.b)]
    table = layer_table(c, lines, "best")
    np.testing.assert_allclose(table["delta"], table["a"] - table["b"])
    assert layers_sentence(table, "first_token_share").startswith("First-token share: farthest apart")
    figure = side_layers(*zip(*lines, strict=True), title="share", is_share=True)
    assert [trace.name for trace in figure.data] == ["A", "uniform A", "B", "uniform B"]
    bars = side_bars(c.received("eligible"))
    assert [trace.name for trace in bars.data] == ["A", "B", "uniform", "uniform B"]
    losses = side_losses(loss_frame(c))
    assert len(losses.data[0].y) == c.loss.counted.sum()


async def test_layers_of_models_of_different_depth_are_drawn_by_depth():
    short, long = np.linspace(0, 1, 3), np.linspace(0, 1, 5)
    figure = side_layers((short, long), (short * np.nan, long * np.nan), title="x", is_share=False)
    np.testing.assert_allclose(figure.data[0].x, [0, 0.5, 1])
    np.testing.assert_allclose(figure.data[1].x, [0, 0.25, 0.5, 0.75, 1])


async def test_the_selection_of_one_side_gives_that_of_the_other(service, folders):
    c = (await compared(service, folders["gpt2"], SideWish(folders["bert"]))).comparison
    for rule in ("heads", "depth", "best"):
        for layer in range(c.a.profile.n_layers):
            found = partner_head(c, rule, (layer, 1))
            assert 0 <= found[0] < c.b.profile.n_layers
            assert 0 <= found[1] < c.b.profile.n_heads
            assert pairing_sentence(c, rule, (layer, 1), found).startswith(f"Head {layer}.1 of A beside")
    partner = c.heads.partner(0, 0)
    assert partner_head(c, "heads", (0, 0)) == partner
    assert partner_head(c, "heads", partner, back=True) == (0, 0)
    assert partner_head(c, "depth", (2, 3), back=True) == (2, 3)


def test_numbers_are_written_with_sign_and_unit():
    assert delta_text(0.123, "share") == "+12.3 pp"
    assert delta_text(-0.5, "nats") == "-0.500"
    assert delta_text(3, "tokens") == "+3"
    assert delta_text(float("nan"), "share") == "–"
    assert value_text(1234, "tokens") == "1,234"
    assert value_text(float("nan"), "nats") == "–"


async def test_sinks_are_listed_with_what_became_of_them(service, folders):
    c = (await compared(service, folders["gpt2"], SideWish(text=OTHER))).comparison
    sinks = (
        c.received("eligible").head(2).assign(label_a=["parking sink", ""], label_b=["ordinary", "attended"])
    )
    page = written(sinks_table(sinks.assign(change=["vanishes", "only in B"]), pick="p"))
    assert "− vanishes" in page
    assert "no such token" in page
