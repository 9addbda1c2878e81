"""The text that the demo prints: accuracy, cycles, LUTs, the commands, the verdict."""

from typing import Any

from rtl_gen.report import Table

COLUMNS = {"luts": "LUTs", "memory_luts": "LUTs as memory", "flip_flops": "flip-flops", "carry": "carry", "dsp": "DSP"}


def story(data: dict[str, Any]) -> list[str | Table]:
    """The parts of the report on all of the demo's results."""
    commands = ["These commands did it:", *data["commands"], ""]
    return [_accuracy(data), _cycles(data), _rate(data["compiled"]), "", *_resources(data), *commands, _verdict(data)]


def _accuracy(data: dict[str, Any]) -> Table:
    images = data["images"]
    rows = [
        (name, f"{right}", f"{right / images:.2%}", f"{data['beats'][name]:,}" if name in data["beats"] else "")
        for name, right in data["right"].items()
    ]
    return Table(f"{images} test images, digits recognized", ("by", "right", "accuracy", "array cycles"), rows)


def _cycles(data: dict[str, Any]) -> Table:
    compiled, ran = data["compiled"], data["run"]
    rows = [
        (
            layer["name"],
            f"{layer['beats']:,}",
            f"{layer['utilisation']:.1%}" if layer["macs"] else "",
            f"{found['predicted']:,}",
            f"{found['simulated']:,}",
        )
        for layer, found in zip(compiled["layers"], ran["layers"], strict=True)
    ]
    predicted, simulated = (sum(layer[key] for layer in ran["layers"]) for key in ("predicted", "simulated"))
    rows.append(("all", f"{compiled['beats']:,}", "", f"{predicted:,}", f"{simulated:,}"))
    columns = ("layer", "beats", "array useful", "cycles predicted", "simulated")
    return Table(f"An image on the engine, {_size(data)}, in {ran['sim']}", columns, rows)


def _rate(compiled: dict[str, Any]) -> str:
    return (
        f"With {compiled['layers'][0]['start']} cycles before the first layer: {compiled['cycles']:,} cycles, "
        f"{compiled['inferences_per_second']:,.0f} images per second at {compiled['mhz']:g} MHz"
    )


def _resources(data: dict[str, Any]) -> list[Table]:
    rows = [(target, *(f"{found.get(key, 0):,}" for key in COLUMNS)) for target, found in data["resources"].items()]
    title = f"The engine made for each target, {_size(data)}, by Yosys"
    return [Table(title, ("target", *COLUMNS.values()), rows)] if rows else []


def _size(data: dict[str, Any]) -> str:
    array = data["compiled"]["config"]["array"]
    return f"{array['pe']} x {array['lanes']}"


def _verdict(data: dict[str, Any]) -> str:
    ran, images = data["run"], data["images"]
    return (
        f"{'pass' if data['ok'] else 'FAIL'}: {ran['codes']:,} codes of all tensors compared, {ran['mismatches']:,} "
        f"mismatches; {data['same_prediction']} of {images} predictions from the Verilog are those of the golden; "
        f"{images - ran['images_with_other_cycles']} of {images} images took the cycles predicted"
    )
