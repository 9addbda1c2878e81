"""A run of nextpnr: a netlist is packed, placed and routed, with the placer that suits its size."""

import json
import math
import os
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rtl_gen import tools
from rtl_gen.errors import CheckError, FitError, TimeLimitError
from rtl_gen.targets import Target

NETLIST, LOG, REPORT = "netlist.json", "nextpnr.log", "report.json"
NO_PLACE = "Unable to find legal placement"
"""The message of nextpnr about a device that is too full."""
CELLS = ("ICESTORM_LC", "TRELLIS_COMB", "TRELLIS_FF")
NAMES = {
    "ICESTORM_LC": "logic cells",
    "ICESTORM_RAM": "block RAMs",
    "ICESTORM_SPRAM": "SPRAMs",
    "TRELLIS_COMB": "LUTs",
    "TRELLIS_FF": "flip-flops",
    "DP16KD": "block RAMs",
}
"""Cells for people."""
FULL = 0.75
"""Share of a device's cells from which the "static" placer is not used."""
STEPS = 2000
"""Steps after which the "static" placer never ends: it takes about 500.  Memories of LUTs may stay in one place."""
TAIL = 1 << 12
"""Bytes at the end of the log that tell of the last step."""
STEP = re.compile(rb"iter=(\d+)")
SEARCHES = {b"Info: Strict legalising": 60.0, b"Info: Running main analytical placer": 300.0}
"""Searches for places, by the lines before them, of "static" and of "heap".  They take seconds, or never end where many
registers have enables of their own.  A search has so many seconds, and in any case as long as all before it took.
"""


@dataclass(frozen=True, kw_only=True)
class Nextpnr:
    """nextpnr for a `device` of a `target`. `kind`: what messages call the design. `speed`: grade, of an ECP5 alone."""

    target: Target
    device: str
    speed: int
    kind: str

    @property
    def name(self) -> str:
        """The program, which is also the name of its package."""
        return f"yowasp-nextpnr-{self.target.name}"

    def run(self, program: str, folder: Path, *, freq: float, seed: int) -> dict[str, Any]:
        """Place and route the netlist in `folder`; returns nextpnr's report. `program`: the path of :attr:`name`.

        Raises :class:`FitError`, or :class:`CheckError` if the program fails.
        """
        options = [*self.target.devices[self.device].options, "--json", NETLIST, "--quiet", "--log", LOG]
        options += [*self.target.place_options, *(["--speed", str(self.speed)] if self.target.speeds else [])]
        command = [program, *options]
        tools.run([*command, "--pack-only"], folder=folder, log=LOG)
        log = (folder / LOG).read_text(errors="replace")
        check_fit(log, f"an {self.device}", self.kind)
        placer = choose_placer(log)
        aim = ["--freq", str(freq), "--seed", str(seed), "--timing-allow-fail", "--report", REPORT]
        try:
            self._place([*command, *aim], placer, folder)
        except CheckError as error:
            check_placed(error, f"an {self.device}", self.kind)
            raise
        try:
            return json.loads((folder / REPORT).read_text())
        except (OSError, ValueError):
            raise CheckError(f"nextpnr-{self.target.name} stopped without a report") from None

    def _place(self, command: list[str], placer: str, folder: Path) -> None:
        """Place and route; by "heap" where the "static" placer never ends.  Raises :class:`CheckError`."""
        # Else the log of the run before would be judged until this one opens its own.
        (folder / LOG).unlink(missing_ok=True)
        try:
            ends = partial(hopeless, folder / LOG, time.time())
            tools.run([*command, "--placer", placer], folder=folder, log=LOG, hopeless=ends)
        except TimeLimitError:
            if placer == "heap":
                raise CheckError(NO_PLACE) from None
            self._place(command, "heap", folder)


def hopeless(log: Path, start: float) -> bool:
    """Whether a placer never ends, by its log as far as it is written; `start`: when it began."""
    try:
        with log.open("rb") as file:
            written = os.fstat(file.fileno())
            file.seek(max(written.st_size - TAIL, 0))
            end = file.read()
    except OSError:
        return False
    found = STEP.findall(end)
    if found and int(found[-1]) > STEPS:
        return True
    last = end.rstrip(b"\n").rsplit(b"\n", 1)[-1]
    patience = next((seconds for line, seconds in SEARCHES.items() if last.startswith(line)), math.inf)
    return time.time() - written.st_mtime > max(written.st_mtime - start, patience)


def choose_placer(log: str) -> str:
    """The placer for a design of the size that `log`, of packing, gives.

    "static" gives the higher clock, and finds a place for the last registers where "heap" does not; but on a nearly
    full device it never ends.
    """
    shares = [used / available for name, (used, available) in _utilisation(log).items() if name in CELLS]
    return "static" if max(shares) < FULL else "heap"


def check_fit(log: str, place: str, kind: str) -> None:
    """Raise :class:`FitError` if `log`, of packing, tells of more cells than a `place` has.  `kind`: of the design."""
    over = {name: counts for name, counts in _utilisation(log).items() if counts[0] > counts[1]}
    needed = [f"{used:,} of {has:,} {NAMES.get(name, name)}" for name, (used, has) in over.items()]
    if needed:
        raise FitError(f"the {kind} does not fit {place}: it needs {' and '.join(needed)}")


def check_placed(error: CheckError, place: str, kind: str) -> None:
    """Raise :class:`FitError` if an `error` of nextpnr is that it found no place for a cell."""
    if NO_PLACE in str(error):
        raise FitError(f"the {kind} does not fit {place}: nextpnr found no place for all of its cells") from None


def _utilisation(log: str) -> dict[str, tuple[int, int]]:
    """Of each kind of cells, how many are used, and how many there are."""
    found = re.findall(r"(\w+): +(\d+)/ *(\d+) +\d+%", log)
    return {name: (int(used), int(available)) for name, used, available in found}
