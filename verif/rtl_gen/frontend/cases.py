"""Networks, and the operators of the integer network that each must become."""

import numpy as np

from verif.rtl_gen.frontend.models import node

SEED = 11
RNG = np.random.default_rng(SEED)
KERNEL = RNG.normal(size=(8, 4, 3, 3)).astype(np.float32)


def norm(channels: int, name: str = "n") -> dict[str, np.ndarray]:
    """Parameters of a batch norm, with a negative and a zero gain."""
    gain = RNG.normal(size=channels).astype(np.float32)
    gain[:2] = (-1.5, 0)
    parts = (gain, RNG.normal(size=channels), RNG.normal(size=channels), RNG.uniform(0.5, 2, channels))
    return {f"{name}{at}": part.astype(np.float32) for at, part in enumerate(parts)}


def batch_norm(source: str, target: str, name: str = "n"):
    return node("BatchNormalization", [source, *(f"{name}{at}" for at in range(4))], [target])


CASES = {
    "a norm after a convolution, then a function": (
        [node("Conv", ["x", "w"], ["a"], pads=[1, 0, 2, 1]), batch_norm("a", "b"), node("Relu", ["b"], ["y"])],
        {"w": KERNEL, **norm(8)},
        {"conv": 1},
    ),
    "a norm before a ReLU, as in DenseNet": (
        [batch_norm("x", "a"), node("Relu", ["a"], ["b"]), node("Conv", ["b", "w"], ["y"])],
        {"w": KERNEL, **norm(4)},
        {"affine": 1, "conv": 1},
    ),
    "a norm before a convolution without padding": (
        [batch_norm("x", "a"), node("Conv", ["a", "w"], ["y"])],
        {"w": KERNEL, **norm(4)},
        {"conv": 1},
    ),
    "a norm before a convolution with padding": (
        [batch_norm("x", "a"), node("Conv", ["a", "w"], ["y"], pads=[1, 1, 1, 1])],
        {"w": KERNEL, **norm(4)},
        {"affine": 1, "conv": 1},
    ),
    "a transposed convolution in groups, and its norm": (
        [
            node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2], group=2, output_padding=[1, 0], pads=[1, 0, 0, 1]),
            batch_norm("a", "y"),
        ],
        {"w": RNG.normal(size=(4, 3, 3, 3)).astype(np.float32), **norm(6)},
        {"conv_transpose": 1},
    ),
    "a residual block": (
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("Relu", ["a"], ["r"]),
            node("Conv", ["r", "v"], ["b"], pads=[1, 1, 1, 1]),
            node("Add", ["r", "b"], ["s"]),
            node("Relu", ["s"], ["y"]),
        ],
        {"w": KERNEL, "v": RNG.normal(size=(8, 8, 3, 3)).astype(np.float32)},
        {"conv": 2},
    ),
    "hard swish in four nodes": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Add", ["a", "three"], ["b"]),
            node("Clip", ["b", "zero", "six"], ["c"]),
            node("Mul", ["a", "c"], ["d"]),
            node("Div", ["d", "six"], ["y"]),
        ],
        {"w": KERNEL, "three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)},
        {"conv": 1},
    ),
    "x times sigmoid(x)": (
        [node("Conv", ["x", "w"], ["a"]), node("Sigmoid", ["a"], ["b"]), node("Mul", ["b", "a"], ["y"])],
        {"w": KERNEL},
        {"conv": 1},
    ),
    "a channel shuffle": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Reshape", ["a", "cut"], ["b"]),
            node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["c", "back"], ["y0"]),
            node("Conv", ["y0", "v"], ["y"]),
        ],
        {
            "w": KERNEL,
            "cut": np.array([1, 2, 4, 4, 3]),
            "back": np.array([1, 8, 4, 3]),
            "v": RNG.normal(size=(2, 8, 1, 1)).astype(np.float32),
        },
        {"conv": 2, "permute": 1},
    ),
    "a split, one half through a convolution": (
        [
            node("Conv", ["x", "w1"], ["k"]),
            node("Relu", ["k"], ["r"]),
            node("Split", ["r"], ["a", "b"], axis=1),
            node("Conv", ["a", "w"], ["c"], pads=[1, 1, 1, 1]),
            node("Concat", ["c", "b"], ["y"], axis=1),
        ],
        {"w": KERNEL, "w1": RNG.normal(size=(8, 4, 1, 1)).astype(np.float32)},
        {"slice": 2, "conv": 2, "concat": 1},
    ),
    "padding before a convolution": (
        [node("Pad", ["x", "p"], ["a"]), node("Conv", ["a", "w"], ["y"])],
        {"w": KERNEL, "p": np.array([0, 0, 1, 2, 0, 0, 0, 1])},
        {"conv": 1},
    ),
    "bilinear by 2 and by 4": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Resize", ["a", "", "s2"], ["b"], mode="linear", coordinate_transformation_mode="half_pixel"),
            node("Resize", ["b", "", "s4"], ["c"], mode="linear", coordinate_transformation_mode="asymmetric"),
            node("Conv", ["c", "v"], ["y"]),
        ],
        {
            "w": KERNEL,
            "v": RNG.normal(size=(2, 8, 1, 1)).astype(np.float32),
            "s2": np.array([1, 1, 2, 2], np.float32),
            "s4": np.array([1, 1, 4, 1], np.float32),
        },
        {"conv": 2, "pad": 3, "conv_transpose": 3},
    ),
    "sub-pixel convolution in both orders": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("DepthToSpace", ["a"], ["b"], blocksize=2, mode="CRD"),
            node("Conv", ["b", "v"], ["c"]),
            node("DepthToSpace", ["c"], ["d"], blocksize=2, mode="DCR"),
            node("Conv", ["d", "u"], ["y"]),
        ],
        {
            "w": KERNEL,
            "v": RNG.normal(size=(8, 2, 1, 1)).astype(np.float32),
            "u": RNG.normal(size=(1, 2, 1, 1)).astype(np.float32),
        },
        {"conv": 3, "pixel_shuffle": 2},
    ),
    "a classifier's end": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("ReduceMean", ["a"], ["b"], axes=[2, 3], keepdims=0),
            node("Gemm", ["b", "fc", "bias"], ["c"], alpha=0.5, beta=2.0),
            node("Softmax", ["c"], ["y"], axis=1),
        ],
        {
            "w": KERNEL,
            "fc": RNG.normal(size=(8, 5)).astype(np.float32),
            "bias": RNG.normal(size=5).astype(np.float32),
        },
        {"conv": 1, "average_pool": 1, "linear": 1},
    ),
    "a quantized model": (
        [
            node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
            node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
            node("DequantizeLinear", ["wq", "s"], ["w"]),
            node("Conv", ["xd", "w"], ["y"]),
        ],
        {
            "s": np.float32(2**-20),
            "z": np.int16(0),
            "wq": RNG.integers(-99, 99, (8, 4, 3, 3)).astype(np.int8),
        },
        None,
    ),
}
