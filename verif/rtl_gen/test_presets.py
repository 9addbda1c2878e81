"""Presets: what they choose, and that the options they stand for win."""

import json

import pytest

from hw.config import ArrayConfig
from rtl_gen.presets import ARRAYS_FOR, OPTIMIZE, hints, preset
from rtl_gen.targets import TARGETS

CHOSEN = {  # (pipeline, choices)
    ("xilinx", "area"): (3, 4),
    ("xilinx", "speed"): (4, 4),
    ("ice40", "area"): (3, 1),
    ("ice40", "speed"): (4, 1),
    ("ecp5", "area"): (3, 1),
    ("ecp5", "speed"): (4, 1),
    ("gates", "area"): (3, 1),
    ("gates", "speed"): (4, 1),
}


def test_every_preset():
    found = {(array_for, o): tuple(preset(array_for, o).values()) for array_for in ARRAYS_FOR for o in OPTIMIZE}
    assert found == CHOSEN
    # Who names neither technology nor aim gets what the parameters say.
    assert CHOSEN["xilinx", "area"] == (ArrayConfig.pipeline, ArrayConfig.choices)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), (3, 4)),
        (("--for", "ecp5"), (3, 1)),
        (("--optimize", "speed"), (4, 4)),
        (("--for", "ecp5", "--optimize", "speed"), (4, 1)),
        (("--for", "ecp5", "--optimize", "speed", "--pipeline", 0), (0, 1)),
        (("--choices", 2, "--for", "gates", "--optimize", "speed"), (4, 2)),
    ],
)
def test_presets_reach_the_array_and_long_options_win(run, tmp_path, options, expected):
    assert run("--pe", 1, *options, "--out", tmp_path).status == 0
    config = json.loads((tmp_path / "manifest.json").read_text())["config"]
    assert (config["pipeline"], config["choices"]) == expected
    assert set(config) == {*ArrayConfig(pe=1, lanes=1).to_dict()}


def test_unknown_presets(refused, tmp_path):
    assert "argument --for: invalid choice: 'asic'" in refused("--for", "asic", "--out", tmp_path / "b")
    assert "argument --optimize: invalid choice: 'power'" in refused("--optimize", "power", "--out", tmp_path / "b")


@pytest.mark.parametrize(
    ("pipeline", "choices", "target", "expected"),
    [
        (3, 4, "ecp5", ["an array made with `--for ecp5` is smaller there"]),
        (3, 1, "generic", []),
        (3, 1, "xilinx", ["an array made with `--for xilinx` is smaller there"]),
        (0, 4, "ice40", []),  # without registers the choices have no effect
    ],
)
def test_an_array_for_another_technology_gets_a_hint(pipeline, choices, target, expected):
    array = ArrayConfig(pipeline=pipeline, choices=choices)
    assert hints(array, TARGETS[target]) == expected
    faster = "; `--optimize speed` makes it faster"
    assert hints(array, TARGETS[target], is_clocked=True) == [line + faster for line in expected]
    speedy = ArrayConfig(pipeline=4 if pipeline else 0, choices=choices)
    assert hints(speedy, TARGETS[target], is_clocked=True) == expected
