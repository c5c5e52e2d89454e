"""Edits of a pass as JSON: one model per intervention, told apart by `kind`."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import Field

from sinklens.errors import BadIntervention
from sinklens.interventions import Intervention, PatchContribution
from sinklens.schema.from_records import Asked, asked_model

KINDS = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind
    for kind in get_args(Intervention)
    # Its vectors are measured by SinkLens for one model; nobody types them in.
    if kind is not PatchContribution
}
"""Name in JSON and on the command line -> intervention."""


class EditRequest(Asked):
    """An edit of the forward pass."""

    kind: str

    def record(self) -> Intervention:
        """The intervention that is meant; whether it fits the run is found out by the run."""
        return KINDS[self.kind](
            **{name: getattr(self, name) for name in type(self).model_fields if name != "kind"}
        )


Edit = Annotated[
    Union[  # noqa: UP007
        tuple(
            asked_model(
                kind, base=EditRequest, kind=(Literal[name], Field(description="Which edit this is."))
            )
            for name, kind in KINDS.items()
        )
    ],
    Field(discriminator="kind"),
]


def parse_edit(text: str) -> dict[str, Any]:
    """An edit as it is typed: "mask_keys keys=0,1 layers=3", pairs as "drop_heads pairs=3.2,4.1".

    Raises
    ------
    BadIntervention
        For an unknown kind, or a word that is not name=value.
    """
    name, *words = text.split() or [""]
    if name not in KINDS:
        raise BadIntervention(f"There is no edit '{name}'. There are: {', '.join(KINDS)}.")
    types = {item.name: str(item.type) for item in fields(KINDS[name])}
    edit: dict[str, Any] = {"kind": name}
    for word in words:
        key, mark, value = word.partition("=")
        if not mark or key not in types:
            names = ", ".join(sorted(types))
            raise BadIntervention(f"'{name}' is told name=value, with the names {names}; got '{word}'.")
        edit[key] = _pairs(value) if key == "pairs" else _value(value, is_list="tuple" in types[key])
    return edit


def _pairs(value: str) -> list[list[Any]]:
    return [[_value(part) for part in pair.split(".")] for pair in value.split(",")]


def _value(text: str, *, is_list: bool = False) -> Any:
    """A number or a switch where the text is one, the text itself otherwise."""
    if is_list:
        return [_value(part) for part in text.split(",") if part]
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
