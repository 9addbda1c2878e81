"""What is said about a module that is missing: the extra that brings it, the same wherever it is missed."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import rtl_gen.cluster
from rtl_gen.errors import CheckError
from rtl_gen.explore.suggest import check_library
from rtl_gen.extras import ALONE, EXTRAS, installing, missing
from rtl_gen.frontend.source import library
from rtl_gen.guard import guarded
from rtl_gen.runner import place

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def packages(requirements: list[str]) -> set[str]:
    """Their names."""
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


def test_extras_bring_what_they_are_named_for() -> None:
    for extra, modules in EXTRAS.items():
        found = packages(PROJECT["optional-dependencies"][extra])
        found |= packages([text for name in found if name != "stlq" for text in metadata.requires(name) or []])
        assert {name.replace("_", "-") for name in modules} <= found, extra
    modules = [module for some in (*EXTRAS.values(), ALONE) for module in some]
    assert len(modules) == len(set(modules))
    assert packages(PROJECT["dependencies"]).isdisjoint(modules)


def test_a_part_of_a_module_is_installed_with_it() -> None:
    assert installing("amaranth_boards.icebreaker") == "pip install 'stlq[boards]'"
    assert str(missing("onnx", "is broken")) == "onnx is broken; to install it: pip install 'stlq[onnx]'"


def test_every_place_says_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("optuna", "onnx", "distributed", "amaranth_boards"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "rtl_gen.cluster")
    monkeypatch.delattr(rtl_gen, "cluster")
    for name, work in {
        "optuna": check_library,
        "onnx": lambda: library("onnx"),
        "distributed": lambda: place(workers=2).__enter__(),
    }.items():
        with pytest.raises(CheckError) as raised:
            work()
        assert str(raised.value) == f"{name} is not installed; to install it: {installing(name)}"

    def uses_boards() -> int:
        import amaranth_boards  # noqa: F401  # pyright: ignore[reportMissingTypeStubs]

        return 0

    assert guarded(uses_boards, name="stlq") == 1
    assert capsys.readouterr().err == f"stlq: {missing('amaranth_boards')}\n"
