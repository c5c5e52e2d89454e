"""From a YAML file to a Study, with the line and the field of everything that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from sinklens.study.errors import BadStudy, Problem
from sinklens.study.plan import Study

MAX_FILE_BYTES = 4_000_000
EXAMPLES = Path(__file__).parent / "examples"


def examples() -> dict[str, Path]:
    """Published studies that come with SinkLens, by name."""
    return {path.stem: path for path in sorted(EXAMPLES.glob("*.yaml"))}


def load_study(path: str | Path) -> Study:
    """Read a study file; BadStudy names every line and field that is wrong."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            sentence = f"it has more than {MAX_FILE_BYTES:,} bytes; put long lists of texts into a file"
            raise _bad(sentence, path)
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise _bad("there is no such file", path) from None
    except UnicodeDecodeError as error:
        raise _bad(f"it is not UTF-8 (byte {error.start})", path) from None
    except OSError as error:
        raise _bad(f"it cannot be read ({error.strerror})", path) from None
    return read_study(text, str(path))


def read_study(text: str, file: str = "") -> Study:
    """The study that a YAML text describes; errors as in `load_study`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadStudy([Problem(line, "", f"this is no YAML: {error.problem}")], file) from None
    except yaml.YAMLError as error:
        raise BadStudy([Problem(None, "", f"this is no YAML: {error}")], file) from None
    if not isinstance(data, dict):
        raise BadStudy([Problem(1, "", "a study is a mapping such as 'name: ...', 'models: [...]'")], file)
    doubles = list(_doubles(root, ()))
    if doubles:
        raise BadStudy(doubles, file)
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise BadStudy(_problems(root, error.errors()), file) from None


def to_yaml(study: Study) -> str:
    """The study as a file: what is not the default, in the order of the fields."""
    data = study.model_dump(mode="json", exclude_unset=True)
    data["models"] = [model["name"] if set(model) == {"name"} else model for model in data.get("models", [])]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def _bad(sentence: str, path: Path) -> BadStudy:
    return BadStudy([Problem(None, "", sentence)], str(path))


def _problems(root: yaml.Node, errors: list[dict]) -> list[Problem]:
    """All errors in the order of the file; a list is not called short because its entries are wrong."""
    places = [entry["loc"] for entry in errors]
    told = [
        entry
        for entry in errors
        if entry["type"] != "too_short"
        or not any(place != entry["loc"] and place[: len(entry["loc"])] == entry["loc"] for place in places)
    ]
    return sorted((_problem(root, entry) for entry in told), key=lambda problem: problem.line or 0)


def _problem(root: yaml.Node, error: dict) -> Problem:
    """A pydantic error with the line of the deepest part of its path that the file has."""
    node, path, line = root, [], 1
    for index, step in enumerate(error["loc"]):
        key, child = _child(node, step)
        if child is None:
            if error["type"] == "missing" and index == len(error["loc"]) - 1:
                path.append(step)
            continue  # a name that pydantic adds, such as that of a kind of edit
        path.append(step)
        node, line = child, (key or child).start_mark.line + 1
    return Problem(line, _dotted(path), _sentence(error))


def _child(node: yaml.Node, step: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """(key, value) of one step down; (None, None) where the file has no such part."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None, None


def _doubles(node: yaml.Node, path: tuple, seen: frozenset[int] = frozenset()):
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if id(node) in seen:
        return  # an alias of a part that is being read
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for key, value in node.value:
            if keys.count(key.value) > 1 and keys.index(key.value) < [k for k, _ in node.value].index(key):
                here = _dotted([*path, key.value])
                yield Problem(key.start_mark.line + 1, here, "this field is given twice")
            yield from _doubles(value, (*path, key.value), seen | {id(node)})
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubles(value, (*path, index), seen | {id(node)})


def _sentence(error: dict) -> str:
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return "this field is not known here"
    if kind == "missing":
        return "this field is missing"
    if kind == "union_tag_invalid":
        return f"there is no such edit; there are {error['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return "an edit begins with its name, such as 'edit: mask_keys'"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    given = error.get("input")
    shown = f"; got {given!r}" if isinstance(given, str | int | float | bool | None) else ""
    return message[:1].lower() + message[1:] + shown


def _dotted(path: Sequence[int | str]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
