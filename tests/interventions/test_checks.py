"""An edit that does not fit is refused with one sentence.

python -m pytest tests/interventions/test_checks.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinklens.errors import BadIntervention
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    EvictAtRandom,
    KeepCache,
    MaskKeys,
    MoveAttention,
    PatchContribution,
    QuantiseCache,
    ScaleColumns,
    SetDimensions,
    StaticVectors,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    check_interventions,
)
from tests.interventions.every_edit import EVERY_EDIT, SHAPE, VECTORS


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (MaskKeys(keys=(0,), stream="cross"), "has the attention streams self; the edit asks for 'cross'"),
        (MaskKeys(keys=(0, 10)), "names token 10; this run has tokens 0 to 9"),
        (MaskKeys(keys=(-1,)), "names token -1"),
        (MaskKeys(keys=(0,), layers=(2,)), "names layer 2; this run has layers 0 to 1"),
        (MaskKeys(keys=(0,), heads=(3,)), "names head 3; this run has heads 0 to 2"),
        (DropHeads(), "names them as .layer, head. pairs"),
        (DropHeads(pairs=((0, 0), (2, 0))), "names layer 2"),
        (DropHeads(pairs=((0, 3),)), "names head 3"),
        (DropHeads(pairs=((0, 0),), layers=(1,)), "pairs, or layers and heads, but not both"),
        (MoveAttention(to_key=10), "names token 10"),
        (ScaleColumns(keys=(0,), factor=10.1), "A column factor lies between 0 and 10; got 10.1"),
        (ScaleColumns(keys=(0,), factor=float("nan")), "lies between 0 and 10; got nan"),
        (Temperature(temperature=0.0), "A temperature lies between 0.05 and 20; got 0.0"),
        (ZeroQueryBias(layers=(5,)), "names layer 5"),
        (KeepCache(n_sink=-1, n_recent=3), "got -1 and 3"),
        (KeepCache(n_sink=2, n_recent=0), "at least 1 recent one; got 2 and 0"),
        (KeepCache(n_sink=2, n_recent=1, positions="new"), "original or in-cache; got 'new'"),
        (EvictAtRandom(n_kept=0), "at least 1 token; got 0"),
        (EvictAtRandom(n_kept=3, seed=-1), "A seed is 0 or more; got -1"),
        (QuantiseCache(n_bits=1), "a whole number from 2 to 8; got 1"),
        (QuantiseCache(n_bits=2.5), "a whole number from 2 to 8; got 2.5"),
        (QuantiseCache(keep=(10,)), "names token 10"),
        (SetDimensions(layer=2, tokens=(0,), dimensions=(0,)), "names layer 2"),
        (SetDimensions(layer=0, tokens=(12,), dimensions=(0,)), "names token 12"),
        (
            SetDimensions(layer=0, tokens=(0,), dimensions=(0, 1), values=(1.0,)),
            "each of 2 dimensions; got 1",
        ),
        (SwapPositions(second=10), "names token 10"),
        (PatchContribution(keys=(10,), vectors=VECTORS), "names token 10"),
        (PatchContribution(keys=(0,), vectors=VECTORS, amount=1.5), "amount of a patch lies between 0 and 1"),
        (
            PatchContribution(keys=(0,), vectors=VECTORS, scale=-11),
            "scale of a patch lies between -10 and 10",
        ),
        (PatchContribution(keys=(0,), vectors=VECTORS, denominator="all"), "true or rest; got 'all'"),
        (
            PatchContribution(keys=(0,), vectors=StaticVectors.of(np.zeros((2, 4, 4)))),
            "3 heads; got 2 x 4 x 4",
        ),
    ],
)
def test_what_does_not_fit_is_named(edit, sentence):
    with pytest.raises(BadIntervention, match=sentence) as caught:
        check_interventions((edit,), shapes={"self": SHAPE})
    assert str(caught.value).endswith(".")


WHOLE = [edit for edit in EVERY_EDIT if edit.whole]


@pytest.mark.parametrize("edit", WHOLE, ids=lambda edit: type(edit).__name__)
@pytest.mark.parametrize("narrowed", [{"layers": (0,)}, {"heads": (0,)}, {"pairs": ((0, 0),)}])
def test_an_edit_of_everything_is_not_narrowed_in_silence(edit, narrowed):
    with pytest.raises(BadIntervention, match=edit.whole):
        check_interventions((replace(edit, **narrowed),), shapes={"self": SHAPE})


def test_edits_of_caches_states_positions_and_tokens_are_whole():
    names = {type(edit).__name__ for edit in WHOLE}
    assert names == {"KeepCache", "EvictAtRandom", "SetDimensions", "SwapPositions", "ChangeTokens"}


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (ChangeTokens(n_removed=4), "At most 3 of 4 tokens can be removed; got 4"),
        (ChangeTokens(n_removed=-1), "got -1"),
        (ChangeTokens(prepend=(0, 50)), "The vocabulary has ids 0 to 49; got 50"),
        (ChangeTokens(replace_first_by=-3), "got -3"),
    ],
)
def test_a_change_of_tokens_fits_the_text_that_it_changes(edit, sentence):
    with pytest.raises(BadIntervention, match=sentence):
        edit.check_text(n_tokens=4, n_ids=50)
    ChangeTokens(n_removed=3, replace_first_by=49, prepend=(0,)).check_text(n_tokens=4, n_ids=50)
