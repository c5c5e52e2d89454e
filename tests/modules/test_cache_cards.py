"""What the cards about caches say, over real studies of tiny models.

python -m pytest tests/modules/test_cache_cards.py
"""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from modules import bits_words, cache_words
from modules.bench import Bench
from modules.cache_bits import BitsWish, kept_positions, read_ranges, try_bits
from modules.cache_report_file import cache_report_json
from modules.cache_settings import copyable_settings
from modules.cache_study import CacheWish, default_size, study_caches
from modules.figures.cache_curves import cache_curves
from sinklens.analysis.cache_curve import smoothed
from sinklens.cache_records import CachePolicy
from sinklens.capture.engine import Engine
from sinklens.errors import BadIntervention
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny

LONG = " ".join([TEXT] * 3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (capture, study, bits)"""

    class Runs(dict):
        def __missing__(self, family):
            engine = Engine()
            name = str(save_tiny(family, tmp_path_factory.mktemp(family)))
            capture = engine.capture(CaptureRequest(name, LONG))
            settings = Settings(cache_dir=tmp_path_factory.mktemp("cache"))
            self[family] = asyncio.run(self._studies(InferenceService(engine, settings), capture))
            return self[family]

        @staticmethod
        async def _studies(service, capture):
            bench = Bench(service, None, None, None, None)
            study = await study_caches(service, capture, CacheWish(), lambda status: None)
            wish = BitsWish("first", "channel")
            bits = await try_bits(bench, capture, (LONG, TEXT), "self", (0,), wish, lambda status: None)
            service.close()
            return capture, study, bits

    return Runs()


def test_an_empty_field_means_a_quarter_of_the_text(runs):
    capture, study, _ = runs["llama"]
    assert study.report.request.size == default_size(len(capture.prompt)) == 14
    assert default_size(20) == 8


def test_bundled_prose_goes_beyond_the_model_with_a_quarter_of_its_length_in_the_cache(tmp_path):
    engine = Engine(Settings())
    capture = engine.capture(CaptureRequest("demo-llama", TEXT))
    service = InferenceService(engine, Settings(cache_dir=tmp_path))
    wish = CacheWish("prose", with_recompute=False)
    study = asyncio.run(study_caches(service, capture, wish, lambda status: None))
    service.close()
    assert len(study.report.prompt) > 2 * capture.model.n_tokens_max
    assert study.report.request.size == capture.model.n_tokens_max // 4
    assert study.coverage is None
    assert "ends at the model's own length" in study.coverage_note
    streaming = study.report.find("sinks", 4, "in-cache").loss[-200:].mean()
    assert streaming < study.report.find("sinks", 0).loss[-200:].mean()
    assert "is no measure of it here" in cache_words.cache_finding(study.report, "in-cache", "late")


@pytest.mark.parametrize(("family", "positions"), [("llama", "in-cache"), ("gpt2", "original")])
def test_the_finding_names_sizes_perplexities_and_the_ratio(runs, family, positions):
    report = runs[family][1].report
    assert cache_words.usable_positions(report, "in-cache") == positions
    finding = cache_words.cache_finding(report, positions, "late")
    assert re.match(
        r"With 14 of 56 tokens in the cache the window alone has perplexity [\d.]+, [\d.]+.× "
        rf"\([\d.]+ to [\d.]+\) that of 4 \+ 10, {positions} positions \([\d.]+\); "
        r"with the whole text in view it is [\d.]+\. ",
        finding,
    )
    assert finding.endswith("Over 41 tokens, after the cache is full.")
    assert "Over 55 tokens, the whole text." in cache_words.cache_finding(report, positions, "all")


def test_a_picture_shows_only_policies_whose_positions_belong_together(runs):
    names = [one.policy.name for one in cache_words.shown_losses(runs["llama"][1].report, "in-cache")]
    assert names == [
        "dense", "0 + 14", "1 + 13, in-cache positions", "2 + 12, in-cache positions",
        "4 + 10, in-cache positions", "8 + 6, in-cache positions", "random eviction, 14",
        "recomputed window, 14",
    ]  # fmt: skip


def test_every_line_of_a_picture_has_a_dash_or_width_of_its_own(runs):
    shown = cache_words.shown_losses(runs["llama"][1].report, "in-cache")
    figure = cache_curves([(one.policy, smoothed(one.loss, 5), one.loss) for one in shown], 14)
    named = [trace for trace in figure.data if trace.name]
    looks = {(trace.line.color, trace.line.dash, trace.line.width) for trace in named}
    assert len(named) == len(looks) == len(shown)
    assert len(figure.data) == 2 * len(shown)


def test_tables_have_a_row_for_every_policy(runs):
    report = runs["llama"][1].report
    rows = cache_words.policy_rows(report, "late")
    assert [row[0] for row in rows] == [found.policy.name for found in report.losses]
    assert rows[0][3:] == ("—", "43.0\u202fkB") or rows[0][3] == "—"
    assert rows[-1][4] == "none"
    heads, multiples = cache_words.multiple_rows(report)
    assert heads == ["14", "28", "42", "55 (end)"]
    assert len({row[1] for row in multiples}) == 1


def test_a_model_that_copies_nothing_has_a_probe_that_says_nothing(runs):
    sentence = cache_words.passkey_sentence(runs["gpt2"][1].report)
    assert sentence.startswith("4 keys of 6 random tokens were planted 45 tokens before they come again.")


def test_the_sentence_of_coverage_counts_heads_and_lazy_layers(runs):
    sentence = cache_words.coverage_sentence(runs["llama"][1].coverage)
    assert re.search(r"\d+ of 12 heads keep more than 90.%\. By the last 8 queries", sentence)


def test_settings_hold_the_numbers_of_the_study(runs):
    report = runs["llama"][1].report
    text = copyable_settings(report, 4, "in-cache")
    assert "llama-server -m MODEL.gguf -c 14 --keep 3 --context-shift" in text
    assert "KeyRerotationPress(StreamingLLMPress(compression_ratio=0.750, n_sink=4))" in text
    assert "attention_sink_size=4, attention_sink_window_size=10" in text
    assert "SinkCache(window_length=14, num_sink_tokens=4)" in text
    assert "KeyRerotationPress" not in copyable_settings(report, 4, "original")


def test_the_recommended_cache_is_one_that_was_run(runs):
    report = runs["gpt2"][1].report
    assert isinstance(cache_words.recommended(report, "original", "late"), CachePolicy)
    assert cache_words.recommended(report, "original", "late") in report.plan.policies


def test_the_files_hold_every_number(runs):
    study = runs["gpt2"][1]
    facts = json.loads(cache_report_json(study))
    assert facts["cache_size"] == 14
    assert facts["not_run"] == {"in-cache positions": study.report.plan.skipped[0].reason}
    assert len(facts["policies"]["the whole text"]) == len(study.report.losses)
    assert facts["blow_up"]["the whole text"]["in-cache"] is None
    frame = cache_words.loss_frame(study.report)
    assert len(frame) == 55 * len(study.report.losses)
    assert frame.token.max() == 55


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_finding_of_few_bits_says_what_exact_tokens_are_worth(runs, family):
    finding = bits_words.bits_finding(runs[family][2])
    assert re.match(
        r"With keys and values in 4 bits, one scale for each channel, the loss changes by [+-][\d.]+ nats a "
        r"token \(.+\); with the first token in full precision by [+-][\d.]+ \(.+\); "
        r"(no clear difference to|[\d.]+ (less|more) than with) other tokens exact instead",
        finding,
    )
    assert finding.endswith("2 texts, 76 tokens.")


def test_the_loss_table_has_both_bits_with_and_without_exact_tokens_and_their_controls(runs):
    names = [row[0] for row in bits_words.loss_rows(runs["llama"][2])]
    assert names == [
        f"{bits} bits{tail}"
        for bits in (8, 4)
        for tail in ("", ", chosen tokens exact", ", instead: random key", ", instead: middle key",
                     ", instead: recent key")
    ]  # fmt: skip


def test_rounding_is_listed_for_keys_and_values_under_every_scale(runs):
    rows = bits_words.error_rows(runs["llama"][2])
    assert len(rows) == 2 * 3 * 2
    assert all(len(row) == 5 for row in rows)


def test_ranges_are_told_with_the_largest_number_that_fp16_holds(runs):
    sentence = bits_words.ranges_sentence(runs["llama"][2])
    assert re.search(r"All of them fit fp16 \(largest [\d.]+ of 65,504\)\. Computed in float32\.$", sentence)


def test_no_sink_is_said_and_the_first_tokens_are_offered():
    with pytest.raises(BadIntervention, match="choose the first tokens"):
        kept_positions("sinks", (), 10)
    assert kept_positions("four", (), 3) == (0, 1, 2)


def test_a_run_without_vectors_has_no_ranges(runs):
    capture = runs["llama"][0]
    bare = type(capture)(**{**vars(capture), "states": {}})
    assert read_ranges(bare, "self", (0,)) == ((), None)
