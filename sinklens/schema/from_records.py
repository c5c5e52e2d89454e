"""Pydantic models made from the frozen dataclasses: a field has one definition and one description."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pydantic
from pydantic import BaseModel, ConfigDict, create_model

MAX_INTEGER = 2_147_483_647
MAX_ITEMS = 10_000

Index = Annotated[int, pydantic.Field(strict=True, ge=0, le=MAX_INTEGER)]
Number = Annotated[float, pydantic.Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, pydantic.Field(strict=True)]


class Asked(BaseModel):
    """Base of what comes in: unknown fields are refused, so that a typing error does not pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """Base of what goes out; numbers that do not apply are null."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def asked_model(record: type, *, base: type[Asked] = Asked, **given) -> type[Asked]:
    """A model that accepts what a dataclass needs; `given` adds or replaces (type, default) pairs."""
    return _model(record, base, _asked, given)


def answer_model(record: type, *, without: tuple[str, ...] = (), **given) -> type[Answer]:
    """A model that holds a dataclass's fields as JSON types, all of them present."""
    return _model(record, Answer, _answered, given, without=without, has_defaults=False)


def field_docs(record: type) -> dict[str, str]:
    """The string under each field of a dataclass and of its bases, by the field's name."""
    docs: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        if not is_dataclass(kind):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
        for item, after in pairwise(body):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(item, ast.AnnAssign) and is_text and isinstance(after.value.value, str):
                docs[item.target.id] = " ".join(after.value.value.split())
    return docs


def _model(record, base, convert, given, *, without=(), has_defaults=True) -> type[BaseModel]:
    hints, docs = get_type_hints(record), field_docs(record)
    members: dict[str, Any] = {}
    for item in fields(record):
        if item.name not in without and item.name not in given:
            default = _default(item, hints[item.name]) if has_defaults else ...
            described = pydantic.Field(default, description=docs.get(item.name))
            members[item.name] = (convert(hints[item.name]), described)
    description = (record.__doc__ or "").split("\n")[0]
    return create_model(record.__name__, __base__=base, __doc__=description, **given, **members)


def _default(item: Field, kind) -> Any:
    """The dataclass's default; a None that its type does not allow is an inherited one, and no default."""
    if item.default is None and NoneType not in get_args(kind):
        return ...
    if item.default is not MISSING:
        return item.default
    return ... if item.default_factory is MISSING else item.default_factory()


def _asked(kind) -> Any:
    """The type that a request may hold for a dataclass's type: whole numbers bounded, no NaN, no coercion."""
    simple = {int: Index, float: Number, bool: Switch, NoneType: None}
    if kind in simple:
        return simple[kind]
    if kind is str:
        return Annotated[str, pydantic.Field(max_length=MAX_ITEMS)]
    if get_origin(kind) is tuple:
        members = tuple(part if part is Ellipsis else _asked(part) for part in get_args(kind))
        whole = tuple[members]
        return Annotated[whole, pydantic.Field(max_length=MAX_ITEMS)] if Ellipsis in members else whole
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_asked(part) for part in get_args(kind))]  # noqa: UP007
    if get_origin(kind) is Literal:
        return kind
    raise TypeError(f"A request cannot hold the type {kind}.")


def _answered(kind) -> Any:
    """The JSON type of a dataclass's type; a float may be null, since NaN is no JSON."""
    if kind is float:
        return float | None
    if get_origin(kind) is tuple:
        return list[_answered(get_args(kind)[0])]
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_answered(part) for part in get_args(kind))]  # noqa: UP007
    if is_dataclass(kind):
        return answer_model(kind)
    return kind
