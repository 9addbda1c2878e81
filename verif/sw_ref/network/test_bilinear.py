"""Bilinear resize against ONNX's definition."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator

from sw_ref.format import StlqFormat
from sw_ref.network import Bilinear, Network, TensorInfo, execute
from sw_ref.network.bilinear import words

FORMAT = StlqFormat(act_signed=False)


def resized(codes: NDArray[Any], factor: tuple[int, int], coordinates: str) -> NDArray[Any]:
    """ONNX's result in real numbers; all weights are dyadic, so float32 is exact."""
    node = helper.make_node(
        "Resize", ["x", "", "scales"], ["y"], mode="linear", coordinate_transformation_mode=coordinates
    )
    scales = np.array([1, 1, *factor], np.float32)
    (found,) = ReferenceEvaluator(node).run(None, {"x": codes.astype(np.float32), "scales": scales})
    return np.asarray(found)


def network(factor: tuple[int, int], coordinates: str, fmt: StlqFormat, shape: tuple[int, int, int]) -> Network:
    info = TensorInfo(shape=shape, step=0.5, zero=3)
    bilinear = Bilinear(format=fmt, tile=(2, 4), factor=factor, coordinates=coordinates)
    nodes, tensors = bilinear.build("up", "x", info, "y")
    return Network(
        format=fmt, tile=(2, 4), tensors={"x": info, **tensors}, nodes=tuple(nodes), inputs=("x",), outputs=("y",)
    )


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize("factor", [(2, 2), (1, 2), (4, 1), (4, 4), (2, 4)])
@pytest.mark.parametrize("fmt", [FORMAT, StlqFormat(bits=4, act_signed=False, residual_shift=1)], ids=str)
def test_codes_are_onnx_resize_rounded(fmt: StlqFormat, factor: tuple[int, int], coordinates: str) -> None:
    made = network(factor, coordinates, fmt, (3, 4, 5))
    codes = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 5))
    found = execute(made, {"x": codes})["y"]
    expected = resized(codes, factor, coordinates)
    assert found.shape == expected.shape
    if len(made.nodes) == 2:
        assert (found == np.floor(expected + 0.5)).all()
    else:  # rounded in between as well
        assert np.abs(found - expected).max() <= 1
    assert (len(made.nodes) == 2) == (factor in ((2, 2), (1, 2), (4, 1)) or (coordinates == "asymmetric"))


def test_words_are_exact_and_smallest() -> None:
    found = words(np.array([[1, 3], [9, 3]]), FORMAT)
    assert found is not None
    first, second, times = found
    weights = [FORMAT.weight(a, b) for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)]
    assert [Fraction(w, times) for w in weights] == [1, 3, 9, 3]
    assert times == 2
    assert words(np.array([25]), FORMAT) is None


def test_refusals() -> None:
    info = TensorInfo(shape=(1, 2, 2), step=0.5)
    for changes, message in (
        ({"factor": (3, 2)}, "factor is 3; allowed: 1, 2 or 4"),
        ({"coordinates": "align_corners"}, "coordinates are 'align_corners'; allowed: half_pixel, asymmetric"),
    ):
        settings: dict[str, Any] = {"format": FORMAT, "tile": (2, 4), "factor": (2, 2), **changes}
        with pytest.raises(ValueError, match=f"^{message}$"):
            Bilinear(**settings).build("up", "x", info, "y")
    narrow = StlqFormat(bits=2, act_signed=False, residual_shift=0)
    with pytest.raises(ValueError, match=r"^weights \[1, 3, 5, 7\] are no words of StlqFormat"):
        Bilinear(format=narrow, tile=(2, 4), factor=(4, 4)).build("up", "x", info, "y")
