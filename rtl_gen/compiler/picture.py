"""A picture of a program: when each layer runs and what it waits for, and what lies in the activation memory then."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.engine.config import EngineConfig
from rtl_gen.compiler.cycles import predict, predict_end
from rtl_gen.compiler.layers import Layer
from rtl_gen.compiler.lower import Compiled
from rtl_gen.drawing import label, saved

COLORS = {"array": "C0", "requantizer": "C1", "program": "C3", "memory": "C4", "drain": "0.7"}
"""Of the parts of a layer's time, named as in the table what bounds a layer; `array`: beats, also without weights."""
Span = tuple[int, int]


def draw_program(path: Path, layers: Sequence[Layer], compiled: Compiled, config: EngineConfig) -> bytes:
    """Timeline and memory over time, in the format of the file's name; the same program gives the same bytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3 + 0.2 * len(layers)), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[max(len(layers), 8), 12])
    _timeline(top, layers)
    _memory(bottom, compiled, spans_of(compiled, config))
    bottom.set_xlabel("cycles")
    bottom.set_xlim(0, layers[-1].start + layers[-1].cycles)
    return saved(figure, path.suffix[1:].lower(), "program")


def spans_of(compiled: Compiled, config: EngineConfig) -> list[Span]:
    """For each step of the placement, the cycles from the start of its first job to that of the next step's."""
    timings = predict(config, compiled.jobs)
    starts = [0, *(timings[first].start for first in compiled.firsts[1:])]
    return list(zip(starts, [*starts[1:], predict_end(config, compiled.jobs)], strict=True))


def parts_of(layer: Layer) -> dict[str, int]:
    """The cycles of a layer by what they are for, or what takes them."""
    return {"array": layer.beats, **layer.losses}


def _timeline(axes: Any, layers: Sequence[Layer]) -> None:
    """A bar for each layer; its parts one after the other, wherever within the layer they really are."""
    for row, layer in enumerate(layers):
        start = layer.start
        for part, width in parts_of(layer).items():
            axes.barh(row, width, left=start, height=0.8, color=COLORS[part])
            start += width
    axes.set_yticks(range(len(layers)), [label(layer.name) for layer in layers], fontsize=7)
    axes.invert_yaxis()
    handles = [axes.barh(0, 0, color=color) for color in COLORS.values()]
    axes.legend(handles, COLORS, loc="upper right", fontsize=8)
    axes.grid(axis="x", alpha=0.3)


def _memory(axes: Any, compiled: Compiled, spans: Sequence[Span]) -> None:
    """A rectangle for each buffer: from its first to its last cycle, and from its first to its last address."""
    placement = compiled.placement
    for number, buffer in enumerate(placement.buffers):
        start, end = spans[buffer.first][0], spans[buffer.last][1]
        base = placement.bases[buffer.name]
        axes.bar(start, buffer.words, end - start, base, align="edge", color=f"C{number % 10}", alpha=0.6, lw=0)
        # A name where there is room for it.
        if buffer.words > placement.words / 15 and end - start > spans[-1][1] / 30:
            axes.text(start, base + buffer.words / 2, f" {label(buffer.name)}", fontsize=6, va="center", clip_on=True)
    axes.axhline(placement.words, color="black", lw=0.8, ls=":")
    axes.set_ylabel("activation memory (words)")
    axes.set_ylim(0, placement.words * 1.05)


def peak_of(compiled: Compiled) -> Mapping[str, Any]:
    """The words that the program needs at once at most, and the layer that does."""
    step = compiled.placement.peak_step
    return {"words": compiled.placement.words_at(step), "layer": compiled.steps[step]}
