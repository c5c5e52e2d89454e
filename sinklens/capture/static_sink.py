"""Static vectors for what a set of tokens contributes to every head, and a random twin as a control.

Static sink patching is our reconstruction (reference 2.8): per head, the contribution
c_i = sum over the set of A[i, k] v_k is replaced by its mean over calibration texts. The vectors
are those that `sinklens.interventions.PatchContribution` takes, before the output projection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sinklens.capture.architecture import output_weight
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.sink_weights import sink_rows
from sinklens.errors import BadSelection, NotCaptured
from sinklens.results import Capture

MIN_SINGULAR = 1e-6
"""Directions that a head's output projection shortens by more than this, beside its longest, are left out."""


def static_vectors(
    loaded: LoadedModel, captures: Sequence[Capture], keys: tuple[int, ...], stream: str = "self"
) -> np.ndarray:
    """Mean contribution of a set of keys to every head, over the queries of calibration texts.

    All queries of all texts count alike; left out are the keys themselves and queries that see none of
    them, as in the patch.

    Parameters
    ----------
    captures : runs of the loaded model that kept their vectors, edits (another first token) included
    keys : positions that every one of the texts has

    Returns
    -------
    float32 array of shape (L, H, D)
        Before the output projection; also for models whose output projection is not known.

    Raises
    ------
    BadSelection
        No capture, one of another model, a key outside a text, or no query that looks back at the keys.
    NotCaptured
        A capture kept no vectors.
    """
    if not captures:
        raise BadSelection("A static vector needs at least one calibration text.")
    for capture in captures:
        if capture.model.revision != loaded.info.revision:
            raise BadSelection(
                f"A calibration text was read by '{capture.model.name}', not '{loaded.info.name}'."
            )
    n_layers = captures[0].profile(stream).n_layers
    return np.stack([_layer_mean(captures, keys, stream, layer) for layer in range(n_layers)])


def random_twin(
    loaded: LoadedModel, vectors: np.ndarray, stream: str = "self", *, seed: int = 0, by: str = "head"
) -> np.ndarray:
    """Vectors that write in random directions, as long after the output projection as the given ones.

    Directions are uniform among those that the projection can write.

    Parameters
    ----------
    vectors : ndarray of shape (L, H, D)
    by : {"head", "layer"}
        "head": what each head writes keeps its norm, for patches of some heads. "layer": what all heads
        of a layer write together keeps its norm, for patches of whole layers; heads that point the
        same way add up to more than random ones do, so "head" is a weaker control there.

    Returns
    -------
    float32 array of shape (L, H, D)

    Raises
    ------
    NotCaptured
        The output projection of the family is not known.
    """
    if by not in ("head", "layer"):
        raise BadSelection(f"A random twin is made by head or by layer; got '{by}'.")
    rng = np.random.default_rng(seed)
    twins = []
    for weight, real in zip(output_weights(loaded, stream, vectors.shape), vectors, strict=True):
        if by == "head":
            twin = [_redirected(w, v, rng) for w, v in zip(weight, real.astype(np.float64), strict=True)]
        else:
            flat = weight.reshape(-1, weight.shape[-1])
            twin = _redirected(flat, real.astype(np.float64).ravel(), rng).reshape(real.shape)
        twins.append(np.asarray(twin))
    return np.stack(twins).astype(np.float32)


def output_weights(
    loaded: LoadedModel, stream: str, shape: Sequence[int], layer: int | None = None
) -> list[np.ndarray]:
    """W_O of every layer of a stream (or of one), float64 (H, D, hidden) for vectors of shape (L, H, D).

    Raises
    ------
    NotCaptured
        The output projection of the family is not known.
    """
    n_layers, n_heads, head_dim = shape
    paths = loaded.attention_paths(stream)
    paths = paths * n_layers if len(paths) == 1 else paths  # ALBERT: one module is every layer
    is_complete = len(paths) == n_layers
    paths = paths if layer is None else paths[layer : layer + 1]
    weights = [output_weight(loaded.model, path, n_heads * head_dim) for path in paths]
    if not is_complete or any(weight is None for weight in weights):
        raise NotCaptured(
            f"Not applicable: the output projection of the family '{loaded.info.family}' was not found, so "
            "what heads write to the stream is not known."
        )
    return [w.detach().double().cpu().unflatten(0, (n_heads, head_dim)).numpy() for w in weights]


def _layer_mean(captures: Sequence[Capture], keys: tuple[int, ...], stream: str, layer: int) -> np.ndarray:
    """(H, D) mean over all queries of all texts."""
    total, n_queries = 0.0, 0
    for capture in captures:
        for rows in sink_rows(capture, stream, layer, keys):
            total = total + rows.contribution.double().sum(1)
            n_queries += len(rows.queries)
    if n_queries == 0:
        raise BadSelection("No query looks back at the chosen tokens: the texts are too short.")
    return (total / n_queries).float().numpy()


def _redirected(weight: np.ndarray, vector: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A vector (n,) that `weight` (n, hidden) takes to a random direction, as long as it takes `vector`."""
    left, sizes, _ = np.linalg.svd(weight, full_matrices=False)
    kept = sizes > MIN_SINGULAR * sizes.max(initial=0.0)
    if not kept.any():
        return np.zeros_like(vector)
    direction = rng.normal(size=int(kept.sum()))
    direction /= np.linalg.norm(direction)
    length = np.linalg.norm(vector @ weight)
    return length * (left[:, kept] / sizes[kept]) @ direction
