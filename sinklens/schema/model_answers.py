"""The models that can be named without a network."""

from __future__ import annotations

from sinklens.schema.from_records import Answer


class ModelList(Answer):
    """Bundled models, the default one first."""

    models: list[str]
