"""Tiny random-weight models of real architectures, saved as ordinary folders."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ["<pad>", "<bos>", "<eos>", "<mask>", "<unk>", *[f"w{i}" for i in range(59)]]
TEXT = "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w1 w2 w3 w4 w20 w21"
TARGET = "w30 w31 w32 w33 w34 w35 w36"

_ENCODER = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
_ENCODER |= {"intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 0}
_LLAMA = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
_LLAMA |= {"num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64, "head_dim": 8}
_LLAMA |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_GPT = {"vocab_size": 64, "n_positions": 64, "n_embd": 32, "n_layer": 3, "n_head": 4, "bos_token_id": 1}
_GPT |= {"eos_token_id": 2}
_BIG = {"vocab_size": 64, "hidden_size": 32, "bos_token_id": 1, "eos_token_id": 2}

CONFIGS = {
    "bert": lambda: hf.BertConfig(**_ENCODER),
    "roberta": lambda: hf.RobertaConfig(**_ENCODER, bos_token_id=1, eos_token_id=2),
    "distilbert": lambda: hf.DistilBertConfig(
        vocab_size=64, dim=32, n_layers=3, n_heads=4, hidden_dim=48, max_position_embeddings=64
    ),
    "albert": lambda: hf.AlbertConfig(**_ENCODER, embedding_size=16, bos_token_id=1, eos_token_id=2),
    "electra": lambda: hf.ElectraConfig(**_ENCODER, embedding_size=16),
    "modernbert": lambda: hf.ModernBertConfig(
        **_ENCODER, local_attention=8, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
    ),
    "gpt2": lambda: hf.GPT2Config(**_GPT),
    "gpt_neox": lambda: hf.GPTNeoXConfig(
        **_BIG, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48, max_position_embeddings=64
    ),
    "opt": lambda: hf.OPTConfig(
        **_BIG,
        num_hidden_layers=3,
        num_attention_heads=4,
        ffn_dim=48,
        max_position_embeddings=64,
        word_embed_proj_dim=32,
        pad_token_id=0,
    ),
    "llama": lambda: hf.LlamaConfig(**_LLAMA),
    "mistral": lambda: hf.MistralConfig(**_LLAMA, sliding_window=5),
    "qwen2": lambda: hf.Qwen2Config(**{k: v for k, v in _LLAMA.items() if k != "head_dim"}),
    "qwen3": lambda: hf.Qwen3Config(**_LLAMA),
    "gemma2": lambda: hf.Gemma2Config(
        **_LLAMA,
        sliding_window=5,
        attn_logit_softcapping=5.0,
        final_logit_softcapping=9.0,
        query_pre_attn_scalar=8,
    ),
    "gemma3_text": lambda: hf.Gemma3TextConfig(**_LLAMA, sliding_window=5, query_pre_attn_scalar=8),
    "phi": lambda: hf.PhiConfig(
        **_BIG, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48, max_position_embeddings=64
    ),
    "phi3": lambda: hf.Phi3Config(**{k: v for k, v in _LLAMA.items() if k != "head_dim"}),
    "gpt_oss": lambda: hf.GptOssConfig(
        **_LLAMA, num_local_experts=4, num_experts_per_tok=2, sliding_window=5
    ),
    "t5": lambda: hf.T5Config(
        vocab_size=64,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    ),
    "bart": lambda: hf.BartConfig(
        vocab_size=64,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        decoder_start_token_id=2,
        forced_eos_token_id=2,
    ),
    "gpt_neo": lambda: hf.GPTNeoConfig(
        **_BIG,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=5,
        max_position_embeddings=64,
    ),
    "gptj": lambda: hf.GPTJConfig(**_GPT, rotary_dim=4),
    "bloom": lambda: hf.BloomConfig(
        vocab_size=64, hidden_size=32, n_layer=3, n_head=4, bos_token_id=1, eos_token_id=2
    ),
    "falcon": lambda: hf.FalconConfig(**_BIG, num_hidden_layers=3, num_attention_heads=4),
    "mamba": lambda: hf.MambaConfig(**_BIG, num_hidden_layers=2, state_size=4),
}
"""Three layers and four heads where the family allows, so that counts cannot be confused."""

MASKED = ("bert", "roberta", "distilbert", "albert", "electra", "modernbert")
ENCODER_DECODER = ("t5", "bart")
EAGER_ONLY = ("gpt_neo", "gptj", "bloom", "falcon")
INTERFACE = tuple(name for name in CONFIGS if name not in (*EAGER_ONLY, "mamba"))


def tiny_model(family: str, *, seed: int = 0) -> hf.PreTrainedModel:
    """A random model whose attention is far from uniform (weights are larger than at a usual start)."""
    torch.manual_seed(seed)
    config = CONFIGS[family]()
    if family in MASKED:
        model = hf.AutoModelForMaskedLM.from_config(config)
    elif family in ENCODER_DECODER:
        model = hf.AutoModelForSeq2SeqLM.from_config(config)
    else:
        model = hf.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 or "sinks" in name:
                parameter.normal_(0, 0.25)
    return model.eval()


def tiny_tokenizer(*, adds_bos: bool = True, has_special: bool = True) -> hf.PreTrainedTokenizerFast:
    """One token a word, over the vocabulary WORDS."""
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if adds_bos and has_special:
        backend.post_processor = processors.TemplateProcessing(
            single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
        )
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "mask_token": "<mask>"}
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>" if has_special else None,
        **(special if has_special else {}),
    )


def save_tiny(family: str, folder: Path, *, seed: int = 0, tokenizer=None) -> Path:
    """Save model and tokenizer as a Hugging Face folder and return it."""
    tiny_model(family, seed=seed).save_pretrained(folder)
    (tokenizer or _own_tokenizer(family)).save_pretrained(folder)
    return folder


def _own_tokenizer(family: str):
    """transformers reads some families with a class of their own, which must find its alphabet."""
    if family != "qwen2":
        return tiny_tokenizer()
    characters = ["<pad>", "<bos>", "<eos>", "<|endoftext|>", "\u0120", "w", *"0123456789"]
    return hf.Qwen2Tokenizer(vocab={char: i for i, char in enumerate(characters)}, merges=[])
