"""The campaign's machinery on small or made-up measurements; the campaign itself runs by ``make bench``."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import places
from benchmarks.array import __main__ as bench
from benchmarks.array import area, page, results
from benchmarks.array.designs import Design, baseline, forms, stlq
from benchmarks.array.plan import Task, tasks
from benchmarks.array.results import compared, comparison, content, cost, smallest, write
from rtl_gen.errors import UsageError
from rtl_gen.work import Work


def line(kind: str, form: str, luts: int, **values: Any) -> dict[str, Any]:
    """A made-up measurement of an 8 x 8 array."""
    base = {"target": "xilinx", "pe": 8, "lanes": 8, "pixels": 1, "act_bits": 8, "acc_bits": 24}
    base |= {"flip_flops": 1, "carry": 1}
    return {"kind": kind, "form": form, "luts": luts, "residual_beats": kind.startswith("stlq"), **base, **values}


AREA = [
    line("stlq3", "default", 640),
    *(line("int4", form, luts) for form, luts in zip(forms("int4"), (1600, 1472, 900, 800), strict=True)),
]


def test_synthesis_counts_what_synth_counts() -> None:
    found = area.AREA.function(**area.unit(stlq(pe=1, lanes=2), "ice40"))
    line = area.line(stlq(pe=1, lanes=2), "ice40", found)
    assert (line["kind"], line["target"], line["pe"], line["lanes"]) == ("stlq3", "ice40", 1, 2)
    assert min(line["luts"], line["flip_flops"], line["carry"]) > 0


@dataclass
class Known:
    """A runner whose units answer at once; those without an answer are not done."""

    answers: dict[str, Any]

    def each(self, kind: Work, arguments: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Any]]:
        for number in reversed(range(len(arguments))):
            if (answer := self.answers.get(kind.name.rpartition(".")[2])) is not None:
                yield (
                    number,
                    {**answer, **({"mhz": 100.0 + arguments[number]["seed"]} if "seed" in arguments[number] else {})},
                )


def test_results_are_in_the_order_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """However they come; what is not measured is absent, and is counted as planned."""
    plan = [
        Task("area", stlq(pe=1, lanes=2), "ice40"),
        Task("simulation", stlq(pe=1, lanes=1), "icarus"),
        Task("clock", stlq(pe=1, lanes=1), "ecp5"),
        Task("area", stlq(pe=1, lanes=1), "ecp5"),
        Task("generation", stlq(pe=1, lanes=1)),
    ]
    saved: list[tuple[dict[str, Any], int]] = []
    monkeypatch.setattr(bench, "tasks", lambda: plan)
    monkeypatch.setattr(results, "write", lambda content, path: None)
    monkeypatch.setattr(page, "write", lambda content, folder: None)
    monkeypatch.setattr(results, "content", lambda sections, planned: saved.append((sections, planned)))
    answers = {"synthesized": {"luts": 5, "carry": 2, "flip_flops": 3, "seconds": 0.1}, "placed": {"critical_path": []}}
    known: Any = Known({**answers, "generated": {"seconds": 1.0, "lines": 9}})
    bench.measure(known, known)
    ((sections, planned),) = saved
    assert planned == 5
    assert [(line["target"], line["lanes"], line["luts"]) for line in sections["area"]] == [
        ("ice40", 2, 5),
        ("ecp5", 1, 5),
    ]
    (clock,) = sections["clock"]
    assert (clock["mhz"], clock["mhz_by_seed"]) == (103.0, [101.0, 102.0, 103.0])
    assert sections["generation"] == [{"pe": 1, "lanes": 1, "seconds": 1.0, "lines": 9}]
    assert sections["simulation"] == []


def test_a_scheduler_goes_without_workers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["array", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"])
    assert bench.main() == 2
    assert capsys.readouterr().err.startswith("error: --workers is given with --scheduler; allowed: ")
    monkeypatch.setattr(sys, "argv", ["array", "--workers", "0"])
    assert bench.main() == 2
    assert capsys.readouterr().err.startswith("error: --workers is 0; allowed: ")


def test_a_place_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build").touch()
    monkeypatch.setattr(places, "KEPT", tmp_path / "build" / "bench")
    with pytest.raises(UsageError, match=r"build/bench: Not a directory; allowed: a folder"), places.kept():
        pass


def test_two_word_tiles_cost_stlq_two_cycles_and_baselines_one() -> None:
    assert [cost(AREA[0], ratio) for ratio in (0, 0.5, 1)] == [10, 15, 20]
    assert [cost(AREA[1], ratio) for ratio in (0, 1)] == [25, 25]


def test_an_array_of_several_pixels_counts_all_its_products_and_is_compared_with_none() -> None:
    two = line("stlq3", "default", 960, pixels=2)
    assert cost(two, 0) == 7.5
    assert compared([two, *AREA]) == AREA


def test_a_baseline_is_compared_in_its_smallest_form() -> None:
    by = {found["by"]: found for found in comparison(AREA)}
    assert (by["Yosys"]["form"], by["any form"]["form"]) == ("product booth", "rows4")
    assert by["Yosys"]["ratio_at_r"] == {"0": 2.3, "0.05": 2.19, "0.15": 2.0, "0.5": 1.533, "1": 1.15}
    assert by["any form"]["ratio_at_r"]["0"] == 1.25


def test_a_form_that_was_not_measured_leaves_the_smallest_open() -> None:
    assert smallest(AREA[:-1], "int4", "xilinx", 8) is None
    assert [found["by"] for found in comparison(AREA[:-1])] == ["Yosys"]


def test_the_plan_has_every_comparison_once() -> None:
    plan = tasks()
    assert len(plan) == len(set(plan))
    area = {
        (task.design.kind, task.design.form, task.design.config.format.act_bits, task.tool)
        for task in plan
        if task.section == "area"
    }
    for act_bits in (4, 6, 8):
        for target in ("xilinx", "ice40", "ecp5"):
            for bits in (2, 3, 4, 5):
                assert {
                    (f"stlq{bits}", "default", act_bits, target),
                    (f"two{bits}", "two_word", act_bits, target),
                } <= area
            kinds = [f"int{bits}" for bits in range(2, 9)] + ["apot3", "apot4"]
            assert {(kind, form, act_bits, target) for kind in kinds for form in forms(kind)} <= area


def test_only_yosys_products_go_through_booth() -> None:
    designs: list[Design] = baseline("int3")
    assert [design.form for design in designs] == ["product", "product booth", "rows2", "rows4"]
    assert ["booth" in design.prepare for design in designs] == [False, True, False, False]


def test_the_page_is_written_from_the_results_alone(tmp_path: Path) -> None:
    sections = {
        "area": [*AREA, line("stlq3", "default", 960, pixels=2)],
        "generation": [{"pe": 8, "lanes": 8, "seconds": 1.5, "lines": 900}],
        "simulation": [{"sim": "icarus", "pe": 8, "lanes": 8, "compile_seconds": 1.0, "seconds": 2.0, "cycles": 5000}],
    }
    results = content(sections, planned=10)
    write(results, tmp_path / "results.json")
    assert results["measured"] == 8
    page.write(json.loads((tmp_path / "results.json").read_text()), tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "8 of 10 measurements" in text
    assert "| int4, best of Yosys | product booth | default | 2.30 | 2.19 | 2.00 | 1.53 | 1.15 |" in text
    assert "| 8 x 8 x 1 | 10.0 |  |  |\n| 8 x 8 x 2 | 7.5 |  |  |" in text
    assert "| icarus | 5,000 | 1.0 | 2.0 | 2,500 |" in text
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".md", ".svg"}
