"""Numbers that were published under each definition of a sink, with where they come from."""

from __future__ import annotations

from dataclasses import dataclass

GU = "Gu et al. 2025 (arXiv 2410.10781), table 1"
BARBERO = "Barbero et al. 2025 (arXiv 2504.02732)"
EXPLORER = "attention-sink-explorer, its published CSV"
FROM_EXPLORER = "worked out from the heat map that attention-sink-explorer prints"


@dataclass(frozen=True)
class KnownNumber:
    """One published number."""

    value: str
    """As printed, with its unit."""
    setting: str
    """Model, length and data that it holds for."""
    source: str

    def sentence(self) -> str:
        return f"{self.value} ({self.setting}; {self.source})"


KNOWN: dict[str, tuple[KnownNumber, ...]] = {
    "gu_alpha": (KnownNumber("97.49 % of heads above 0.3", "Mistral-7B, T = 64, natural text", GU),),
    "rate_0.3": (
        KnownNumber("77.00 %", "GPT2-XL, T = 64, natural text", GU),
        KnownNumber("92.47 %", "Llama-2-7B, T = 64, natural text", GU),
        KnownNumber("93.75 %", "GPT-2 small, T = 10", FROM_EXPLORER),
    ),
    "rate_0.5": (KnownNumber("79.9 %", "GPT-2 small, T = 10", FROM_EXPLORER),),
    "rate_0.8": (
        KnownNumber("45.97 %", "Llama-3.1-8B, T = 64, 170 prompts", BARBERO),
        KnownNumber("78.29 %", "Llama-3.1-405B, T = 64, 170 prompts", BARBERO),
        KnownNumber("38.9 %", "GPT-2 small, T = 10", FROM_EXPLORER),
    ),
    "explorer": (
        KnownNumber("69.38 %", "GPT-2 small, “The quick brown fox …”, T = 10", EXPLORER),
        KnownNumber("56.64 %", "GPT-2 small, “Machine learning …”, T = 30", EXPLORER),
    ),
    "playground": (KnownNumber("65.97 %", "GPT-2 small, “The quick brown fox …”, T = 10", FROM_EXPLORER),),
    "last": (
        KnownNumber(
            "mostly 60 to 90 %",
            "Llama-2-7B, query 4,096, beyond the two bottom layers",
            "Xiao et al. 2024 (arXiv 2309.17453), figure 12, read off",
        ),
    ),
    "argmax": (
        KnownNumber(
            "33.3 % (2.2 % with softmax off by one)",
            "their own decoder",
            "Kaul et al. 2024 (arXiv 2410.17174)",
        ),
    ),
}
"""By key of a definition in `sink_definitions`; a key that is not here has no published number."""
