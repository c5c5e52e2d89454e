"""Texts per second of a study against plain loops, and its peak memory. Run: python -m benchmarks.study

The plain loop is what a person writes with the library: `analyze` for every text, the same measurements
by the same functions, one Parquet table at the end; it loads the model once. The reloading loop does
the same and loads the model for every text, as the back end of SinkFix does. Works are timed in turn,
in processor seconds of one thread, because other programs run beside them; with --workers 2 also in wall
seconds, for a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sinklens.study.plan import DEFAULT_MEASUREMENTS, Study, TextSource

SENTENCE = (
    "the old house stood near a river where people came to work in spring and left again when winter made "
    "every road hard to use so they told long stories about their families and of what had been before"
)
SHORTEST, LONGEST = 4, 150
"""Words of a text, spread evenly."""
N_REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo-gpt2")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--reloaded", type=int, default=10, help="texts of the loop that loads every time")
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000, 10_000], help="numbers of texts")
    parser.add_argument("--workers", type=int, default=0, help="also time so many processes, in wall seconds")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(study_peak_bytes(given.model, given.child))
        return
    print(f"{'way':>34} | texts | texts/s of processor time | times the plain loop")
    for line in speed_rows(given.model, given.texts, given.reloaded):
        print(line, flush=True)
    if given.workers:
        print(wall_rows(given.model, given.texts, given.workers))
    print(f"\n{'texts':>34} | peak memory above the loaded model")
    for n_texts in given.memory:
        command = [sys.executable, "-m", "benchmarks.study", "--model", given.model, "--child", str(n_texts)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{n_texts:>34,} | {int(done.stdout.splitlines()[-1]) / 1e6:,.0f} MB", flush=True)


def mixed_texts(n: int, seed: int = 0) -> list[str]:
    """Texts of very different lengths, no two alike."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(SHORTEST, LONGEST, n)
    return [" ".join(rng.choice(SENTENCE.split(), length)) + "." for length in lengths]


def study_of(model: str, texts: list[str], folder: str) -> Study:
    """A study of texts that lie in a file, with everything else as by default."""
    file = Path(folder) / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    source = TextSource(path=str(file), category="made")
    return Study(name="benchmark", models=({"name": model},), texts=(source,))


# --- speed --------------------------------------------------------------------------------------------


