"""The window before the array: programs mean what the network says, and it slides where that takes fewer cycles."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hw.engine.encoding import Kind
from rtl_gen.compiler import window
from rtl_gen.compiler.lower import compile_network
from sw_ref.network import Conv
from verif.rtl_gen.compiler.networks import convolution_network
from verif.rtl_gen.compiler.test_lowering import check, engine
from verif.sw_ref.network.random_network import DEPTHWISE, random_network

CONFIG = replace(engine(4), depthwise=True)
SEEDS = range(500, 512)


def run(pe: int, seeds: range) -> list[tuple[int, int]]:
    """Random networks with depthwise layers; of each job with a window `pairs` and `add_terms`."""
    config, found = replace(engine(pe), depthwise=True), list[tuple[int, int]]()
    for seed in seeds:
        print(f"seed {seed}")
        network = random_network(
            seed, fmt=config.array.format, tile=config.array.tile, ops=DEPTHWISE, nodes=6, codes_max=800
        )
        fields = [job.fields for job in check(config, network, seed).jobs]
        found += [(field["pairs"], field["add_terms"]) for field in fields if field["window"]]
    return found


@pytest.mark.parametrize("pe", [4, 8])
def test_random_networks(pe: int) -> None:
    found = run(pe, SEEDS)
    assert len(found) > 10
    assert {pairs for pairs, _ in found} == {0, 1}


@pytest.mark.parametrize("fault", ["columns in reverse", "rows and columns exchanged"])
def test_a_broken_compiler_is_rejected(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    right = window.Slide.tiles

    def wrong(self: window.Slide, words: Any, *others: Any) -> Any:
        return right(self, words[:, :, ::-1] if fault == "columns in reverse" else words.swapaxes(1, 2), *others)

    monkeypatch.setattr(window.Slide, "tiles", wrong)
    with pytest.raises(AssertionError):
        run(4, SEEDS)


def jobs_of(shape: tuple[int, int, int], options: Conv, weights: tuple[int, ...] | None = None) -> list[dict[str, int]]:
    """The fields of the jobs of a layer of one-word tiles, `beats` of each position among them."""
    network = convolution_network(CONFIG, np.random.default_rng(1), shape, weights or (shape[0], 1, 3, 3), options)
    for node in network.nodes:
        assert node.weights is not None
        node.weights.word2[:] = 0
        node.weights.two_word[:] = 0
    jobs = [job for job in compile_network(network, CONFIG).jobs if job.kind == Kind.CONV]
    return [{**job.fields, "beats": job.groups[0].beats} for job in jobs]


@pytest.mark.parametrize(
    ("size", "stride", "padding", "wanted"),
    [
        # 5 x 9 sums: 11 columns of 5 rows, or 7 rows of 9 columns. And the other way round.
        ((5, 9), (1, 1), 1, (1, 0, 11, 5, 3)),
        ((9, 5), (1, 1), 1, (1, 0, 11, 5, 3)),
        # 3 x 5 sums: 11 columns of 3 rows, or 7 rows of 5 columns.
        ((5, 9), (2, 2), 1, (1, 1, 11, 3, 3)),
        # 9 x 3 sums: 11 rows of 3 columns, or 7 columns of 9 rows with every other sum.
        ((9, 6), (1, 2), 1, (1, 0, 11, 3, 3)),
        # One sum: three columns take as many beats.
        ((3, 3), (1, 1), 0, (0, 0, 1, 1, 9)),
        # Two: four columns take 12 beats of 18.
        ((3, 4), (1, 1), 0, (1, 0, 4, 1, 3)),
        ((9, 9), (3, 3), 0, (0, 0, 3, 3, 9)),
    ],
)
def test_the_form_of_fewest_cycles_is_taken(
    size: tuple[int, int], stride: tuple[int, int], padding: int, wanted: tuple[int, ...]
) -> None:
    (job,) = jobs_of((8, *size), Conv(stride=stride, padding=(padding, padding, padding, padding), groups=8))
    found = job["window"], job["pairs"], job["trips_x"] + 1, job["trips_y"] + 1, job["beats"]
    assert found == wanted


def test_a_window_never_slides_where_it_cannot() -> None:
    dilated = jobs_of((8, 9, 9), Conv(dilation=(2, 2), groups=8))
    dense = jobs_of((8, 9, 9), Conv(), (8, 8, 3, 3))
    larger = jobs_of((8, 9, 9), Conv(groups=8), (8, 1, 5, 5))
    assert [job["window"] for job in (*dilated, *dense, *larger)] == [0, 0, 0]
    # Along the other axis it can.
    (job,) = jobs_of((8, 9, 9), Conv(dilation=(2, 1), groups=8))
    assert (job["window"], job["trips_x"] + 1, job["trips_y"] + 1) == (1, 9, 5)
