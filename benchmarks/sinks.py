"""What the sink laboratory costs, as ratios: trials, cache policies, and long texts.

Trials: an edit of 8 texts with 3 controls beside the plain forward passes that it needs (fused attention,
logits included, as many as the report counts). Cache policies: six policies beside one dense pass. Both are
taken as processor time of this process, in turns, so that a busy machine slows all alike.
Long texts: the profile of a Llama-shaped model with random weights, each length in a process of its
own; memory has to grow with the length and not with its square.

    python -m benchmarks.sinks [--lengths 4096 8192 16384 32768]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from modules.examples import EXAMPLES, LONG_PARAGRAPH
from sinklens.cache_records import CachePolicy, CacheRequest
from sinklens.capture.cache_policies import policy_loss
from sinklens.capture.engine import Engine
from sinklens.capture.forward import run_forward
from sinklens.capture.loaded_model import LoadedModel
from sinklens.interventions import MaskKeys
from sinklens.records import CapturePlan, CaptureRequest, Prompt, Token
from sinklens.settings import Settings
from sinklens.trial_records import Arm, TrialRequest

N_TEXTS, N_REPEATS = 8, 7
N_EXACT_TOKENS = 1_024
MAX_TRIAL_RATIO = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[4_096, 8_192, 16_384, 32_768])
    parser.add_argument("--child", type=int, metavar="LENGTH")
    choices = parser.parse_args()
    if choices.child:
        print(profile_peak_bytes(choices.child))
        return
    torch.set_num_threads(1)
    engine = Engine()
    print(f"{'edit of 8 texts, 3 controls':>30} | passes | time / plain passes (goal {MAX_TRIAL_RATIO})")
    for model in ("demo-gpt2", "demo-llama"):
        print(trial_row(engine, model), flush=True)
    print(f"\n{'cache policies':>30} | tokens | time of each / one dense pass")
    print(policy_row(engine, "demo-llama", "demo-llama"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(policy_row(engine, long_llama(engine, Path(folder), 512), "random Llama"), flush=True)
    print(f"\n{'sink profile':>30} | peak above the model | for each token")
    for n_tokens in choices.lengths:
        print(length_row(n_tokens), flush=True)
    print(f"\nlargest difference to dense maps at {N_EXACT_TOKENS:,} tokens: {exactness():.1e}")


# --- trials -------------------------------------------------------------------------------------------


def trial_row(engine: Engine, model: str) -> str:
    """One line: how many passes a trial needs, and what it costs beside them."""
    # Those that every model takes, the longest (236 tokens) among them.
    texts = tuple(example.text for example in EXAMPLES if example.id not in {"multilingual", "code"})[
        :N_TEXTS
    ]
    request = TrialRequest(model, texts, (Arm("mask", (MaskKeys(keys=(0,)),)),))
    loaded = engine.model(model)
    ids = [torch.tensor([engine.tokenise(CaptureRequest(model, text)).ids]) for text in texts]
    n_passes = [engine.trial(request, index).n_passes for index in range(len(texts))]

    def plain() -> None:
        with torch.inference_mode():
            for own, n in zip(ids, n_passes, strict=True):
                for _ in range(n):
                    _ = loaded.model(input_ids=own, use_cache=False).logits

    def trial() -> None:
        for index in range(len(texts)):
            engine.trial(request, index)

    bare, whole = in_turns(plain, trial)
    return f"{model:>30} | {sum(n_passes):>6} | {whole / bare:.2f}"


def in_turns(*works: Callable[[], None], n_repeats: int = N_REPEATS) -> list[float]:
    """Median processor seconds of each work, all of them in turn in every repeat."""
    seconds = [[] for _ in works]
    for _ in range(n_repeats):
        for index, work in enumerate(works):
            started = time.process_time()
            work()
            seconds[index].append(time.process_time() - started)
    return [statistics.median(times) for times in seconds]


# --- cache policies -----------------------------------------------------------------------------------


def policy_row(engine: Engine, model: str, name: str) -> str:
    """One line: every policy as a multiple of one dense pass over the same text."""
    loaded = engine.model(model)
    n_tokens = loaded.info.n_tokens_max
    text = " ".join([LONG_PARAGRAPH] * (1 + n_tokens // 200))
    prompt = engine.tokenise(CacheRequest(model, text, 0, long_text="first").reading)
    size = n_tokens // 4
    policies = [
        CachePolicy("dense"),
        CachePolicy("sinks", size, 0),
        CachePolicy("sinks", size, 4, "original"),
        CachePolicy("sinks", size, 4, "in-cache"),
        CachePolicy("random", size),
        CachePolicy("recompute", size),
    ]
    works = [lambda policy=policy: policy_loss(loaded, policy, prompt) for policy in policies]
    seconds = in_turns(*works, n_repeats=3)
    cells = ", ".join(
        f"{policy.name}: {s / seconds[0]:.2f}" for policy, s in zip(policies, seconds, strict=True)
    )
    total = f"all six: {sum(seconds) / seconds[0]:.1f} dense passes ({sum(seconds):.1f} s of this processor)"
    return f"{name:>30} | {len(prompt):>6} | {cells}\n{'':>30} |        | {total}"


def long_llama(engine: Engine, folder: Path, n_tokens: int) -> str:
    """A folder with demo-llama's shape and tokenizer, random weights and room for more tokens."""
    loaded = engine.model("demo-llama")
    torch.manual_seed(0)
    config = type(loaded.model.config).from_dict(
        loaded.model.config.to_dict() | {"max_position_embeddings": n_tokens}
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    loaded.tokenizer.model_max_length = n_tokens
    loaded.tokenizer.save_pretrained(folder)
    return str(folder)


# --- long texts ---------------------------------------------------------------------------------------


def length_row(n_tokens: int) -> str:
    """One line: peak memory of the profile of a text, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sinks", "--child", str(n_tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = int(done.stdout.splitlines()[-1])
    return f"{n_tokens:>23,} tokens | {peak / 1e6:>17,.0f} MB | {peak / n_tokens / 1e3:>10.1f} kB"


def tiny_llama(folder: Path, n_tokens: int, engine: Engine) -> str:
    """Two layers of eight heads with random weights, in a folder."""
    torch.manual_seed(0)
    tokenizer = engine.model("demo-llama").tokenizer
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=n_tokens,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            # Attention at a usual start is all but uniform, and easy.
            layer.self_attn.q_proj.weight.normal_(0, 0.15)
            layer.self_attn.k_proj.weight.normal_(0, 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def profile_peak_bytes(n_tokens: int) -> int:
    """What the profile of a text takes above the loaded model and a short run."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine()
        name = tiny_llama(Path(folder), n_tokens, engine)
        engine.capture(light_request(name, "a b c"))
        before = _begin_peak()
        capture = run_ids(engine, name, n_tokens)
        assert capture.profile().received.shape[-1] == n_tokens
        return _peak_bytes() - before


def light_request(name: str, text: str) -> CaptureRequest:
    """A profile and nothing else."""
    plan = CapturePlan(states=False, mean_maps=False, thumbnails=True)
    return CaptureRequest(name, text, long_text="first", plan=plan)


def run_ids(engine: Engine, name: str, n_tokens: int):
    """The profile of random tokens, so that a text of any length needs no writing."""
    loaded: LoadedModel = engine.model(name)
    return run_forward(loaded, light_request(name, ""), random_prompt(loaded, n_tokens), None, Settings())


def random_prompt(loaded: LoadedModel, n_tokens: int) -> Prompt:
    """A prompt of random ids."""
    ids = np.random.default_rng(0).integers(0, loaded.info.vocabulary_size, n_tokens).tolist()
    tokens = tuple(Token(i, one, "", "", None, None, False) for i, one in enumerate(ids))
    return Prompt("", tokens, bos_added=False, n_tokens_total=n_tokens)


def exactness() -> float:
    """Largest difference of the profile to what dense maps of plain eager attention give."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine()
        name = tiny_llama(Path(folder), N_EXACT_TOKENS, engine)
        profile = run_ids(engine, name, N_EXACT_TOKENS).profile()
        loaded = engine.model(name)
        prompt = random_prompt(loaded, N_EXACT_TOKENS)
        eager = LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
        with torch.inference_mode():
            outputs = eager(torch.tensor([prompt.ids]), output_attentions=True, use_cache=False)
        maps = torch.stack(outputs.attentions)[:, 0].double().numpy()  # (L, H, Q, K)
        pairs = (
            (profile.received / N_EXACT_TOKENS, maps.mean(2)),
            (profile.first_share, maps[..., 0]),
            (profile.last_row, maps[:, :, -1]),
            (profile.row_max, maps.max(-1)),
        )
        return max(float(np.abs(ours - dense).max()) for ours, dense in pairs)


def _begin_peak() -> int:
    """Forget the peak so far, which loading made, where the system can; bytes in use now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_bytes()


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


if __name__ == "__main__":
    main()
