"""The REST door: the same service as the page's, as JSON and binary arrays."""

from sinklens.api.application import api

__all__ = ["api"]
