"""Facts that hold without any trained weights, as claims; how each is measured is in `capture.identities`."""

from __future__ import annotations

from sinklens.reproduce.claims import Claim

GROUP = "Without weights"
EXACT = 1e-5


def uniform_share(n_tokens: int) -> float:
    """Mean weight of uniform causal attention on token 0: H_T / T with the harmonic number H_T."""
    return sum(1 / t for t in range(1, n_tokens + 1)) / n_tokens


ROWS = (
    # key, title, expected, tolerance, unit, source
    (
        "uniform-10",
        "Uniform causal attention, 10 tokens: share of token 0",
        uniform_share(10),
        EXACT,
        "",
        "H(10)/10",
    ),
    (
        "uniform-64",
        "Uniform causal attention, 64 tokens: share of token 0",
        uniform_share(64),
        EXACT,
        "",
        "H(64)/64",
    ),
    ("strength-ratio", "Ratio from strength 0.69375247 at 10 tokens", 20.387987, 1e-4, "x", "(T-1)s/(1-s)"),
    ("excluded", "Share without query 0 from the share with it", 0.0, EXACT, "", "(T a - 1)/(T - 1)"),
    ("sinkfix-sum", "SinkFix's received scores add up to one", 1.0, EXACT, "", "definition"),
    ("rows", "Rows of a causal model add up to one", 0.0, EXACT, "", "softmax"),
    ("future", "Weight on the future", 0.0, 0.0, "", "causal mask"),
    ("nope", "One token repeated, no positions: weights are 1/t", 0.0, EXACT, "", "Gu et al. 2025, prop. 1"),
    ("first-state", "Token 0's states do not depend on what follows", 0.0, EXACT, "", "causal mask"),
    ("cache-all", "A cache as long as the text changes nothing", 0.0, EXACT, "logit", "Xiao et al. 2024"),
    ("cache-window", "A cache without first tokens is a sliding window", 0.0, EXACT, "logit", "definition"),
    ("patch-dynamic", "A sink patch of amount 0 changes nothing", 0.0, EXACT, "logit", "definition"),
    ("act-one", "Calibration with factor 1 changes nothing", 0.0, EXACT, "logit", "Yu et al. 2024"),
    ("redistribute-nothing", "Redistribution of no token changes nothing", 0.0, EXACT, "logit", "SinkFix"),
    ("off-by-one", "Softmax off by one is one more key of score and value 0", 0.0, EXACT, "", "Miller 2023"),
    ("learned-sink", "Row sum plus learned sink is one", 0.0, EXACT, "", "GPT-OSS"),
)


def weight_free_claims() -> tuple[Claim, ...]:
    """Every identity that is checked."""
    return tuple(
        Claim(key, GROUP, title, expected, tolerance, unit, source, measurement=key)
        for key, title, expected, tolerance, unit, source in ROWS
    )
