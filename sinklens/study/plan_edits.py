"""The edits of `sinklens.interventions` as entries of a study file: `edit: mask_keys`, then its fields."""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from sinklens.interventions import Intervention, PatchContribution, StaticVectors

SINKS = "sinks"
"""In place of a list of tokens: the sinks that are found in each text, token 0 where there are none."""
KEY_FIELDS = ("keys", "tokens", "keep")


class Vectors(BaseModel):
    """Static vectors made from the study's own texts: the mean contribution of the tokens to every head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fit_texts: Annotated[int, Field(ge=1)] = 8
    """Texts, the first of the study's order, that the mean is taken over."""
    of: Literal["mean", "random"] = "mean"
    """"random": as long after the output projection, in a random direction."""
    by: Literal["head", "layer"] = "layer"
    """What keeps its length under "random"."""


class _Edit(BaseModel):
    """One edit; `kind` says which."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    edit: str

    @property
    def uses_sinks(self) -> bool:
        """Does what is edited differ from text to text?"""
        return any(getattr(self, name, None) == SINKS for name in KEY_FIELDS)

    @property
    def vector_source(self) -> Vectors | None:
        vectors = getattr(self, "vectors", None)
        return vectors if isinstance(vectors, Vectors) else None

    def build(self, *, sinks: tuple[int, ...] = (0,), vectors: StaticVectors | None = None) -> Intervention:
        """The edit for a text with these sinks."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "edit"}
        values = {name: sinks if value == SINKS else value for name, value in values.items()}
        if vectors is not None:
            values["vectors"] = vectors
        return EDITS[self.edit](**values)


def _plan_of(name: str, kind: type) -> type[_Edit]:
    """A pydantic model with the fields of an edit's dataclass."""
    hints, fields = get_type_hints(kind), {}
    for entry in dataclasses.fields(kind):
        if entry.name == "stream":
            annotation = Literal["self", "encoder", "decoder", "cross"]
        elif entry.name in KEY_FIELDS:
            annotation = tuple[Annotated[int, Field(ge=0)], ...] | Literal["sinks"]
        elif kind is PatchContribution and entry.name == "vectors":
            fields["vectors"] = (Vectors, Vectors())
            continue
        else:
            annotation = hints[entry.name]
        default = ... if entry.default is dataclasses.MISSING else entry.default
        fields[entry.name] = (annotation, default)
    return create_model(f"{kind.__name__}Plan", __base__=_Edit, edit=(Literal[name], ...), **fields)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


EDITS: dict[str, type] = {_snake(kind.__name__): kind for kind in get_args(Intervention)}
"""Name in a study file -> the edit."""
PLANS = {name: _plan_of(name, kind) for name, kind in EDITS.items()}
_union = PLANS["mask_keys"]
for _plan in PLANS.values():
    _union = _union | _plan
EditPlan = Annotated[_union, Field(discriminator="edit")]
"""Any edit, told apart by its name."""
