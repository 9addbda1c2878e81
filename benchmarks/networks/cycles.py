"""What an inference takes by the compiler's cycle model, which simulation confirms (docs/verification.md)."""

from collections.abc import Mapping
from typing import Any

from benchmarks.networks.converted import FORMAT
from benchmarks.networks.large import large_network
from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import Kind
from rtl_gen.compiler.cycles import positions_of
from rtl_gen.compiler.layers import layers_of
from rtl_gen.compiler.lower import Compiled, compile_network, sizes_for
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.engine_build import engine_config_of
from rtl_gen.explore.units import unpacked
from rtl_gen.work import Work
from sw_ref.network import Network

LARGEST: dict[str, Any] = {"memory_words": 1 << 20, "group_beats": 1 << 14}
"""Memories as large as they get: cycles do not depend on their sizes."""


COMPILER = (
    "rtl_gen/compiler",
    "hw/config.py",
    "hw/engine/config.py",
    "hw/engine/encoding.py",
    "benchmarks/networks/cycles.py",
)
"""Sources that the figures depend on."""


def engine(side: int, **values: Any) -> EngineConfig:
    """The default engine with an array of `side` x `side`, but for the parameters in `values`."""
    array = ArrayConfig(format=FORMAT, pe=side, lanes=side)
    return EngineConfig(array=array, **{"requant_lanes": min(side, EngineConfig.requant_lanes), **values})


def predicted(*, network: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a packed network on an engine."""
    return figures(unpacked(network), engine_config_of(dict(config)))


def predicted_large(*, name: str, side: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a large network, for tiles of `side` x `side`, on an engine."""
    return figures(large_network(name, side), engine_config_of(dict(config)))


CYCLES = Work(function=predicted, sources=COMPILER)
LARGE = Work(function=predicted_large, sources=(*COMPILER, "benchmarks/networks/large.py"))


def figures(network: Network, config: EngineConfig) -> dict[str, Any]:
    """The figures of a network on an engine, whose memories count as :data:`LARGEST`.

    `beats`: of the tiles; `inputs`, `outputs`: cycles of the jobs that move input words, or output words;
    `memory_words`, `group_beats`: what the network needs.
    """
    compiled = compile_network(network, config)
    layers = layers_of(network, compiled, config)
    ports = {kind: {job.layer for job in compiled.jobs if job.kind == kind} for kind in Kind}
    return {
        "macs": sum(layer.macs for layer in layers),
        "beats": _beats(compiled),
        "cycles": layers[0].start + sum(layer.cycles for layer in layers),
        "inputs": sum(layer.cycles for layer in layers if layer.name in ports[Kind.INPUT]),
        "outputs": sum(layer.cycles for layer in layers if layer.name in ports[Kind.OUTPUT]),
        "program_words": len(to_bytes(config, encode(config, compiled.jobs))) * 8 // config.bus_bits,
        **sizes_for(compiled),
    }


def line(network: str, ratio: float, config: EngineConfig, found: dict[str, Any]) -> dict[str, Any]:
    """What the results tell of a network on an engine."""
    array = config.array
    useful = found["macs"] / (found["cycles"] * array.macs_per_cycle)
    parameters = {"side": array.pe, "requant_lanes": config.requant_lanes, "bus_bits": config.bus_bits}
    return {"network": network, "ratio": ratio, **parameters, **found, "utilisation": round(useful, 4)}


def _beats(compiled: Compiled) -> int:
    """Beats of all tiles: one-word and two-word ones, at all positions."""
    jobs = [job for job in compiled.jobs if job.kind == Kind.CONV]
    return sum(positions_of(job) * group.beats for job in jobs for group in job.groups)