def speed_rows(model: str, n_texts: int, n_reloaded: int):
    """One line for each way to do the same work."""
    import torch

    from sinklens.capture.engine import Engine
    from sinklens.study.shard_worker import ShardWorker

    torch.set_num_threads(1)
    texts = mixed_texts(n_texts)
    home = tempfile.TemporaryDirectory()
    study, engine = study_of(model, texts, home.name), Engine()
    worker = ShardWorker(study, engine=engine)
    worker.load(study.models[0])
    loop, whole = in_turns(lambda: plain_loop(study, texts, lambda: engine), lambda: run_whole(study, worker))
    reloaded = texts[:: max(1, n_texts // n_reloaded)][:n_reloaded]
    (reload,) = in_turns(lambda: plain_loop(study, reloaded, Engine), n_repeats=1)
    plain = n_texts / loop
    for way, n, rate in (
        ("plain loop, model loaded once", n_texts, plain),
        ("study", n_texts, n_texts / whole),
        ("plain loop, model loaded every time", len(reloaded), len(reloaded) / reload),
    ):
        yield f"{way:>34} | {n:>5} | {rate:>25.1f} | {rate / plain:>20.2f}"


def plain_loop(study: Study, texts: list[str], engine_for: Callable) -> None:
    """`analyze` and the study's measurements for one text after the other."""
    from sinklens.language.pipeline import EnglishReader
    from sinklens.run import analyze
    from sinklens.settings import Settings
    from sinklens.study.head_measures import HEAD_MEASURES
    from sinklens.study.run_measures import RUN_MEASURES, Measured, read_facts
    from sinklens.study.shard_rows import Condition, ShardRows

    rows, reader = ShardRows(study.models[0].name), EnglishReader(Settings())
    condition = Condition("unedited", "unedited", "")
    for index, text in enumerate(texts):
        engine = engine_for()
        run = analyze(study.models[0].name, text, engine=engine)
        loaded = engine.model(study.models[0].name)
        measured = Measured(loaded, run.capture, None, study.positions, reader)
        row, columns = read_facts(measured, with_tokens=True), {}
        for name in DEFAULT_MEASUREMENTS:
            if name in RUN_MEASURES:
                row |= RUN_MEASURES[name](measured)
            else:
                columns |= HEAD_MEASURES[name](measured)
        key = rows.key({"text_id": index, "category": "made"}, condition)
        rows.add_run(key, row)
        rows.add_heads(key, columns, None)
    with tempfile.TemporaryDirectory() as folder:
        for name, table in rows.tables().items():
            pq.write_table(table, Path(folder) / f"{name}.parquet", compression="zstd")


def run_whole(study: Study, worker) -> None:
    """The study with everything that makes it safe: texts, shards, lock, progress."""
    from sinklens.study.running import run_study
    from sinklens.study.workers import LocalWorkers

    class Kept(LocalWorkers):
        def close(self) -> None:
            """The model stays for the next repeat, as in the plain loop."""

    with tempfile.TemporaryDirectory() as folder:
        run_study(study, Path(folder) / "out", lambda: Kept(study, worker=worker))


def in_turns(*works: Callable[[], None], n_repeats: int = N_REPEATS) -> list[float]:
    """Median processor seconds of each work, all of them in turn in every repeat."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(n_repeats):
        for index, work in enumerate(works):
            started = time.process_time()
            work()
            seconds[index].append(time.process_time() - started)
    return [statistics.median(times) for times in seconds]


def wall_rows(model: str, n_texts: int, n_workers: int) -> str:
    """One line: plain loop and processes in wall seconds; for a machine that does nothing else."""
    import torch

    from sinklens.capture.engine import Engine
    from sinklens.study.process_workers import ProcessWorkers
    from sinklens.study.running import run_study

    torch.set_num_threads(1)  # short texts gain nothing from two, and lose much on a busy machine
    texts = mixed_texts(n_texts)
    with tempfile.TemporaryDirectory() as folder:
        study, engine, seen = study_of(model, texts, folder), Engine(), []
        engine.model(model)
        plain_loop(study, texts[:5], lambda: engine)
        started = time.perf_counter()
        plain_loop(study, texts, lambda: engine)
        plain = n_texts / (time.perf_counter() - started)

        def note(progress) -> None:
            if progress.state == "running" and progress.n_texts_done:
                seen.append((time.perf_counter(), progress.n_texts_done))

        run_study(study, Path(folder) / "out", lambda: ProcessWorkers(study, n_workers), on_progress=note)
    # From the first finished shard to the last: processes start and load in seconds, whatever the number.
    (first, n_first), (last, n_last) = seen[0], seen[-1]
    rate = (n_last - n_first) / (last - first)
    return (
        f"wall time: plain loop {plain:.1f} texts/s, study with {n_workers} "
        f"processes {rate:.1f} texts/s "
        f"({rate / plain:.2f} x)"
    )


# --- memory -------------------------------------------------------------------------------------------


def study_peak_bytes(model: str, n_texts: int) -> int:
    """What a study takes above the loaded model and a short run."""
    from benchmarks.sinks import _begin_peak, _peak_bytes
    from sinklens.study.running import run_study
    from sinklens.study.workers import LocalWorkers

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.txt"
        with file.open("w", encoding="utf-8") as stream:
            for start in range(0, n_texts, 500):
                lines = mixed_texts(min(500, n_texts - start), seed=start)
                stream.write("".join(f"{line}\n" for line in lines))
        small = study_of(model, mixed_texts(64, seed=1), folder)
        workers = LocalWorkers(small)
        run_study(small, Path(folder) / "small", lambda: workers)
        study = small.model_copy(update={"texts": (TextSource(path=str(file), category="made"),)})
        before = _begin_peak()
        run_study(study, Path(folder) / "out", lambda: LocalWorkers(study))
        return _peak_bytes() - before


if __name__ == "__main__":
    main()
