"""Networks in integers: what they are, their file, and the golden execution.  docs/network.md defines them."""

from sw_ref.network.addition import Add
from sw_ref.network.bilinear import Bilinear
from sw_ref.network.convolution import Conv, ConvTranspose, Linear
from sw_ref.network.execution import execute
from sw_ref.network.file import OPERATORS, load_network, save_network
from sw_ref.network.movement import Concat, Flatten, Pad, Permute, PixelShuffle, Resize, Slice
from sw_ref.network.network import Network, NetworkError, Node, TensorInfo
from sw_ref.network.pooling import AveragePool, MaxPool
from sw_ref.network.reals import dequantize, quantize
from sw_ref.network.requantizer import Requantizer

__all__ = [
    "OPERATORS",
    "Add",
    "AveragePool",
    "Bilinear",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Flatten",
    "Linear",
    "MaxPool",
    "Network",
    "NetworkError",
    "Node",
    "Pad",
    "Permute",
    "PixelShuffle",
    "Requantizer",
    "Resize",
    "Slice",
    "TensorInfo",
    "dequantize",
    "execute",
    "load_network",
    "quantize",
    "save_network",
]
