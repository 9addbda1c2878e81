"""Random configurations: each is generated, linted and simulated; every bit of every cycle is compared."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from sw_ref.format import Parameter, StlqFormat, parameters_of
from verif.campaign.record import digest
from verif.hw.lint import lint
from verif.hw.replay import compile_replay
from verif.hw.trace import make_trace

SUMMARY = "random configurations: generate, lint, simulate, compare"
COUNT = 240
MACS_LIMIT = 96  # so that a case takes a second or two
NAMES = ("stlq_array", "_", "Macs_2", "x" * 64)


def random_configs(seed: int) -> Iterator[ArrayConfig]:
    """An endless row of different configurations: all parameters, their whole ranges, up to ``MACS_LIMIT`` MACs."""
    rng = np.random.default_rng(seed)
    seen: set[ArrayConfig] = set()
    while True:
        fmt = StlqFormat(**{name: _draw(rng, rule) for name, rule in parameters_of(StlqFormat).items()})
        values = {name: _draw(rng, rule) for name, rule in parameters_of(ArrayConfig).items()}
        config = ArrayConfig(format=fmt, **values, name=str(rng.choice(NAMES)))
        if config.macs_per_cycle <= MACS_LIMIT and replace(config, name="any") not in seen:
            seen.add(replace(config, name="any"))
            yield config


def _draw(rng: np.random.Generator, rule: Parameter) -> Any:
    """Any allowed value.  The ends of a range come more often; in wide ranges small values do too."""
    if rule.values is None:
        return bool(rng.integers(2))
    low, high = rule.values[0], rule.values[-1]
    if rng.random() < 0.1:
        return int(rng.choice([low, high]))
    if high > 32:
        return round(2 ** rng.uniform(np.log2(low), np.log2(high)))
    return int(rng.choice(rule.values))


def check(config: ArrayConfig, seed: int, folder: Path) -> dict[str, Any]:
    """The result for one configuration: cycles, sums, and the first wrong cycle (None: all are right)."""
    verilog = array_verilog(config)
    file = f"{config.name}.v"
    (folder / file).write_text(verilog)
    warnings = lint(file, folder)
    trace = make_trace(config, seed, rounds=1)
    (wrong,) = compile_replay(trace, verilog, folder)()
    found = {"cycles": len(trace.cycles), "sums": trace.sums, "warnings": warnings, "first_wrong_cycle": wrong}
    return {**config.to_dict(), "verilog": digest(config), **found}


def run(count: int, seed: int) -> dict[str, Any]:
    found = []
    for index, config in zip(range(count), random_configs(seed), strict=False):
        with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
            found.append(check(config, seed + index, Path(folder)))
        print(f"{index + 1} of {count}: {found[-1]}", flush=True)
    mismatches = sum(entry["first_wrong_cycle"] is not None for entry in found)
    unclean = sum(bool(entry["warnings"]) for entry in found)
    return {
        "ok": not mismatches and not unclean,
        "configurations": len(found),
        "mismatches": mismatches,
        "with_warnings": unclean,
        "cycles": sum(entry["cycles"] for entry in found),
        "sums": sum(entry["sums"] for entry in found),
        "found": found,
    }
