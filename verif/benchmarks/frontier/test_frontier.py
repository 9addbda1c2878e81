"""The frontier on made-up points, and its page against what is recorded."""

from typing import Any

import pytest

from benchmarks.frontier import page
from benchmarks.frontier.arrays import KINDS, OWN, best, best_arrays, recorded, switched, variants
from benchmarks.frontier.points import (
    OTHERS,
    Duel,
    Field,
    Network,
    Point,
    Weights,
    at_cost_of_others,
    at_cost_of_words,
    check,
    fields,
    networks,
)
from benchmarks.frontier.points import OWN as WORDS
from rtl_gen.targets import TARGETS
from verif.docs.console import ROOT

RUN = {"bits": 3, "act_bits": 6, "residual_shift": 2, "tile": [8, 8]}


def point(weights: Weights, *losses: float) -> Point:
    """A made-up point; R = 100% scores 90 with each seed."""
    by_seed = dict(enumerate(losses))
    return Point(weights=weights, scores={seed: 90 + loss for seed, loss in by_seed.items()}, losses=by_seed, cycles=1)


def field(costs: dict[Point, float]) -> Field:
    return Field(
        network=Network(task="classify", network="plain", points=list(costs), missing=[]), target="ecp5", costs=costs
    )


def test_the_front_has_what_nothing_beats() -> None:
    cheap, dear, beaten, equal = (point(OTHERS[0], loss, loss) for loss in (-2, -1, -1.5, -1))
    assert field({cheap: 1, dear: 3, beaten: 3, equal: 3}).front == [cheap, dear, equal]
    assert field({cheap: 1, dear: 3, beaten: 2, equal: 3.1}).front == [cheap, dear, beaten]


def test_a_difference_counts_beyond_two_standard_errors() -> None:
    other = point(OTHERS[0], -1.0, -1.0, -1.0)
    # The gains of the words are 1, 2, 3: their mean is 2, its standard error 0.577; then shifted by 1 and by -4.
    verdicts = [
        Duel(point(WORDS[0], *(gain - 1 + shift for gain in (1, 2, 3))), other).verdict for shift in (0, -1, -4)
    ]
    assert verdicts == ["ahead", "level", "behind"]


def test_words_meet_the_best_that_costs_no_more() -> None:
    words, int3, int4 = point(WORDS[2], -1, -1), point(OTHERS[0], -2, -2), point(OTHERS[1], 0, 0)
    found = field({words: 2, int3: 2, int4: 3})
    assert at_cost_of_words(found) == {WORDS[2]: Duel(words, int3)}
    assert at_cost_of_others(found) == {OTHERS[0]: Duel(words, int3), OTHERS[1]: Duel(words, int4)}
    cheap = field({words: 2, int3: 3, int4: 1.9})
    assert at_cost_of_others(cheap) == {OTHERS[0]: Duel(words, int3), OTHERS[1]: None}


@pytest.mark.parametrize("name", RUN)
def test_a_run_of_other_numbers_than_the_arrays_is_refused(name: str) -> None:
    check(RUN)
    with pytest.raises(ValueError, match=f"^{name} of a run is 8; allowed: "):
        check(RUN | {name: 8})


def line(form: str, choices: int, luts: int, **values: Any) -> dict[str, Any]:
    base = {"kind": "apot3", "target": "ecp5", "pe": 8, "lanes": 8, "flip_flops": 1}
    return base | {"form": form, "choices": choices, "luts": luts} | values


def test_an_array_counts_in_its_smallest_form_once_all_are_measured() -> None:
    both = [line("apot", 4, 640), line("apot", 1, 600), line("apot", 1, 100, target="ice40")]
    assert best(both, "apot3", "ecp5") == both[1]
    assert best(both[:1], "apot3", "ecp5") is None
    assert [(design.form, design.config.choices) for design in variants("apot3")] == [("apot", 4), ("apot", 1)]


def test_the_page_is_what_is_recorded() -> None:
    arrays = best_arrays(recorded())
    found = fields(networks(), arrays)
    assert page.text(found, arrays, switched()) == (OWN.parent / "README.md").read_text()
    assert all((OWN.parent / f"{own[0].network.task}-{own[0].network.network}.svg").is_file() for own in found)
    # Every array is known, so each point has a cost on each target.
    assert all(arrays[target][kind] for target in TARGETS for kind in KINDS)
    assert all(len(one.costs) == len(one.network.points) > len(WORDS) for own in found for one in own)


def test_the_readme_says_what_the_page_says() -> None:
    said = [*page.sentences(fields(networks(), best_arrays(recorded()))), page.energy_sentence(switched())]
    lines = (ROOT / "README.md").read_text().splitlines()
    readme = [text for text in lines if " Words are ahead in " in text or text.startswith("- **Energy.**")]
    assert len(readme) == 7
    assert [text for text in readme if text not in said] == []
