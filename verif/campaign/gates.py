"""Netlists of a small array (iCE40, ECP5; synthesized, routed) in all benches."""

import tempfile
from pathlib import Path
from typing import Any

from rtl_gen.targets import PLACED
from verif.campaign.record import digest
from verif.gates.netlist import STAGES, netlist
from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS
from verif.hw.replay import compile_replay
from verif.hw.test_array import TESTS
from verif.hw.trace import make_trace
from verif.hw.trained import train, write_trained

SUMMARY = "netlists after synthesis and after place and route in the same benches"
COUNT = 1  # configurations
CHOSEN = ("other_name", "lane_registers", "every_other_register", "no_registers_one_lane")


def run(count: int, seed: int) -> dict[str, Any]:
    network, found = train(), []
    for name in CHOSEN[:count]:
        config = CONFIGS[name]
        trace = make_trace(config, seed)
        for target in PLACED:
            for stage in STAGES:
                with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
                    folder = Path(temporary)
                    gates = netlist(config, target, stage, folder)
                    (wrong,) = compile_replay(trace, gates, folder / "replay")()
                    sim.build("icarus", config, gates, folder / "bench")
                    write_trained(network, config, folder / "bench")
                    result = sim.run("icarus", config, folder / "bench", "verif.hw.tb_array", seed=seed)
                tests = {"tests_run": len(result.ran), "tests_failed": sorted(result.failures)}
                tests["complete"] = sorted(result.ran) == sorted(TESTS)
                entry = {"config": name, "verilog": digest(config), "target": target, "stage": stage}
                found.append({**entry, "first_wrong_cycle": wrong, **tests})
                print(found[-1], flush=True)
    bad = [entry for entry in found if entry["first_wrong_cycle"] is not None or entry["tests_failed"]]
    return {"ok": not bad and all(entry["complete"] for entry in found), "netlists": len(found), "found": found}
