"""python -m pytest tests/analysis/test_composite_score.py"""

from __future__ import annotations

import pytest

from sinklens.analysis.bias_decision import decide
from sinklens.analysis.composite_score import composite_score
from sinklens.errors import BadSelection
from tests.bias.readings import reading_of

TEN_WORDS = "one two three four five six seven eight nine ten"


def _decision(n_unfair=0, n_stereotype=0):
    marks = {word: {"B-UNFAIR": 0.9} for word in range(n_unfair)}
    for word in range(n_stereotype):
        marks.setdefault(word, {})["B-STEREO"] = 0.9
    return decide(reading_of(TEN_WORDS, marks))


def test_the_default_weights_give_the_published_sum():
    score = composite_score(_decision(n_unfair=1, n_stereotype=3))
    assert score.parts == pytest.approx({"density": 0.3, "stereotype": 1, "generalisation": 0, "unfair": 0.5})
    assert score.value == pytest.approx(0.3 * 0.3 + 0.25 * 1 + 0.25 * 0.5)
    assert score.level == "high"


def test_nothing_marked_scores_zero():
    assert (composite_score(_decision()).value, composite_score(_decision()).level) == (0, "low")


def test_weights_are_shares_of_their_sum():
    score = composite_score(_decision(n_unfair=1), {"density": 1, "unfair": 3})
    assert score.weights == {"density": 0.25, "unfair": 0.75}
    assert score.value == pytest.approx(0.25 * 0.1 + 0.75 * 0.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"density": 0}, "above 0"),
        ({"density": -1, "unfair": 2}, "0 or more; got -1"),
        ({"charm": 1}, "got 'charm'"),
        ({"density": float("nan")}, "got nan"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(BadSelection, match=message):
        composite_score(_decision(), weights)


def test_a_text_without_words_has_no_score():
    with pytest.raises(BadSelection, match="no word"):
        composite_score(decide(reading_of("...", {})))
