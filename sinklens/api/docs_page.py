"""The API's documentation as one page without script, written from its OpenAPI description."""

from __future__ import annotations

import json
from html import escape

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border-radius:6px;border:1px solid color-mix(in srgb,currentColor 25%,#0000)}
details{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.5rem 0}
summary{cursor:pointer}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}
td.field{width:16rem;overflow-wrap:anywhere}small{opacity:.8}summary span+code{margin-right:1rem}
@media(max-width:40rem){td{display:block}td.field{width:auto}td+td{padding-bottom:1rem}}
.method{font-weight:700;display:inline-block;min-width:4.5rem}
"""
N_DEEP = 4
"""Schemas inside schemas are shown down to here."""


def docs_page(description: dict, *, base: str) -> str:
    """An HTML page that lists every route with its fields, an example call and its answers.

    Parameters
    ----------
    base : path under which the API is mounted, "" at the root
    """
    info, schemas = description["info"], description["components"]["schemas"]
    routes = "\n".join(
        _route(method, path, route, schemas, base)
        for path, methods in description["paths"].items()
        for method, route in methods.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(info['title'])} API</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(info['title'])} API "
        f"{escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        f'<p>Machine-readable: <a href="{escape(base)}/openapi.json">openapi.json</a>. Without a version in '
        "the path the newest one answers. Every refusal is <code>application/problem+json</code> (RFC 9457)."
        "</p>\n"
        f"{routes}\n</main></body></html>\n"
    )


def _route(method: str, path: str, route: dict, schemas: dict, base: str) -> str:
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = route["responses"].get("200", {}).get("content", {})
    parts = []
    if body is not None:
        parts += ["<h3>Request</h3>", *(_fields(name, schemas) for name in _names(body))]
        parts.append(f"<pre>{escape(_example_call(base + path, body, schemas))}</pre>")
    parts += ["<h3>Answer</h3>"]
    for media, content in answers.items():
        names = _names(content.get("schema", {}))
        parts.append(
            f"<p><code>{escape(media)}</code></p>" + "".join(_fields(name, schemas) for name in names)
        )
    head = f'<span class="method">{method.upper()}</span><code>{escape(base + path)}</code>'
    head += f"<span>{_words(route.get('description', ''))}</span>"
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _words(text: str) -> str:
    """Words with `code` among them, as HTML."""
    parts = [escape(part) for part in text.split("`")]
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _names(schema: dict) -> list[str]:
    """Names of the schemas that a schema refers to at its top."""
    choices = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [choice["$ref"].rsplit("/", 1)[1] for choice in choices if "$ref" in choice]


def _fields(name: str, schemas: dict, depth: int = 0) -> str:
    schema = schemas[name]
    required = schema.get("required", [])
    rows = "".join(
        f'<tr><td class="field"><code>{escape(field)}</code><br><small>{escape(_type(facts))}</small></td>'
        f"<td>{_words(_remark(field, facts, required))}</td></tr>"
        for field, facts in schema.get("properties", {}).items()
    )
    inner = dict.fromkeys(part for facts in schema.get("properties", {}).values() for part in _inner(facts))
    below = "".join(
        f"<details><summary><code>{escape(part)}</code></summary>{_fields(part, schemas, depth + 1)}"
        "</details>"
        for part in inner
        if depth < N_DEEP
    )
    words = _words(schema.get("description", ""))
    return f"<p><strong>{escape(name)}</strong> {words}</p><table>{rows}</table>{below}"


def _inner(facts: dict) -> list[str]:
    found = _names(facts)
    for key in ("items", "additionalProperties"):
        if isinstance(facts.get(key), dict):
            found += _names(facts[key])
    for choice in facts.get("anyOf", []):
        if isinstance(choice.get("items"), dict):
            found += _names(choice["items"])
    return found


def _type(facts: dict) -> str:
    if "$ref" in facts:
        return facts["$ref"].rsplit("/", 1)[1]
    if "enum" in facts or "const" in facts:
        return " | ".join(json.dumps(value) for value in facts.get("enum", [facts.get("const")]))
    for key in ("anyOf", "oneOf"):
        if key in facts:
            return " | ".join(map(_type, facts[key]))
    if facts.get("type") == "array":
        return f"[{_type(facts['items'])}]" if "items" in facts else "array"
    return facts.get("type", "any")


def _remark(field: str, facts: dict, required: list[str]) -> str:
    default = (
        "" if field in required or "default" not in facts else f" Default {json.dumps(facts['default'])}."
    )
    limits = "".join(
        f" {word} {facts[key]:,}."
        for key, word in (
            ("minimum", "From"),
            ("maximum", "To"),
            ("maxLength", "Characters up to"),
            ("maxItems", "Up to"),
        )
        if isinstance(facts.get(key), int)
    )
    needed = " Required." if field in required else ""
    return f"{facts.get('description', '')}{needed}{default}{limits}".strip()


def _example_call(url: str, body: dict, schemas: dict) -> str:
    name = _names(body)[0]
    example = {
        field: _example(schemas[name]["properties"][field], schemas)
        for field in schemas[name].get("required", [])
    }
    return f"curl -s {url} -H 'Content-Type: application/json' \\\n  -d '{json.dumps(example)}'"


def _example(facts: dict, schemas: dict):
    if facts.get("examples"):
        return facts["examples"][0]
    if "$ref" in facts:
        inner = schemas[facts["$ref"].rsplit("/", 1)[1]]
        return {key: _example(inner["properties"][key], schemas) for key in inner.get("required", [])}
    if "oneOf" in facts:
        return _example(facts["oneOf"][0], schemas)
    if "const" in facts:
        return facts["const"]
    return {
        "array": lambda: [_example(facts["items"], schemas)],
        "integer": lambda: 0,
        "string": lambda: "name",
    }.get(facts.get("type"), lambda: None)()
