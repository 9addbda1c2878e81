"""Print the tables of docs/decisions/depthwise.md: forms of depthwise layers, in LUTs times cycles."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from benchmarks.array.area import synthesized
from benchmarks.array.page import table
from benchmarks.networks import tiny
from benchmarks.networks.__main__ import RESULTS
from benchmarks.networks.converted import FORMAT
from benchmarks.networks.cycles import LARGEST, engine
from benchmarks.networks.depthwise.cycles import Form, cycles_of, skewed, windowed
from benchmarks.networks.depthwise.prototypes import TAPS, Select, Skew, Window
from benchmarks.networks.results import find
from hw.component import Component, Modules
from hw.engine.config import EngineConfig
from hw.verilog import array_verilog, verilog
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.targets import TARGETS
from sw_ref.network import Network

SIDE, RATIOS = 8, (0.0, 0.15)
AREAS = ("xilinx", "ecp5")
FORMS: Mapping[str, tuple[Form | None, Callable[[str], int]]] = {
    "diagonal tiles": (None, lambda target: 0),
    "window before the array": (windowed, lambda target: luts_of(Window, target)),
    "unit beside the array": (
        windowed,
        lambda target: luts_of(Window, target) + luts_of(Select, target) + unit(target),
    ),
    "skewed memory": (skewed, lambda target: luts_of(Skew, target)),
}
"""Each form's jobs, and the LUTs that it adds."""


def main() -> None:
    area = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))["area"]
    lines = {target: find(area, side=SIDE, target=target) for target in AREAS}
    whole = {target: line["luts"] + line["memory_luts"] for target, line in lines.items() if line is not None}
    added = {name: {target: luts(target) for target in AREAS} for name, (_, luts) in FORMS.items()}
    rows = [[name, *(f"{luts[t]:,} ({luts[t] / whole[t]:.1%})" for t in AREAS)] for name, luts in added.items()]
    print(f"{SIDE} x {SIDE} engine: {whole}\n", table(["form", *AREAS], rows), sep="\n")
    for ratio in RATIOS:
        print(_cycles(ratio, added, whole))


def _cycles(ratio: float, added: Mapping[str, Mapping[str, int]], whole: Mapping[str, int]) -> str:
    """Cycles, depthwise beats and LUTs times cycles of each network in each form."""
    config = engine(SIDE, **LARGEST)
    rows, ratios = list[list[str]](), {name: {target: list[float]() for target in AREAS} for name in FORMS}
    for network, file in tiny.find().items():
        integers = converted(network, file, ratio)
        plain, _ = cycles_of(integers, config)
        for name, (form, _) in FORMS.items():
            cycles, beats = cycles_of(integers, config, form)
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


def luts_of(kind: type[Component], target: str) -> int:
    """LUTs of a part alone, small memories among them."""
    modules = Modules()
    part = modules.add(kind, engine(SIDE))
    return _luts(verilog(modules), part.module, target)


def unit(target: str) -> int:
    """LUTs of an array with `TAPS` lanes."""
    config = replace(EngineConfig().array, lanes=TAPS, depth=1 << 7)
    return _luts(array_verilog(config), config.name, target)


def _luts(text: str, top: str, target: str) -> int:
    found = synthesized(verilog=text, top=top, target=target, flow=TARGETS[target].script(top))
    return found["luts"] + found["memory_luts"]


if __name__ == "__main__":
    main()
