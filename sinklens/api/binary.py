"""What the description of a route says where it may answer with bytes."""

from __future__ import annotations

BINARY = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "JSON, or the binary file that was asked for.",
    }
}
