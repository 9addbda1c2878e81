"""Print the tables of docs/decisions/depthwise.md: forms of depthwise layers, in LUTs times cycles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from pathlib import Path

from benchmarks.array.area import synthesized
from benchmarks.array.page import table
from benchmarks.networks import tiny
from benchmarks.networks.converted import FORMAT
from benchmarks.networks.cost import area_unit
from benchmarks.networks.cycles import LARGEST, engine
from benchmarks.networks.depthwise.cycles import Form, cycles_of, skewed
from benchmarks.networks.depthwise.prototypes import Select, Skew
from hw.component import Component, Modules
from hw.engine.columns import Columns
from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW
from hw.verilog import array_verilog, verilog
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.targets import TARGETS
from sw_ref.network import Network

SIDE, RATIOS = 8, (0.0, 0.15)
AREAS = ("xilinx", "ecp5", "ice40")
RESOURCES = ("luts", "memory_luts")


@dataclass(frozen=True, kw_only=True)
class Way:
    """`luts`: what it adds, on a target; `window`: the engine has one; `form`: makes its jobs of diagonal tiles."""

    luts: Callable[[str], int]
    window: bool = False
    form: Form | None = None


WAYS: Mapping[str, Way] = {
    "diagonal tiles": Way(luts=lambda target: 0),
    "window before the array": Way(
        window=True, luts=lambda target: engine_luts(target, window=True) - engine_luts(target)
    ),
    # Its window needs no multiplexers, and registers are not counted.
    "unit beside the array": Way(
        window=True, luts=lambda target: luts_of(Columns, target) + luts_of(Select, target) + unit(target)
    ),
    "skewed memory": Way(form=skewed, luts=lambda target: luts_of(Skew, target)),
}


def main() -> None:
    whole = {target: engine_luts(target) for target in AREAS}
    added = {name: {target: way.luts(target) for target in AREAS} for name, way in WAYS.items()}
    rows = [[name, *(f"{luts[t]:,} ({luts[t] / whole[t]:.1%})" for t in AREAS)] for name, luts in added.items()]
    print(f"{SIDE} x {SIDE} engine: {whole}\n", table(["form", *AREAS], rows), sep="\n")
    for ratio in RATIOS:
        print(_cycles(ratio, added, whole))


def _cycles(ratio: float, added: Mapping[str, Mapping[str, int]], whole: Mapping[str, int]) -> str:
    """Cycles, depthwise beats and LUTs times cycles of each network in each form."""
    config = engine(SIDE, **LARGEST)
    rows, ratios = list[list[str]](), {name: {target: list[float]() for target in AREAS} for name in WAYS}
    for network, file in tiny.find().items():
        integers = converted(network, file, ratio)
        plain, _ = cycles_of(integers, config)
        for name, way in WAYS.items():
            cycles, beats = cycles_of(integers, replace(config, depthwise=way.window), way.form)
            for target in AREAS:
                ratios[name][target].append(cycles / plain * (1 + added[name][target] / whole[target]))
            figures = [f"{cycles:,}", f"{beats:,}", *(f"{ratios[name][target][-1]:.3f}" for target in AREAS)]
            rows.append([tiny.TINY[network].title, name, *figures])
    for name, each in ratios.items():
        means = [f"{prod(values) ** (1 / len(values)):.3f}" for values in each.values()]
        rows.append(["geometric mean", name, "", "", *means])
    return table([f"R = {ratio:.0%}", "form", "cycles", "depthwise beats", *AREAS], rows)


def converted(name: str, file: Path, ratio: float) -> Network:
    """A network of MLPerf Tiny in integers."""
    floats = import_onnx(file)
    (port,) = floats.inputs
    data = {port.name: tiny.inputs_of(name, file, port.shape)}
    return convert(floats, data, FORMAT, tile=(SIDE, SIDE), ratio=ratio).network


@cache
def engine_luts(target: str, *, window: bool = False) -> int:
    """LUTs of a whole engine, small memories among them."""
    found = synthesized(**area_unit(engine(SIDE, depthwise=window), target))
    return sum(found[name] for name in RESOURCES)


def luts_of(kind: type[Component], target: str) -> int:
    """LUTs of a part alone, small memories among them."""
    modules = Modules()
    part = modules.add(kind, engine(SIDE))
    return _luts(verilog(modules), part.module, target)


def unit(target: str) -> int:
    """LUTs of an array with a lane for each column of the window."""
    config = replace(EngineConfig().array, lanes=WINDOW, depth=1 << 7)
    return _luts(array_verilog(config), config.name, target)


def _luts(text: str, top: str, target: str) -> int:
    found = synthesized(verilog=text, top=top, target=target, flow=TARGETS[target].script(top))
    return sum(found[name] for name in RESOURCES)


if __name__ == "__main__":
    main()
