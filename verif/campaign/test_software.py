"""The campaign on the software's tests finds a fault that a test covers, and reports one that none does."""

import pytest

from verif.campaign import software
from verif.campaign.explained import why
from verif.campaign.record import ROOT

DIFF = """--- sw_ref/tiling.py
+++ sw_ref/tiling.py
@@ -1,2 +1,2 @@
 def largest(values, count):
-    flat = values.reshape(-1)
+    flat = values.reshape(-2)
"""


def test_a_mutant_is_described_by_its_function_and_its_change() -> None:
    found = software.describe("sw_ref.tiling.x_largest__mutmut_10", DIFF)
    assert (found["function"], found["change"]) == (
        "sw_ref.tiling.largest",
        "flat = values.reshape(-1) -> flat = values.reshape(-2)",
    )
    assert found["why"] == "numpy takes any one negative size for the one to be found"
    method = software.describe("sw_ref.tiling.xǁTilingǁsums__mutmut_3", DIFF)
    assert method["function"] == "sw_ref.tiling.Tiling.sums"


def test_a_change_that_matters_is_not_explained() -> None:
    for change in ("if step > 1: -> if step > 2:", "total += 1 -> total -= 1", "return low -> return high"):
        assert why("sw_ref.tiling.largest", change) is None


def test_only_a_failed_test_and_tests_without_end_find_a_mutant() -> None:
    """What was not tried to its end counts for nothing."""
    verdicts = {"a": 1, "b": 3, "c": -24, "d": 0, "e": 33, "f": None, "g": 2, "h": -9}
    left: list[dict[str, str | None]] = [{"name": "d", "why": None}, {"name": "e", "why": "equal"}]
    assert software.summary("tiles", verdicts, left) == {
        "group": "tiles", "files": ("sw_ref/tiling.py",), "mutants": 5, "untried": 3,
        "killed": 2, "endless": 1, "explained": 1, "survivors": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", software.GROUPS)
def test_a_group_names_files_that_exist(name: str) -> None:
    group = software.GROUPS[name]
    assert all((ROOT / path).is_file() for path in group.files)
    assert all((ROOT / "verif" / path).is_file() for path in group.tests)


@pytest.mark.parametrize(
    "change",
    [
        "for a, b in zip(x, y, strict=True): -> for a, b in None:",
        "for a, b in zip(x, y, strict=True): -> for a, b in zip(None, y, strict=True):",
        "last = values.reshape(n)[-1] -> last = values.reshape(n)[-2]",
        "check_scale(x.astype(dtype, copy=False)) -> check_scale(None)",
        "if step >= size > 1: -> if step < size > 1:",
        "elif step > 1: -> elif step > 2:",
        "found = np.asarray(corner, index) * step -> found = np.asarray(corner, index) / step",
    ],
)
def test_what_only_looks_like_an_explained_change_is_not(change: str) -> None:
    for function in ("Tiling.sums", "Tiling.gather", "Tiling.expand", "working"):
        assert why(f"sw_ref.tiling.{function}", change) is None
