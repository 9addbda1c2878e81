"""Random networks of depthwise layers on random engines with a window: every code and every cycle, as `networks`."""

from dataclasses import replace
from typing import Any

import numpy as np

from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW
from rtl_gen.compiler.lower import compile_network
from rtl_gen.work import Work
from verif.campaign.networks import CHECKED as PLAIN
from verif.campaign.networks import check_engine, random_engine, random_tasks, run_engines
from verif.sw_ref.network.random_network import DEPTHWISE

SUMMARY = "random networks of depthwise layers on random engines with a window: every code and every cycle"
COUNT = 100


def windowed_engine(rng: np.random.Generator) -> EngineConfig:
    """A random engine, with a window."""
    while (config := random_engine(rng)).array.lanes < WINDOW:
        pass
    return replace(config, depthwise=True)


def checked(*, number: int, count: int, seed: int, icarus: str) -> dict[str, Any]:
    """The results of an engine's networks, `count` of them, and why others were refused; `icarus`: its version.

    `windows`: jobs of a network that have a window; `pairs`: those of them with stride 2; `added`: with an addition.
    """
    rng = np.random.default_rng([seed, number])
    config = windowed_engine(rng)
    drawn = list(random_tasks(config, rng, count, DEPTHWISE))
    networks = [entry for entry in drawn if not isinstance(entry, str)]
    found = check_engine(config, networks)
    for entry, (_, network) in zip(found, networks, strict=True):
        fields = [job.fields for job in compile_network(network, config).jobs if job.fields["window"]]
        entry["windows"] = len(fields)
        entry["pairs"] = sum(field["pairs"] for field in fields)
        entry["added"] = sum(bool(field["add_terms"]) for field in fields)
    return {"found": found, "refused": [entry for entry in drawn if isinstance(entry, str)]}


CHECKED = Work(function=checked, sources=(*PLAIN.sources, "verif/campaign/depthwise.py"), packages=PLAIN.packages)


def run(count: int, seed: int) -> dict[str, Any]:
    result = run_engines(CHECKED, count, seed)
    totals = {name: sum(entry.get(name, 0) for entry in result["found"]) for name in ("windows", "pairs", "added")}
    return {**result, **totals, "ok": result["ok"] and all(totals.values())}
