"""Launcher of in-simulator tests: build, run, and look twice at the result."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cocotb_tools.runner import get_runner

from hw.baseline.config import setup_of
from hw.config import BaseArrayConfig
from rtl_gen.tools import verilator_command
from verif.hw.bench import SETUP_FILE

SIMULATORS = ("icarus", "verilator")
# Yosys writes sums and slices whose widths differ from their targets, as Verilog allows.
VERILATOR_ARGS = ("-Wno-WIDTH",)


@dataclass(frozen=True)
class Result:
    """Names of the in-simulator tests that ran, and what the failed ones said."""

    ran: tuple[str, ...]
    failures: dict[str, str]


def build(simulator: str, config: BaseArrayConfig, verilog: str, folder: Path) -> None:
    """Compile `verilog` in `folder`. Raises ``RuntimeError`` if the simulator refuses it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{config.name}.v"
    source.write_text(verilog)
    with _environment(simulator):
        get_runner(simulator).build(
            sources=[source],
            hdl_toplevel=config.name,
            build_dir=folder,
            always=True,
            timescale=("1ns", "1ps"),
            build_args=VERILATOR_ARGS if simulator == "verilator" else (),
            log_file=folder / "build.log",
        )


def run(
    simulator: str, config: BaseArrayConfig, folder: Path, module: str, *, seed: int, tests: Sequence[str] | None = None
) -> Result:
    """Run the in-simulator tests of `module` (all, or those named) on what :func:`build` left in `folder`."""
    (folder / SETUP_FILE).write_text(json.dumps({**setup_of(config), "seed": seed}))
    results = folder / "results.xml"
    with _environment(simulator), suppress(SystemExit):  # so the runner tells pytest of a failure; the report says more
        get_runner(simulator).test(
            test_module=module,
            hdl_toplevel_lang="verilog",
            hdl_toplevel=config.name,
            build_dir=folder,
            results_xml=str(results),
            testcase=tests,
            log_file=folder / "test.log",
        )
    if not results.is_file():
        raise RuntimeError(f"the simulation ended early:\n{(folder / 'test.log').read_text()[-3000:]}")
    return read_results(results)


def read_results(path: Path) -> Result:
    """What cocotb's report says of each test."""
    cases = ElementTree.parse(path).getroot().findall("testsuite/testcase")
    failures = {}
    for case in cases:
        for bad in (*case.findall("failure"), *case.findall("error"), *case.findall("skipped")):
            failures[case.get("name", "")] = " ".join(filter(None, (*bad.attrib.values(), bad.text)))
    return Result(tuple(case.get("name", "") for case in cases), failures)


@contextmanager
def _environment(simulator: str) -> Iterator[None]:
    """Without what would silently change which tests run, and with what Verilator needs to find itself."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "COCOTB_MAX_FAILURES", "WAVES"):
            patch.delenv(name, raising=False)
        # pytest's rewriting of every module that a bench imports, NumPy's too, takes longer than most benches run.
        patch.setenv("COCOTB_REWRITE_ASSERTION_FILES", "")
        if simulator == "verilator":
            for name, value in verilator_command()[1].items():
                patch.setenv(name, value)
        yield
