"""The thread that figures are drawn on; matplotlib is imported there, when the first one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="figure")


async def in_background(draw: Callable[[], Value]) -> Value:
    """Draw off the event loop; whoever asks for many figures keeps one thread busy, not all of them."""
    return await asyncio.get_running_loop().run_in_executor(_thread, draw)
