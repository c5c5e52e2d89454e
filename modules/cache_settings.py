"""What to write into other programs to get the cache that a study found; pure."""

from __future__ import annotations

from sinklens.cache_records import CacheReport


def copyable_settings(report: CacheReport, n_sink: int, positions: str) -> str:
    """Lines for llama.cpp, kvpress, streaming-llm, attention_sinks and older transformers.

    Parameters
    ----------
    n_sink : first tokens to keep
    positions : "original" or "in-cache"
    """
    tokens = "1 first token" if n_sink == 1 else f"{n_sink} first tokens"
    size, n_tokens = report.request.size, len(report.prompt)
    # llama.cpp does not count a BOS, which it keeps anyway.
    n_keep = max(n_sink - 1, 0) if report.prompt.bos_added else n_sink
    bos = "; BOS is kept and not counted" if report.prompt.bos_added else ""
    press = f"StreamingLLMPress(compression_ratio={1 - size / n_tokens:.3f}, n_sink={n_sink})"
    press = f"KeyRerotationPress({press})" if positions == "in-cache" else press
    names = "KeyRerotationPress, StreamingLLMPress" if positions == "in-cache" else "StreamingLLMPress"
    return "\n".join(
        (
            f"# {tokens} + {size - n_sink} recent ones, {positions} positions",
            "",
            f"# llama.cpp (drops half of the rest at once when the context is full{bos})",
            f"llama-server -m MODEL.gguf -c {size} --keep {n_keep} --context-shift",
            "",
            f"# kvpress (compresses the prompt, here from {n_tokens} tokens to {size})",
            f"from kvpress import {names}",
            f"press = {press}",
            "",
            "# streaming-llm and attention_sinks (in-cache positions)",
            f"python run_streaming_llama.py --enable_streaming --start_size {n_sink} "
            f"--recent_size {size - n_sink}",
            f"AutoModelForCausalLM.from_pretrained(NAME, attention_sink_size={n_sink}, "
            f"attention_sink_window_size={size - n_sink})",
            "",
            "# transformers 4 (removed in 5)",
            f"SinkCache(window_length={size}, num_sink_tokens={n_sink})",
            "",
            "# vLLM has no such setting: its pull request 3515 was closed without it",
        )
    )
