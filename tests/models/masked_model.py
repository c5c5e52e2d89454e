"""A tiny masked language model and a stream of tokens for it."""

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM

from models.recipes.masked_rows import EncoderTokens

N_VOCAB = 60
TOKENS = EncoderTokens(cls=2, sep=3, mask=4, n_vocab=N_VOCAB, n_special=5, punctuation=(5, 6))
STREAM = np.arange(4000, dtype=np.uint16) % (N_VOCAB - 5) + 5


def tiny_bert() -> BertForMaskedLM:
    """A BERT of two layers with random weights and plain attention."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=N_VOCAB,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=32,
    )
    config._attn_implementation = "eager"
    return BertForMaskedLM(config).eval()
