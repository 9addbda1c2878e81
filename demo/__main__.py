"""Train, quantize, run through the Verilog, compare, synthesize; exit status 1 on any mismatch."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from demo import classifier, network, pictures
from demo.hardware import Verilog, start_synthesis
from hw.config import ArrayConfig
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.generate import generate
from rtl_gen.report import Report, Table, progress, show
from rtl_gen.targets import FPGAS
from sw_ref.files import write_atomically
from sw_ref.model import save_model

FOLDER = Path("build/demo")
CONFIG = ArrayConfig()
"""The defaults are those of `stlq --pe 8 --bits 3`."""
RATIO = 0.15


def main() -> int:
    """Run the demo; returns the exit status."""
    started = time.perf_counter()
    try:
        report = run(FOLDER)
    except (CheckError, UsageError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    report.parts.append(f"{time.perf_counter() - started:.0f} s; pictures, Verilog and models are in {FOLDER}/")
    show(report, as_json=False)
    return 0 if report.ok else 1


def run(folder: Path) -> Report:
    """All of the demo; writes into `folder`."""
    build = generate(CONFIG, folder)
    digits = classifier.load()
    with ThreadPoolExecutor(len(FPGAS)) as pool:
        synthesis = start_synthesis(build, tuple(FPGAS), pool)
        with progress("training"):
            trained = classifier.train(digits)
        quantized = {ratio: _quantize(trained, digits, ratio) for ratio in (0.0, RATIO, 1.0)}
        chosen = quantized[RATIO]
        _save(folder, trained, chosen)
        verilog = Verilog(build)
        with progress(f"{len(digits.test_images)} images through the Verilog of every layer"):
            from_verilog = chosen.predict(digits.test_images, verilog)
        with progress("synthesizing"):
            resources = {target: future.result()["resources"] for target, future in synthesis.items()}
    predictions = {ratio: net.predict(digits.test_images, network.golden) for ratio, net in quantized.items()}
    accuracy = {
        "float": _right(trained.predict(digits.test_images), digits),
        **{f"numpy, R = {ratio:.0%}": _right(found, digits) for ratio, found in predictions.items()},
        f"Verilog, R = {RATIO:.0%}": _right(from_verilog, digits),
    }
    same = int(np.count_nonzero(predictions[RATIO] == from_verilog))
    data = {
        "images": len(digits.test_labels),
        "right": accuracy,
        "same_prediction": same,
        "layers": verilog.verdicts,
        "resources": resources,
        "ok": verilog.ok and same == len(from_verilog),
    }
    write_atomically(folder / "result.json", (json.dumps(data, indent=2) + "\n").encode())
    return Report(data, _story(data, verilog), data["ok"])


def _quantize(trained: classifier.Classifier, digits: classifier.Digits, ratio: float) -> network.Network:
    return network.quantize(trained, digits.train_images, CONFIG.format, tile=CONFIG.tile, ratio=ratio)


def _right(found: Any, digits: classifier.Digits) -> int:
    return int(np.count_nonzero(found == digits.test_labels))


def _save(folder: Path, trained: classifier.Classifier, net: network.Network) -> None:
    """Save the weights before and after quantization, to try other commands on; and the pictures."""
    floats = {layer.name: np.ascontiguousarray(layer.weight, np.float32) for layer in net.layers}
    write_atomically(folder / "weights.safetensors", safetensors.numpy.save(floats))
    save_model(folder / "model.safetensors", {layer.name: layer.tensor for layer in net.layers})
    pictures.draw_tiles(net.layers, folder / "two-word-tiles.png")
    pictures.draw_levels(net.layers, folder / "weights-and-levels.png")


def _story(data: dict[str, Any], verilog: Verilog) -> list[str | Table]:
    images, total = data["images"], verilog.total
    accuracies = [(name, f"{right}", f"{right / images:.2%}") for name, right in data["right"].items()]
    keys = ("sums", "mismatches", "cycles", "cycles_one_word", "cycles_two_words")
    layers = [(name, *(f"{verdict[key]:,}" for key in keys)) for name, verdict in data["layers"].items()]
    layers.append(("total", *(f"{total(key):,}" for key in keys)))
    resources = []
    for target, found in data["resources"].items():
        per_mac = f"{found['luts'] / CONFIG.macs_per_cycle:.1f}"
        counts = [f"{found[kind]:,}" for kind in ("luts", "flip_flops", "carry", "dsp")]
        resources.append((target, *counts, per_mac))
    return [
        Table(f"{images} test images, digits recognized", ("by", "right", "accuracy"), accuracies),
        Table(
            "Every dot product of every test image, Verilog against golden",
            ("layer", "sums compared", "mismatches", "cycles", "cycles R = 0", "cycles R = 100%"),
            layers,
        ),
        Table(
            f"The {CONFIG.pe} x {CONFIG.lanes} array, by Yosys",
            ("target", "LUTs", "flip-flops", "carry", "DSP", "LUTs per MAC"),
            resources,
        ),
        f"{'pass' if data['ok'] else 'FAIL'}: {total('sums'):,} sums compared, {total('mismatches'):,} mismatches; "
        f"{data['same_prediction']} of {images} predictions from the Verilog's sums are those of the quantized numpy",
    ]


if __name__ == "__main__":
    sys.exit(main())
