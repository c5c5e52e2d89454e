"""A server that was killed leaves files that the next one can live with."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sinklens.disk_cache import DiskCache
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.captures import assert_same, decoder_capture
from tests.stand_in_engine import StandInEngine

REPOSITORY = Path(__file__).resolve().parent.parent
REQUEST = CaptureRequest("demo", "a text")
WRITER = """
import sys
from pathlib import Path
from sinklens.disk_cache import DiskCache
from tests.captures import decoder_capture
cache, capture = DiskCache(Path(sys.argv[1]), 10**9), decoder_capture()
while True:
    for index in range(4):
        cache.write(f"k{index}", capture)
    print("written", flush=True)
"""


def answered(settings):
    """What a new service gives for the request, and how often it had to compute it."""
    engine = StandInEngine(n_bytes=10_000)

    async def ask():
        service = InferenceService(engine, settings, min_spill_bytes=1)
        try:
            capture = await service.capture(REQUEST)
            while service._runs._runs:  # storing goes on after the answer
                await asyncio.sleep(0.01)
            return capture
        finally:
            service.close()

    return asyncio.run(ask()), engine.runs(REQUEST.text)


@pytest.fixture
def stored(tmp_path):
    """Settings whose cache holds the answer to the request, and the file that it lies in."""
    settings = Settings(cache_dir=tmp_path)
    answered(settings)
    (file,) = (tmp_path / "captures").glob("*.safetensors")
    return settings, file


def test_a_whole_file_is_read_by_the_next_process(stored):
    settings, _ = stored
    assert answered(settings)[1] == 0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_computed_anew(stored, share):
    settings, file = stored
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    capture, n_runs = answered(settings)
    assert n_runs == 1
    assert capture.request == REQUEST


def test_a_cache_full_of_rubbish_does_not_keep_a_server_from_starting(stored):
    settings, file = stored
    folder = file.parent
    rng = np.random.default_rng(0)
    for index in range(5):
        (folder / f"rubbish{index}.safetensors").write_bytes(rng.bytes(100 * index))
        (folder / f".rubbish{index}.safetensors.x.part").write_bytes(rng.bytes(100 * index))
    (folder / "folder.safetensors").mkdir()
    (folder / "loop.safetensors").symlink_to(folder / "loop.safetensors")
    file.write_bytes(b"")
    assert answered(settings)[1] == 1


def test_a_process_that_is_killed_while_it_writes_leaves_whole_files_or_none(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    for pause_s in (0.0, 0.003, 0.011):
        writer = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, env={**os.environ})
        writer.stdout.readline()
        time.sleep(pause_s)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        cache = DiskCache(tmp_path, 10**9)
        for index in range(4):
            assert_same(cache.read(f"k{index}"), decoder_capture())
