"""Whole networks of others: what they become, and that they compute the same."""

import os
from collections import Counter
from pathlib import Path

import onnx.backend.test
import pytest

from rtl_gen.errors import UsageError
from rtl_gen.frontend.onnx_file import import_onnx
from verif.rtl_gen.frontend.models import compare

TINY = Path(os.environ.get("STLQ_NETWORKS", Path(__file__).parents[4] / "shared" / "networks"))
LIGHT = Path(onnx.backend.test.__file__).parent / "data" / "light"


@pytest.mark.parametrize(
    ("name", "macs", "operators"),
    [
        ("anomaly_detection", 264_192, {"linear": 10}),
        ("keyword_spotting", 2_656_768, {"conv": 9, "average_pool": 1, "linear": 1}),
        ("resnet8", 12_501_632, {"conv": 9, "average_pool": 1, "linear": 1}),
        ("visual_wake_words", 7_489_664, {"conv": 27, "average_pool": 1, "linear": 1}),
    ],
)
def test_tiny(name: str, macs: int, operators: dict[str, int]) -> None:
    path = TINY / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} does not exist; STLQ_NETWORKS names another folder")
    network = compare(path)
    assert network.macs == macs
    assert Counter(node.op for node in network.nodes) == operators
    softmax = () if name == "anomaly_detection" else ("Softmax output is left to the host",)
    assert network.notes == softmax


@pytest.mark.parametrize(
    ("name", "mega_macs", "operators"),
    [
        ("densenet121", 2834, {"conv": 121, "affine": 62, "concat": 58, "average_pool": 4, "max_pool": 1}),
        ("inception_v2", 2019, {"conv": 69, "concat": 10, "average_pool": 8, "max_pool": 5, "linear": 1}),
        ("resnet50", 4089, {"conv": 53, "max_pool": 1, "average_pool": 1, "linear": 1}),
        (
            "shufflenet",
            125,
            {"conv": 49, "permute": 16, "average_pool": 4, "concat": 3, "activation": 3, "max_pool": 1, "linear": 1},
        ),
        ("squeezenet", 349, {"conv": 26, "concat": 8, "max_pool": 3, "average_pool": 1}),
        ("vgg19", 19632, {"conv": 16, "max_pool": 5, "linear": 3, "flatten": 1}),
    ],
)
def test_light(name: str, mega_macs: int, operators: dict[str, int]) -> None:
    network = import_onnx(LIGHT / f"light_{name}.onnx")
    assert round(network.macs / 1e6) == mega_macs
    assert Counter(node.op for node in network.nodes) == operators


@pytest.mark.parametrize(
    ("name", "nodes"), [("bvlc_alexnet", "n2, n6"), ("inception_v1", "n3, n8"), ("zfnet512", "n2, n6")]
)
def test_light_with_local_response_norms(name: str, nodes: str) -> None:
    with pytest.raises(UsageError, match=f"nodes that cannot be run: LRN {nodes}: needed: a batch norm"):
        import_onnx(LIGHT / f"light_{name}.onnx")
