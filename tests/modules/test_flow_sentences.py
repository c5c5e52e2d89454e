"""Run with: pytest tests/modules/test_flow_sentences.py"""

from dataclasses import replace

import numpy as np
import pytest

from modules.sentence_drawing import draw_sentences, draw_tokens, sentences_of
from modules.sentence_words import N_LABEL_CHARS_MAX, beginning, margin_name, matrix_sentence, origin
from sinklens.analysis.sentences import even_map, sentence_matrix
from sinklens.errors import SinkLensError
from sinklens.language.annotation import Annotation, TaggedWord
from sinklens.language.token_language import TokenLanguage
from tests.analysis.profiles import capture_from_maps, prompt_of, random_maps, uniform_maps

LABELS = ["<bos>", "Rain", "fell", ".", "We", "stayed", "inside", "."]
SENTENCES = (0, 0, 0, 1, 1, 1, 1)
"""Of every token but the first."""
TOKENS = np.array([-1, *SENTENCES])
MINUTE = 1e-6


def language_of(labels, sentences, specials=(0,)) -> TokenLanguage:
    """Every token that is not special is a word."""
    prompt = prompt_of(labels, specials)
    placed = [token for token in prompt.tokens if not token.is_special]
    words = tuple(
        TaggedWord(token.label, token.start, token.end, "X", "X", 0, "dep", "", sentence, False)
        for token, sentence in zip(placed, sentences, strict=True)
    )
    spans = []
    for sentence in sorted(set(sentences)):
        members = [word for word in words if word.sentence == sentence]
        spans.append((members[0].start, members[-1].end))
    numbers = iter(range(len(words)))
    indices = np.array([-1 if token.is_special else next(numbers) for token in prompt.tokens])
    return TokenLanguage(prompt, Annotation(words, tuple(spans), "hand"), indices, "Tags by hand.")


def two_sentences(maps, *, is_causal=True, **facts):
    """A capture of LABELS and what the pipeline says of its queries and keys."""
    capture = capture_from_maps(maps, is_causal=is_causal, labels=LABELS, specials=(0,), **facts)
    return capture, (language_of(LABELS, SENTENCES),) * 2


def drawn(maps, *, layer=None, sinks_aside=False, is_causal=True):
    capture, languages = two_sentences(maps, is_causal=is_causal)
    means = maps.mean(1)
    return draw_sentences(capture, "self", means, means > 0, languages, layer=layer, sinks_aside=sinks_aside)


def test_the_drawing_has_a_row_per_sentence_and_a_margin_that_fills_it_up():
    drawing = drawn(random_maps(2, 2, 8, is_causal=True))
    values = drawing.picture.values
    assert values.shape == (2, 3)
    np.testing.assert_allclose(np.nansum(values, axis=1), 1, atol=MINUTE)
    assert drawing.picture.axes.rows == ["1 · Rain fell .", "2 · We stayed inside ."]
    assert drawing.picture.axes.columns[-1] == "the margin"


def test_a_later_sentence_is_out_of_sight_and_is_read_as_such():
    drawing = drawn(random_maps(1, 1, 8, is_causal=True))
    assert np.isnan(drawing.picture.values[0, 1])
    assert drawing.picture.axes.readings[1] == "sentence 1 → sentence 2: it cannot see it"


def test_even_attention_is_no_finding():
    drawing = drawn(uniform_maps(1, 1, 8, is_causal=True))
    assert drawing.finding.startswith(
        "All layers: no sentence looks at another more than even spreading would; nearest to it, sentence 2 "
        "gives sentence 1 "
    )
    assert drawing.finding.endswith("of it goes to special tokens and spaces.")


def test_a_pair_above_its_floor_is_named_with_both_numbers():
    maps = uniform_maps(2, 1, 8, is_causal=True)
    maps[1, 0, 4:] *= MINUTE
    maps[1, 0, 4:, :4] = [0.1, 0.3, 0.3, 0.3]
    finding = drawn(maps, layer=1).finding
    assert finding.startswith(
        "Layer 1: sentence 2 looks at sentence 1 furthest above even spreading, with 90\xa0% of its "
        "attention (evenly 48\xa0%); 10\xa0% of it goes to"
    )


def test_sinks_may_stand_in_the_margin():
    labels = [*LABELS, *["and", "on"] * 8]
    sentences = (*SENTENCES, *[2] * 16)
    maps = uniform_maps(1, 2, len(labels), is_causal=True)
    maps[:, :, 2:] *= 0.2
    maps[:, :, 2:, 1] += 0.8
    capture = capture_from_maps(maps, is_causal=True, labels=labels, specials=(0,))
    languages = (language_of(labels, sentences),) * 2
    kept, aside = (
        draw_sentences(
            capture, "self", maps.mean(1), maps.mean(1) > 0, languages, layer=None, sinks_aside=choice
        )
        for choice in (False, True)
    )
    assert aside.aside.nonzero()[0].tolist() == [1]
    assert (aside.matrix.margin[1:] > kept.matrix.margin[1:] + 0.7).all()
    assert "sinks" in aside.finding
    assert "sinks" not in kept.finding


