"""StreamingLLM token by token, in plain tensor code on a model's weights (Xiao et al. 2024).

Keys are cached before their rotation; at every step the tokens in the cache are counted from 0 and
all of them are rotated anew. After every step all but the first and the most recent are dropped.
"""

from __future__ import annotations

import torch
import transformers as hf

N_HEADS = 4


def streaming_logits(model: hf.PreTrainedModel, ids, n_first: int, n_recent: int) -> torch.Tensor:
    """(T, V) logits under a cache of `n_first` + `n_recent` tokens beside the one that is read."""
    family = model.config.model_type
    layers = model.base_model.layers
    caches = [([], []) for _ in layers]
    rows = []
    for token in ids:
        x = model.get_input_embeddings().weight[token]
        for layer, (keys, values) in zip(layers, caches, strict=True):
            x = _BLOCKS[family](layer, x, keys, values, model.config)
            _evict(keys, n_first, n_recent)
            _evict(values, n_first, n_recent)
        norm = getattr(model.base_model, "norm", None) or getattr(
            model.base_model, "final_layer_norm", getattr(model.base_model, "final_layernorm", None)
        )
        rows.append(model.get_output_embeddings()(norm(x)))
    return torch.stack(rows)


def _evict(cache: list, n_first: int, n_recent: int) -> None:
    if len(cache) > n_first + n_recent:
        cache[:] = cache[:n_first] + cache[len(cache) - n_recent :]


def _llama(layer, x, keys, values, config):
    attention, normed = layer.self_attn, layer.input_layernorm(x)
    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    q, k, v = (projection(normed).view(-1, config.head_dim) for projection in projections)
    x = x + attention.o_proj(_attend(q, k, v, keys, values, config))
    return x + layer.mlp(layer.post_attention_layernorm(x))


def _phi(layer, x, keys, values, config):
    attention, normed = layer.self_attn, layer.input_layernorm(x)
    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    q, k, v = (projection(normed).view(N_HEADS, -1) for projection in projections)
    return x + attention.dense(_attend(q, k, v, keys, values, config)) + layer.mlp(normed)


def _gpt_neox(layer, x, keys, values, config):
    attention = layer.attention
    joined = attention.query_key_value(layer.input_layernorm(x)).view(N_HEADS, 3, -1)
    written = attention.dense(_attend(*joined.unbind(1), keys, values, config))
    return x + written + layer.mlp(layer.post_attention_layernorm(x))


_BLOCKS = {"llama": _llama, "phi": _phi, "gpt_neox": _gpt_neox}


def _attend(q, k, v, keys, values, config) -> torch.Tensor:
    """(H * D,) one token's heads side by side; its own key and value (G, D) join the cache."""
    keys.append(k)
    values.append(v)
    turned = torch.stack([_rotated(key, place, config) for place, key in enumerate(keys)], dim=1)
    written, n_repeats = torch.stack(values, dim=1), len(q) // len(k)
    q = _rotated(q, len(keys) - 1, config)
    heads = []
    for head, own in enumerate(q):
        weights = (turned[head // n_repeats] @ own / own.shape[0] ** 0.5).softmax(-1)
        heads.append(weights @ written[head // n_repeats])
    return torch.cat(heads)


def _rotated(vectors: torch.Tensor, place: int, config) -> torch.Tensor:
    """Vectors (heads, D) at a place: pairs (i, i + half) of the rotary part turn by place * base^(-2i/n)."""
    rope = config.rope_parameters
    n = int(vectors.shape[1] * rope.get("partial_rotary_factor", 1.0))
    half = n // 2
    turned = vectors.clone()
    for i in range(half):
        angle = torch.tensor(place * rope["rope_theta"] ** (-2 * i / n))
        first, second = vectors[:, i], vectors[:, i + half]
        turned[:, i] = first * angle.cos() - second * angle.sin()
        turned[:, i + half] = second * angle.cos() + first * angle.sin()
    return turned
