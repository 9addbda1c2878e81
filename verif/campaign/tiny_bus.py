"""MLPerf Tiny's networks over both buses in Verilator: by both drivers with random stalls, then with slow memories."""

from typing import Any

from verif.campaign.tiny import tiny_networks
from verif.hw.bus.networks import check_all

SUMMARY = "MLPerf Tiny's networks over both buses, by the C and the Python driver, with random stalls"
COUNT = 4  # networks


def run(count: int, seed: int) -> dict[str, Any]:
    """The smallest ones.  What is random has a seed of its own, so that cycles can be compared."""
    return check_all({name: network for name, network, _ in list(tiny_networks(1))[:count]})
