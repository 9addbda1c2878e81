"""Random and hostile hosts, memories and programs on both bus tops: no broken rule, no hang, right codes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hw.bus.config import Bus, BusConfig
from hw.bus.verilog import bus_verilog
from hw.engine.verilog import engine_verilog
from sw_ref.files import digest_of
from verif.hw.bus.case import tasks
from verif.hw.bus.scenarios import KINDS, try_case
from verif.hw.bus.verilated import Bench, compile_top
from verif.hw.engine.bench import CONFIG

SUMMARY = "random and hostile hosts, memories and programs on both buses, in Verilator"
COUNT = 10_000


@contextmanager
def benches() -> Iterator[dict[Bus, Bench]]:
    """Both tops, compiled."""
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        text, made = engine_verilog(CONFIG), {}
        for bus in Bus:
            place = Path(folder) / bus.value
            place.mkdir()
            made[bus] = Bench(compile_top(BusConfig(engine=CONFIG, bus=bus), place, text))
        yield made


def run(count: int, seed: int) -> dict[str, Any]:
    """The tops take turns."""
    found = {(bus.value, kind.__name__): {"cases": 0, "failed": 0} for bus in Bus for kind in KINDS}
    wrong, prepared = list[dict[str, Any]](), tasks()
    with benches() as made:
        for number in range(count):
            bus = list(Bus)[number % len(Bus)]
            kind, problem = try_case(made[bus], bus, prepared, f"{seed} {number}")
            found[bus.value, kind]["cases"] += 1
            if problem:
                found[bus.value, kind]["failed"] += 1
                wrong.append({"number": number, "bus": bus.value, "kind": kind, "problem": problem})
                print(wrong[-1], flush=True)
            if number % 500 == 499:
                print(f"{number + 1} of {count}: {len(wrong)} failed", flush=True)
    verilog = {bus.value: digest_of(bus_verilog(BusConfig(engine=CONFIG, bus=bus)).encode()) for bus in Bus}
    rows = [{"bus": bus, "kind": kind, **counts} for (bus, kind), counts in found.items()]
    return {
        "ok": not wrong,
        "scenarios": count,
        "failed": len(wrong),
        "verilog": verilog,
        "wrong": wrong,
        "found": rows,
    }
