"""The campaign on the engine's parts: its faults, what counts as the same design, and that it can fail."""

from pathlib import Path
from typing import Any

import libcst as cst
import pytest

from hw.engine.walk import Walk
from verif.campaign import engine
from verif.campaign.designs import design, nameless
from verif.campaign.engine import GROUPS, WIDER, Known, part
from verif.campaign.explained import why
from verif.campaign.operators import OPERATORS
from verif.campaign.record import ROOT
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

WALK = [(Walk, CONFIG, "write")]


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("m.d.comb += [a, b]", ["m.d.comb += [b]", "m.d.comb += [a, ]"]),
        ("m.d.sync += a", ["m.d.sync += []"]),
        ("total += a", []),
        ("a.eq(b + c)", ["a.eq(0)", "a.eq(~(b + c))"]),
        ("m.If(a & b)", ["m.If(1)", "m.If((a & b) == 0)"]),
        ("Mux(a, b, c)", ["Mux(a, c, b)"]),
        ("later(m, CYCLES)", ["later(m, CYCLES + 1)", "later(m, CYCLES - 1)"]),
    ],
)
def test_faults_of_hardware(source: str, mutants: list[str]) -> None:
    module = cst.parse_module(source)
    found: list[str] = []

    class Visitor(cst.CSTVisitor):
        def on_visit(self, node: cst.CSTNode) -> bool:
            operators = (operator for kind, operator in OPERATORS if isinstance(node, kind))
            mutants: Any = (module.deep_replace(node, new) for operator in operators for new in operator(node))
            found.extend(mutant.code for mutant in mutants)
            return True

    module.visit(Visitor())
    assert found == mutants


def test_a_fault_is_another_design_and_a_name_is_not() -> None:
    right = design(WALK)
    assert design(WALK) == right
    with driven(Walk, "base", lambda was, at: 0).planted():
        assert design(WALK) != right
    text = "module \\a\n  wire width 1 input 0 \\clk\n  wire width 1 \\b\n  connect \\b \\clk\nend\n"
    assert nameless(text.replace("\\b", "\\other")) == nameless(text)
    assert nameless(text.replace("\\clk", "\\clock")) != nameless(text)


def test_all_files_of_the_engine_that_make_hardware_are_in_a_group() -> None:
    files = {path for group in GROUPS.values() for path in group.files}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "hw" / "engine").glob("*.py")}
    assert there - files == {"hw/engine/__init__.py", "hw/engine/verilog.py"}
    assert all((ROOT / "verif" / test.split("::")[0]).is_file() for group in GROUPS.values() for test in group.tests)


def test_what_is_known_holds_for_the_same_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "walk.jsonl"
    Known(path, GROUPS["walk"]).add("1234", "killed")
    assert Known(path, GROUPS["walk"]).verdicts == {"1234": "killed"}
    monkeypatch.setattr(engine, "tests_of", lambda group: "other tests")
    assert Known(path, GROUPS["walk"]).verdicts == {}


def test_a_wider_port_is_left_out() -> None:
    assert WIDER.search('-  "take": In(1),\n+  "take": In(2),')
    assert not WIDER.search("-  a.eq(In(1) & b)\n+  a.eq(In(1) | b)")


@pytest.mark.parametrize("change", ["a.eq(b & c), -> a.eq(b | c),", "with m.If(a): -> with m.If(1):"])
def test_a_change_that_matters_is_not_explained(change: str) -> None:
    for function in ("hw.engine.events.EventQueue.elaborate", "hw.engine.writer.Writer._collect"):
        assert why(function, change) is None


def test_weak_tests_leave_survivors_and_those_of_a_part_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    groups = {"strong": GROUPS["walk"], "weak": part("walk", tests=("test_config.py",))}
    monkeypatch.setattr(engine, "GROUPS", groups)
    monkeypatch.setattr(engine, "FOLDER", tmp_path)
    result: dict[str, Any] = engine.run(3, 1, groups)
    strong, weak = result["found"]
    assert (strong["mutants"], strong["killed"]) == (3, 3)
    assert (weak["mutants"], weak["killed"], weak["survivors"]) == (3, 0, 3)
    assert strong["design"] == weak["design"]
    assert not result["ok"]
