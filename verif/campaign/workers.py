"""Units of work at several places: one process, two, and a scheduler whose workers are processes, one of them killed.

All must give the same results, byte for byte.  The units quantize a small network, and wait: a worker is killed while
it has one.  A unit that depends on its process must give others, or the comparison sees nothing.

Then twice as many workers as cores synthesize engines: the cores must be busy.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from onnx import helper
from safetensors.numpy import save

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.explore.units import AREA, QUANTIZED
from rtl_gen.runner import Runner, runner
from rtl_gen.store import Store
from rtl_gen.work import Work
from sw_ref.files import digest_of
from sw_ref.format import StlqFormat
from verif.rtl_gen.frontend.models import write_model
from verif.rtl_gen.units import PROCESS, SQUARED

SUMMARY = "units of work at several places: the same bytes, also when a worker is killed"
COUNT = 24
SECONDS = 0.8  # of a unit that waits
STARTED = 60.0  # seconds in which workers must be there
BUSY = 0.9
"""Share of the cores' time that workers must use, if there are twice as many of them."""
DASK = (sys.executable, "-m", "dask")


def run(count: int, seed: int) -> dict[str, Any]:
    """`found`: for each place the digest of its results, and how many workers were lost; `busy`: see :func:`busy`."""
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        contents = network(folder, seed)
        found = []
        for place in ("one process", "two processes", "scheduler", "other processes"):
            kind = PROCESS if place == "other processes" else SQUARED
            found.append(_place(folder, place, kind, contents, count))
            print(found[-1], flush=True)
        used = busy(folder)
    *right, wrong = found
    same = len({entry["results"] for entry in right}) == 1 and wrong["results"] != right[0]["results"]
    ok = same and right[2]["lost"] == 1 and used["busy"] >= BUSY
    return {"ok": ok, "busy": used, "found": found}


def busy(folder: Path) -> dict[str, Any]:
    """The share of the cores' time that workers of one thread used, twice as many as cores, to synthesize engines.

    Only their own time and that of the programs that they start counts.
    """
    cores = os.cpu_count() or 1
    formats = [StlqFormat(bits=b, act_bits=a, act_signed=False) for b in (2, 3, 4, 5) for a in (4, 5, 6, 7, 8)]
    engines = [EngineConfig(array=ArrayConfig(pe=2, lanes=2, format=fmt), requant_lanes=1) for fmt in formats]
    units = [{"config": engine.to_dict(), "target": "ice40"} for engine in engines]
    store = Store(folder / "busy.sqlite")
    with runner(store, workers=2 * cores) as running:
        before, began = _seconds(), time.monotonic()
        running.map(AREA, units)
        used, wall = _seconds() - before, time.monotonic() - began
    store.close()
    return {"workers": 2 * cores, "cores": cores, "units": len(units), "busy": round(used / wall / cores, 3)}


def _seconds() -> float:
    """The processor time of all processes that this one has, and of those that they have ended."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def network(folder: Path, seed: int) -> dict[str, bytes]:
    """A network and its data, by what units call them."""
    random = np.random.default_rng(seed)
    constants = {"a": random.normal(size=(16, 3, 3, 3)), "b": random.normal(size=(16 * 64, 10))}
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["s"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["s"], ["t"]),
        helper.make_node("Flatten", ["t"], ["f"]),
        helper.make_node("Gemm", ["f", "b"], ["y"]),
    ]
    floats = {name: array.astype(np.float32) for name, array in constants.items()}
    file = write_model(folder / "net.onnx", nodes, floats, inputs={"x": [1, 3, 8, 8]})
    data = random.normal(size=(64, 3, 8, 8)).astype(np.float32)
    return {"network": file.read_bytes(), "data": save({"x": data})}


def _place(folder: Path, place: str, kind: Work, contents: dict[str, bytes], count: int) -> dict[str, Any]:
    """The results of all units at a place."""
    store = Store(folder / f"{place}.sqlite")
    known = {digest_of(data): data for data in contents.values()}
    with ExitStack() as stack:
        scheduler, workers = stack.enter_context(_scheduler(folder)) if place == "scheduler" else (None, [])
        options: dict[str, Any] = {"workers": 1 if place == "one process" else 2, "scheduler": scheduler}
        running = stack.enter_context(runner(store, contents=known, **options))
        if workers:
            threading.Thread(target=_kill, args=(workers[0], store.file, count // 4), daemon=True).start()
        results = _results(running, kind, contents, count)
        lost = sum(worker.poll() is not None for worker in workers)
    store.close()
    return {"place": place, "units": len(results), "lost": lost, "results": digest_of(repr(results).encode())}


def _results(running: Runner, kind: Work, contents: dict[str, bytes], count: int) -> list[Any]:
    waiting = running.map(kind, [{"n": n, "seconds": SECONDS} for n in range(count)])
    about = {"shapes": {}, "labels": None, "samples": 64, **{name: digest_of(data) for name, data in contents.items()}}
    words = [
        {**about, "format": fmt.to_dict(), "side": side, "ratio": 0.3, "budget": "network"}
        for side in (4, 8)
        for fmt in (StlqFormat(bits=bits, act_signed=False) for bits in (2, 3, 4))
    ]
    return [*waiting, *running.map(QUANTIZED, words)]


@contextmanager
def _scheduler(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[Any]]]]:
    """The address of a scheduler of its own, and its two workers, each a process that nobody starts again."""
    file = folder / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    place = ("--scheduler-file", str(file))
    scheduler = subprocess.Popen([*DASK, "scheduler", *place, "--port", "0", "--no-dashboard"], **quiet)
    worker = [*DASK, "worker", *place, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]
    try:
        from distributed import Client

        options: dict[str, Any] = {"scheduler_file": str(file), "timeout": STARTED}
        with Client(**options) as client:
            client.wait_for_workers(2, timeout=STARTED)
            address = client.scheduler_info()["address"]
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _kill(worker: subprocess.Popen[Any], file: Path, after: int) -> None:
    """Kill a worker as soon as so many results are kept: it has another unit then."""
    connection = sqlite3.connect(file)
    while connection.execute("select count(*) from results").fetchone()[0] < after:
        time.sleep(0.05)
    connection.close()
    os.kill(worker.pid, signal.SIGKILL)
