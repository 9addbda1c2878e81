"""The engine's Verilog against the golden execution: every code of every tensor, and every cycle."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import Error, Kind
from hw.engine.events import EventQueue
from hw.engine.intake import Intake
from hw.engine.reserve import Reserve
from hw.engine.verilog import engine_verilog
from hw.engine.writer import Writer
from rtl_gen.compiler.cycles import predict
from rtl_gen.compiler.lower import compile_network, lower
from rtl_gen.compiler.program import Job, encode
from rtl_gen.compiler.writes import expected_writes
from sw_ref.format import StlqFormat
from sw_ref.network import Conv, Network, execute
from verif.hw.engine.runner import Run, run
from verif.hw.faults import Fault, driven
from verif.rtl_gen.compiler.networks import convolution_network, pointwise_network, random_network

CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2, memory_words=1024
)

LIMIT = 30_000  # cycles that no run here takes


@pytest.fixture(scope="module")
def verilog() -> str:
    return engine_verilog(CONFIG)


def transfers(config: EngineConfig, codes: Any) -> list[int]:
    """Codes as bus words, the last one filled up with 0."""
    values = np.asarray(codes).reshape(-1).tolist()
    count, bits = config.codes_per_transfer, config.transfer_bits
    return [sum(v << (at * bits) for at, v in enumerate(values[i : i + count])) for i in range(0, len(values), count)]


def mismatches(config: EngineConfig, network: Network, golden: dict[str, Any], result: Run) -> int:
    """Codes that are written, in the order of the program, and bus words of the output, that differ."""
    wrong = at = 0
    for writes in expected_writes(compile_network(network, config)):
        for address, codes in zip(writes.addresses.tolist(), writes.codes.tolist(), strict=True):
            tensor = golden[writes.tensor][0].reshape(-1) if writes.tensor else None
            wanted = {lane: writes.fill if tensor is None else tensor[c] for lane, c in enumerate(codes) if c >= 0}
            found = result.writes[at] if at < len(result.writes) else (-1, {})
            wrong += found[0] != address or any(found[1].get(lane) != code for lane, code in wanted.items())
            at += 1
    words = transfers(config, golden[network.outputs[0]])
    expected = [(word, int(number == len(words) - 1)) for number, word in enumerate(words)]
    return wrong + (at != len(result.writes)) + (result.outputs != expected)


def late(result: Run, jobs: Sequence[Job], config: EngineConfig = CONFIG) -> bool:
    """Whether a job starts in another cycle than predicted."""
    starts = [timing.start for timing in predict(config, jobs)]
    return [start - result.starts[0] for start in result.starts] != [start - starts[0] for start in starts]


class Inference(NamedTuple):
    """One image through a network: in exact integers, and through the Verilog; `wrong`: what differs."""

    jobs: list[Job]
    golden: dict[str, Any]
    result: Run
    wrong: int


def infer(
    verilog: str,
    folder: Path,
    network: Network,
    rng: np.random.Generator,
    config: EngineConfig = CONFIG,
    stalls: int = 0,
) -> Inference:
    """Random codes through the network."""
    acts = rng.integers(0, 256, (1, *network.tensors["in"].shape))
    jobs = lower(network, config)
    words = transfers(config, acts)
    result = run(config, verilog, folder, encode(config, jobs), words, stalls=stalls, limit=LIMIT)
    golden = execute(network, {"in": acts}, keep=network.tensors)
    return Inference(jobs, golden, result, mismatches(config, network, golden, result))


@pytest.mark.parametrize(("seed", "stalls"), [(1, 0), (2, 0), (3, 30)])
def test_every_tensor_and_every_cycle(verilog: str, tmp_path: Path, seed: int, stalls: int) -> None:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    network = random_network(CONFIG, rng)
    jobs, golden, result, wrong = infer(verilog, tmp_path, network, rng, stalls=stalls)
    assert sum(array.size for array in golden.values()) > 1000
    assert wrong == 0
    assert result.stopped == 0
    assert [error for _, error in result.ends] == [Error.NONE]
    assert len(result.starts) == len(jobs)
    assert stalls or not late(result, jobs)


@pytest.mark.parametrize("stalls", [0, 30])
def test_codes_come_in_pairs(verilog: str, tmp_path: Path, stalls: int) -> None:
    """Two columns share a word; the last row of five has words of its own."""
    rng = np.random.default_rng(4)
    options = Conv(padding=(1, 1, 1, 1), stride=(2, 2))
    network = convolution_network(CONFIG, rng, (1, 5, 12), (6, 1, 3, 3), options)
    jobs, _, result, wrong = infer(verilog, tmp_path, network, rng, stalls=stalls)
    assert [job.fields["pairs"] for job in jobs if job.kind == Kind.INPUT] == [1, 1]
    assert wrong == 0
    assert stalls or not late(result, jobs)


def test_a_half_is_filled_only_after_its_last_beat_is_read(verilog: str, tmp_path: Path) -> None:
    """Groups of one beat: the next group's first words come right behind the last address of the former one."""
    rng = np.random.default_rng(5)
    network = pointwise_network(CONFIG, rng)
    jobs, _, result, wrong = infer(verilog, tmp_path, network, rng)
    assert wrong == 0
    assert not late(result, jobs)


