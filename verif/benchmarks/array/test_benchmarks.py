"""The campaign's machinery on small or made-up measurements; the campaign itself runs by ``make bench``."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.array import page
from benchmarks.array.__main__ import measure
from benchmarks.array.cache import Cache
from benchmarks.array.designs import Design, baseline, forms, stlq
from benchmarks.array.plan import Task, tasks
from benchmarks.array.results import compared, comparison, content, cost, smallest, write
from rtl_gen.errors import CheckError


def line(kind: str, form: str, luts: int, **values: Any) -> dict[str, Any]:
    """A made-up measurement of an 8 x 8 array."""
    base = {"target": "xilinx", "pe": 8, "lanes": 8, "pixels": 1, "act_bits": 8, "acc_bits": 24}
    base |= {"flip_flops": 1, "carry": 1}
    return {"kind": kind, "form": form, "luts": luts, "residual_beats": kind.startswith("stlq"), **base, **values}


AREA = [
    line("stlq3", "default", 640),
    *(line("int4", form, luts) for form, luts in zip(forms("int4"), (1600, 1472, 900, 800), strict=True)),
]


def test_a_result_is_measured_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def measured() -> dict[str, Any]:
        calls.append(1)
        return {"luts": 5}

    kept = Cache(tmp_path)
    assert (
        kept.get(["verilog", "script"], measured) == Cache(tmp_path).get(["verilog", "script"], measured) == {"luts": 5}
    )
    assert len(calls) == 1
    kept.get(["verilog", "another script"], measured)
    assert len(calls) == 2
    assert Cache(tmp_path, measuring=False).get("never seen", measured) is None
    assert len(calls) == 2


def test_a_measurement_that_fails_is_not_kept(tmp_path: Path) -> None:
    def fails() -> dict[str, Any]:
        raise CheckError("Yosys failed")

    with pytest.raises(CheckError):
        Cache(tmp_path).get("inputs", fails)
    assert list(tmp_path.iterdir()) == []


def test_synthesis_counts_what_synth_counts(tmp_path: Path) -> None:
    found = measure(Cache(tmp_path), Task("area", stlq(pe=1, lanes=2), "ice40"))
    assert found is not None
    assert (found["kind"], found["target"], found["pe"], found["lanes"]) == ("stlq3", "ice40", 1, 2)
    assert min(found["luts"], found["flip_flops"], found["carry"]) > 0


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
