"""Do the arrays of a capture belong together? Checked for captures that come from outside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sinklens.records import Prompt
from sinklens.results import Capture, LayerState, Profile

PROFILE_AXES = {
    **dict.fromkeys(("received", "received_tail", "first_row", "last_row", "argmax_count"), "LHK"),
    **dict.fromkeys(("first_share", "self_share", "previous_share", "entropy", "row_max", "row_sum"), "LHQ"),
    **dict.fromkeys(("sum_squares", "q_norm", "out_norm"), "LHQ"),
    **dict.fromkeys(("k_norm", "v_norm", "vo_norm"), "LHK"),
    **{"n_below_uniform": "LH", "n_visible": "LQ", "n_viewers": "LK", "uniform_received": "LK"},
    **dict.fromkeys(("mean_map", "first_layer_map", "last_layer_map"), "QK"),
}
"""Axes of the arrays of a profile, as `results.Profile` documents them."""

MAX_ID = 1 << 31
STREAMS = {"self", "encoder", "decoder", "cross"}


def contradictions(capture: Capture) -> Iterator[str]:
    """What does not belong together, each as a sentence; none in a capture that SinkLens has made."""
    if (
        not capture.profiles
        or not set(capture.profiles) <= STREAMS
        or not {"self", "encoder"} & set(capture.profiles)
    ):
        yield f"it has the attention streams {', '.join(map(str, capture.profiles)) or 'none'}"
        return
    for prompt in filter(None, (capture.prompt, capture.target)):
        yield from _of_prompt(prompt)
    for stream, profile in capture.profiles.items():
        yield from _of_profile(capture, stream, profile)
    tokens = capture.target or capture.prompt
    if capture.hidden_norm.ndim != 2 or capture.hidden_norm.shape[1] != len(tokens):
        yield f"hidden norms have the shape {capture.hidden_norm.shape}"
    if capture.token_loss is not None and capture.token_loss.shape != (len(capture.prompt) - 1,):
        yield f"losses have the shape {capture.token_loss.shape} for {len(capture.prompt)} tokens"
    yield from _of_maps(capture)
    yield from _of_predictions(capture)


def _of_prompt(prompt: Prompt) -> Iterator[str]:
    for position, token in enumerate(prompt.tokens):
        span = (token.start, token.end)
        is_inside = span == (None, None) or (
            None not in span and 0 <= token.start <= token.end <= len(prompt.text)
        )
        if token.index != position or not 0 <= token.id < MAX_ID or not is_inside:
            yield f"token {position} says that it is token {token.index} at characters {span}"
            return


def _of_profile(capture: Capture, stream: str, profile: Profile) -> Iterator[str]:
    if profile.received.ndim != 3 or profile.first_share.ndim != 3:
        yield f"the profile of '{stream}' has no axes for layers, heads and tokens"
        return
    sizes = dict(zip("LHKQ", (*profile.received.shape, profile.n_queries), strict=True))
    if min(sizes.values()) < 1 or profile.stream != stream:
        yield f"the profile of '{stream}' is empty or of another stream"
    if (sizes["Q"], sizes["K"]) != (len(capture.query_prompt(stream)), len(capture.key_prompt(stream))):
        yield f"the profile of '{stream}' is {sizes['Q']} x {sizes['K']} and the text has other tokens"
    for name, axes in PROFILE_AXES.items():
        array, shape = getattr(profile, name), tuple(sizes[axis] for axis in axes)
        if array is not None and (array.shape != shape or not _is_number(array)):
            yield f"'{name}' has the shape {array.shape}; {shape} was expected"
    averaged = (profile.mean_map, profile.first_layer_map, profile.last_layer_map)
    if len({array is None for array in averaged}) > 1:
        yield f"some of the averaged maps of '{stream}' are missing"
    small = profile.thumbnails
    if small is not None and (small.ndim != 4 or small.shape[:2] != (sizes["L"], sizes["H"])):
        yield f"pictures of heads have the shape {small.shape}"


def _of_maps(capture: Capture) -> Iterator[str]:
    for (stream, layer, head), array in capture.maps.items():
        profile = capture.profiles.get(stream)
        if profile is None or not (0 <= layer < profile.n_layers and 0 <= head < profile.n_heads):
            yield f"there is a map of head {layer}.{head} in '{stream}', which the run does not have"
        elif array.shape != (profile.n_queries, profile.n_keys) or array.dtype != np.float32:
            yield f"the map of head {layer}.{head} is {array.shape} of {array.dtype}"
    for stream, states in capture.states.items():
        profile = capture.profiles.get(stream)
        if profile is None or (states and len(states) != profile.n_layers):
            yield f"there are vectors of {len(states)} layers for '{stream}'"
        elif not all(_fits(state, profile) for state in states):
            yield f"the vectors of '{stream}' do not have the sizes of its profile"


def _fits(state: LayerState, profile: Profile) -> bool:
    vectors = (state.q, state.k, state.v)
    if any(array.ndim != 3 or array.dtype != np.float32 for array in vectors):
        return False
    n_groups = state.k.shape[0]
    optional = {
        "mask": (profile.n_queries, profile.n_keys),
        "bias": (profile.n_heads, profile.n_queries, profile.n_keys),
        "sink_logits": (profile.n_heads,),
        "first_q": state.q.shape,
    }
    return (
        state.q.shape[:2] == (profile.n_heads, profile.n_queries)
        and state.k.shape[1] == state.v.shape[1] == profile.n_keys
        and state.k.shape[2] == state.q.shape[2]
        and n_groups > 0
        and profile.n_heads % n_groups == 0
        and all(
            getattr(state, name) is None or getattr(state, name).shape == shape
            for name, shape in optional.items()
        )
    )


def _of_predictions(capture: Capture) -> Iterator[str]:
    found = capture.predictions
    if found is None:
        return
    n_rows = len(found.positions)
    rows = (found.ids, found.probabilities, found.actual_rank)
    if any(len(array) != n_rows for array in rows if array.ndim) or len(found.labels) != n_rows:
        yield "predictions and positions differ in number"


def _is_number(array: np.ndarray) -> bool:
    return array.dtype.kind in "fiu"
