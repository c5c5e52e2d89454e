"""Streaming is not memory: a key that has left the cache cannot be read, however fluent the text stays.

A few random tokens are put in the place of tokens early in the text and again in place of its last ones. A
model that copies from its context finds the second occurrence cheap; without the first one in view it pays
what any random tokens cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sinklens.cache_records import CachePlan, CachePolicy, PasskeyProbe
from sinklens.capture.cache_policies import states_under, token_losses
from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import BadIntervention
from sinklens.records import Prompt

N_KEYS = 4
N_KEY_TOKENS = 6
PREFERRED_N_SINK = 4


def passkey_probe(
    loaded: LoadedModel,
    plan: CachePlan,
    seed: int,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> PasskeyProbe:
    """Losses of a repeated key with the whole text in view, with another key there, and with a cache.

    Raises
    ------
    BadIntervention
        No cache with first tokens is in the plan, or the text is too short for the key to leave it.
    RunCancelled
    """
    policy = _asked(plan)
    n_tokens = len(plan.prompt)
    # Behind the first tokens, which a streaming cache never drops.
    early, late = policy.n_sink + 1, n_tokens - N_KEY_TOKENS
    if late - (early + N_KEY_TOKENS) < policy.size:
        raise BadIntervention(
            f"A key at the beginning has to leave a cache of {policy.size} before the end; the text would "
            f"need at least {policy.size + early + 2 * N_KEY_TOKENS} tokens and has {n_tokens}."
        )
    keys = drawn_keys(loaded, plan.prompt, seed)
    # The neighbour's key is as random, and stands where this one would.
    with_key = [_planted(plan.prompt, key, key, early, late) for key in keys]
    with_other = [
        _planted(plan.prompt, other, key, early, late)
        for key, other in zip(keys, np.roll(keys, 1, axis=0), strict=True)
    ]

    def losses(under: CachePolicy, texts: list[Prompt]) -> np.ndarray:
        rows = []
        for text in texts:
            states = states_under(loaded, under, text, is_cancelled)[late:-1]
            rows.append(token_losses(loaded, states, np.array(text.ids[late + 1 :])))
        return np.stack(rows)

    dense = CachePolicy("dense")
    seen, unseen = losses(dense, with_key), losses(dense, with_other)
    return PasskeyProbe(policy, late - early, seen, unseen, losses(policy, with_key))


def drawn_keys(loaded: LoadedModel, prompt: Prompt, seed: int) -> np.ndarray:
    """(N_KEYS, N_KEY_TOKENS) ids: no token twice, none of the text, none special."""
    known = set(prompt.ids) | set(loaded.tokenizer.all_special_ids)
    n_known = min(loaded.info.vocabulary_size, loaded.model.get_input_embeddings().num_embeddings)
    free = np.array([i for i in range(n_known) if i not in known])
    n_needed = N_KEYS * N_KEY_TOKENS
    if len(free) < n_needed:
        raise BadIntervention(
            f"A key needs {n_needed} tokens that are not in the text; the vocabulary has {len(free)} left."
        )
    chosen = np.random.default_rng(seed).choice(free, n_needed, replace=False)
    return chosen.reshape(N_KEYS, N_KEY_TOKENS)


def _asked(plan: CachePlan) -> CachePolicy:
    """The cache of the plan that streaming would use: four first tokens, counted in the cache if possible."""
    streaming = [policy for policy in plan.policies if policy.kind == "sinks" and policy.n_sink]
    if not streaming:
        raise BadIntervention("The probe asks a cache with first tokens; none was chosen.")
    return min(
        streaming, key=lambda policy: (policy.positions != "in-cache", abs(policy.n_sink - PREFERRED_N_SINK))
    )


def _planted(prompt: Prompt, first: np.ndarray, second: np.ndarray, early: int, late: int) -> Prompt:
    ids = np.array(prompt.ids)
    ids[early : early + len(first)] = first
    ids[late:] = second
    tokens = zip(prompt.tokens, ids.tolist(), strict=True)
    return replace(prompt, tokens=tuple(replace(token, id=own) for token, own in tokens))
