"""The bench of explore on made-up points; it runs by ``python -m benchmarks.explore``."""

from pathlib import Path
from typing import Any

from benchmarks.explore import page
from benchmarks.explore.results import comparison, holds


def made_up(quality: float, rate: float, luts: int = 100) -> dict[str, Any]:
    return {"quality": quality, "rate": rate, "luts": luts}


FRONT = [made_up(30.0, 5.0), made_up(20.0, 10.0), made_up(20.0, 6.0, 50)]


def test_the_best_of_at_least_the_quality_counts() -> None:
    found = comparison(FRONT, [made_up(25.0, 4.0), made_up(15.0, 9.0, 90)])
    assert [(line["quality"], line["search"], line["random"]) for line in found] == [
        (15.0, 10.0, 9.0),
        (15.0, 0.12, 0.1),
        (25.0, 5.0, 4.0),
        (25.0, 0.05, 0.04),
    ]
    assert holds(found)


def test_one_better_random_point_is_told() -> None:
    for better in (made_up(31.0, 1.0), made_up(20.0, 11.0, 1000), made_up(20.0, 1.3, 10)):
        assert not holds(comparison(FRONT, [better]))


def test_the_page_says_who_is_better(tmp_path: Path) -> None:
    errors = {"engines": 40, "luts": 0.031, "mhz": 0.125}
    for drawn, told in (([made_up(25.0, 4.0)], "at least as good"), ([made_up(31.0, 1.0)], "not as good")):
        lines = comparison(FRONT, drawn)
        results = {"engines": 24, "points": 99, "refused": 3, "front": FRONT, "comparison": lines, "estimates": errors}
        page.write(results, tmp_path)
        text = (tmp_path / "README.md").read_text()
        assert f"**The search is {told} everywhere.**" in text
        assert "median error of LUTs 3.1%, of MHz 12.5%" in text
