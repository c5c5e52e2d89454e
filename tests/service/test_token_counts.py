"""How long a text is, asked before it is run. python -m pytest tests/service/test_token_counts.py"""

from __future__ import annotations

import pytest

from sinklens.errors import ModelNotFound
from tests.service.service_steps import ask
from tests.stand_in_engine import StandInEngine


class CountingEngine(StandInEngine):
    """Every character is a token."""

    def tokenise(self, request):
        with self._on_model(request.model, "tokenise", request.text):
            return request.text


@pytest.fixture
def engine():
    return CountingEngine()


async def test_a_long_text_is_counted_by_its_tokenizer(engine, service):
    assert await service.n_tokens(ask("a" * 50)) == 50
    assert await service.has_more_tokens(ask("a" * 50), 49)
    assert not await service.has_more_tokens(ask("a" * 50), 50)
    assert engine.calls == [("tokenise", "a" * 50)] * 3


async def test_a_text_with_too_few_bytes_is_not_even_tokenised(engine, service):
    assert not await service.has_more_tokens(ask("a" * 50, model="missing"), 1_000)
    assert engine.calls == []


async def test_a_character_that_normalises_to_many_counts_as_many(engine, service):
    """U+FDFA is one character of three bytes and eighteen characters once it is normalised."""
    await service.has_more_tokens(ask("\ufdfa" * 3), 60)
    assert engine.calls


async def test_a_model_that_is_not_there_is_said(service):
    with pytest.raises(ModelNotFound):
        await service.n_tokens(ask("a" * 50, model="missing"))