def test_an_opened_cell_shows_its_tokens_at_their_places_in_the_text():
    maps = random_maps(1, 1, 8, is_causal=True)
    tokens = draw_tokens(drawn(maps), (1, 0))
    assert tokens.keys == (1, 2, 3)
    assert tokens.picture.axes.rows == LABELS[4:]
    np.testing.assert_allclose(tokens.picture.values, maps[0, 0, 4:, 1:4], atol=MINUTE)
    assert tokens.picture.axes.readings[0].startswith("query We (4) → key Rain (1): 0.")
    assert tokens.finding.startswith("sentence 2 → sentence 1, token by token: ")


def test_the_cells_of_an_opened_cell_add_up_to_it():
    drawing = drawn(random_maps(3, 2, 8, is_causal=False), is_causal=False)
    for cell, value in np.ndenumerate(drawing.picture.values):
        tokens = draw_tokens(drawing, cell).picture.values
        assert np.nansum(tokens) / len(tokens) == pytest.approx(value, abs=MINUTE)


def test_an_opened_cell_without_sight_says_so():
    tokens = draw_tokens(drawn(random_maps(1, 1, 8, is_causal=True)), (0, 1))
    assert tokens.finding == "sentence 1 → sentence 2, token by token: nothing is visible here."


def test_the_margin_opens_too():
    tokens = draw_tokens(drawn(random_maps(1, 1, 8, is_causal=True)), (1, 2))
    assert tokens.keys == (0,)
    assert "special tokens and spaces" in tokens.finding


def test_two_texts_keep_their_own_sentences():
    maps = random_maps(1, 2, 8, is_causal=False)
    capture, (language, _) = two_sentences(maps, is_causal=False, stream="cross")
    target = language_of(["<s>", "Oui", "non", "."], (0, 0, 0))
    capture = replace(capture, target=target.prompt)
    cross = maps.mean(1)[:, :4]
    drawing = draw_sentences(
        capture, "cross", cross, cross > 0, (target, language), layer=0, sinks_aside=False
    )
    assert drawing.picture.values.shape == (1, 3)
    assert "target sentence 1" in drawing.finding
    assert "source sentence" in drawing.finding
    assert draw_tokens(drawing, (0, 1)).picture.values.shape == (3, 4)


def test_one_sentence_is_told_in_a_sentence():
    with pytest.raises(SinkLensError, match="This text is one sentence"):
        sentences_of((language_of(LABELS, (0,) * 7),) * 2)


def test_without_tags_the_reason_is_passed_on():
    capture, _ = two_sentences(uniform_maps(1, 1, 8, is_causal=True))
    unread = TokenLanguage(capture.prompt, None, None, "The tokenizer has no offsets.")
    with pytest.raises(SinkLensError, match=r"not known for this run\. The tokenizer has no offsets\."):
        sentences_of((unread, unread))


def test_a_text_of_special_tokens_alone_is_told_in_a_sentence():
    _, (language, _) = two_sentences(uniform_maps(1, 1, 8, is_causal=True))
    bare = replace(language, words=np.full(8, -1))
    with pytest.raises(SinkLensError, match="no sentence"):
        sentences_of((bare, language))


def test_long_beginnings_are_cut():
    labels = ["word"] * 20
    assert len(beginning(language_of(labels, (0,) * 20, specials=()), 0)) <= N_LABEL_CHARS_MAX + 6


def test_a_single_row_without_another_sentence_in_sight_has_no_pair():
    maps = uniform_maps(1, 1, 8, is_causal=True)[0]
    matrix = sentence_matrix(maps[0], even_map(maps > 0), np.zeros(8, int), np.zeros(8, int))
    assert (
        matrix_sentence(matrix, None, "self", margin_name(np.zeros(8, bool)))
        == "no sentence sees another one."
    )


def test_the_note_names_the_pipeline_and_doubts_texts_that_are_not_english():
    foreign = language_of(LABELS, SENTENCES)  # no word of it is marked as a common one
    words = tuple(replace(word, is_stop=True) for word in foreign.annotation.words)
    english = replace(foreign, annotation=replace(foreign.annotation, words=words))
    assert origin((english, english)) == "Sentences by hand."
    assert "does not look English" in origin((english, foreign))


def test_a_weight_that_vanishes_is_still_seen_and_counts_in_the_floor():
    """The exponential of a low score may be 0 in float32: the key stays in sight."""
    maps = uniform_maps(1, 1, 8, is_causal=True)
    visible = maps.mean(1) > 0
    maps[0, 0, 4:, 1:4] = 0.0
    capture, languages = two_sentences(maps)
    drawing = draw_sentences(capture, "self", maps.mean(1), visible, languages, layer=None, sinks_aside=False)
    assert drawing.matrix.mass[1, 0] == 0
    assert drawing.matrix.floor[1, 0] == pytest.approx(np.mean([3 / n for n in (5, 6, 7, 8)]))
    tokens = draw_tokens(drawing, (1, 0))
    assert (tokens.picture.values == 0).all()
