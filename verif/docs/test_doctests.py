"""The examples in the docstrings run, and there are some."""

import doctest
import importlib
import pkgutil

import hw
import rtl_gen
import sw_ref
from verif.docs import figures

PACKAGES = (sw_ref, hw, rtl_gen)
# Running this module is the command line itself.
NOT_IMPORTED = {"rtl_gen.__main__"}


def test_docstring_examples() -> None:
    attempted = 0
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in NOT_IMPORTED:
                result = doctest.testmod(importlib.import_module(module.name))
                assert result.failed == 0, module.name
                attempted += result.attempted
    assert attempted >= 15


def test_readme_table_is_made_by_the_command_that_it_names() -> None:
    text = (figures.ROOT / "README.md").read_text()
    assert figures.START in text
    assert figures.END in text
