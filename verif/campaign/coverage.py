"""Coverage of the traces: lines, branches and toggles of the Verilog, and functional bins of the inputs."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hw.config import ArrayConfig
from hw.verilog import array_verilog
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


def measure(config: ArrayConfig, seed: int, folder: Path) -> dict[str, Any]:
    """For each kind how many points were reached, of how many; and the missed ones."""
    trace, missing = make_full_trace(config, seed)
    options = ["--coverage-line", "--coverage-toggle"]
    replay = compile_replay(trace, array_verilog(config), folder, sim="verilator", options=options)
    if replay() != [None]:
        raise CheckError("the design is wrong")
    points = read_coverage((folder / "coverage.dat").read_text(errors="replace"))
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