@pytest.mark.parametrize("fault", [None, driven(Reserve, "add_4", lambda was, at: 0)], ids=["right", "broken"])
def test_a_memory_with_one_port_gives_the_same_in_the_cycles_that_it_needs(tmp_path: Path, fault: Fault | None) -> None:
    """The broken one forgets the words that are added."""
    config = replace(CONFIG, memory_ports=1)
    with fault.planted() if fault else nullcontext():
        text = engine_verilog(config)
    rng = np.random.default_rng(1)
    network = random_network(config, rng)
    jobs, _, result, wrong = infer(text, tmp_path, network, rng, config)
    right = wrong == 0 and not late(result, jobs, config)
    assert right == (fault is None)
    assert sum(timing.port for timing in predict(config, jobs)) > 100


def test_the_fast_form_gives_the_same_in_the_cycles_of_its_latency(tmp_path: Path) -> None:
    config = replace(CONFIG, array=replace(CONFIG.array, pipeline=4))
    rng = np.random.default_rng(2)
    network = random_network(config, rng)
    jobs, _, result, wrong = infer(engine_verilog(config), tmp_path, network, rng, config)
    assert wrong == 0
    assert result.stopped == 0
    assert not late(result, jobs, config)
    assert late(result, jobs)


@pytest.mark.parametrize("error", [Error.ENGINE, Error.CHECK])
def test_a_bad_program_is_refused_and_the_next_one_runs(verilog: str, tmp_path: Path, error: Error) -> None:
    rng = np.random.default_rng(4)
    network = random_network(CONFIG, rng)
    acts = rng.integers(0, 256, (1, *network.tensors["in"].shape))
    jobs = lower(network, CONFIG)
    good = encode(CONFIG, jobs)
    bad = encode(EngineConfig(array=CONFIG.array, requant_lanes=2, memory_words=2048), jobs)
    if error == Error.CHECK:
        bad = list(good)
        bad[10] ^= 1
    result = run(CONFIG, verilog, tmp_path, bad + good, transfers(CONFIG, acts))
    golden = execute(network, {"in": acts}, keep=network.tensors)
    assert [code for _, code in result.ends] == [error, Error.NONE]
    assert mismatches(CONFIG, network, golden, result) == 0


FAULTS = {
    "starts before all is written": driven(EventQueue, "drained", lambda was, at: 1),
    "does not write lane 0": driven(Writer, "taken0", lambda was, at: 0),
    "loses bus words": driven(Intake, "program__ready", lambda was, at: 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_engine_is_rejected(verilog: str, tmp_path: Path, name: str) -> None:
    with FAULTS[name].planted():
        broken = engine_verilog(CONFIG)
    assert broken != verilog
    rng = np.random.default_rng(1)
    network = random_network(CONFIG, rng)
    acts = rng.integers(0, 256, (1, *network.tensors["in"].shape))
    jobs, words = lower(network, CONFIG), transfers(CONFIG, acts)
    try:
        result = run(CONFIG, broken, tmp_path, encode(CONFIG, jobs), words, limit=9000)
    except ValueError:
        return  # the run does not end, or writes what is undefined
    golden = execute(network, {"in": acts}, keep=network.tensors)
    assert mismatches(CONFIG, network, golden, result) > 0 or late(result, jobs)
