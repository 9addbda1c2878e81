"""The cycles of networks whose depthwise layers take other forms: the jobs of each form, through the exact model."""

from collections.abc import Callable
from dataclasses import replace

from hw.engine.config import EngineConfig
from hw.engine.encoding import Kind
from rtl_gen.compiler.cycles import positions_of, predict_end
from rtl_gen.compiler.layers import is_depthwise
from rtl_gen.compiler.lower import compile_network
from rtl_gen.compiler.program import Group, Job
from sw_ref.network import Conv, Network, Node
from sw_ref.windows import Window

Form = Callable[[EngineConfig, Job, tuple[Window, Window]], Job]
"""A depthwise layer's job, as the compiler makes it, in another form; windows over rows and over columns."""


def cycles_of(network: Network, config: EngineConfig, form: Form | None = None) -> tuple[int, int]:
    """Cycles of an inference, and the beats of its depthwise layers; without a `form` as they are."""
    layers = {node.name: _windows(network, node) for node in network.nodes if is_depthwise(node)}
    jobs = list(compile_network(network, config).jobs)
    if form is not None:
        made = ((job, layers.get(job.layer)) for job in jobs)
        jobs = [
            job if windows is None or job.kind != Kind.CONV else form(config, job, windows) for job, windows in made
        ]
    own = [job for job in jobs if job.layer in layers]
    return predict_end(config, jobs), sum(positions_of(job) * group.beats for job in own for group in job.groups)


def skewed(config: EngineConfig, job: Job, windows: tuple[Window, Window]) -> Job:
    """A beat for each row of the kernel and each word of neighbouring columns, or rows, of one channel."""
    lanes = config.array.lanes

    def steps(window: Window) -> int:
        return -(-window.outputs // max((lanes - window.taps) // window.stride + 1, 1))

    made = _reshaped(config, job, windows, steps)
    groups = [group for group in made.groups for _ in range(lanes)]
    return replace(made, groups=groups, fields={**made.fields, "trips_group": len(groups) - 1})


def _reshaped(config: EngineConfig, job: Job, windows: tuple[Window, Window], steps: Callable[[Window], int]) -> Job:
    """A tile merges the positions of a kernel row, or column: along the axis that takes fewer beats.

    `steps`: positions of the job along an axis.  A tile has two words where any that it merges has.
    """
    along, across = min((windows, windows[::-1]), key=lambda pair: steps(pair[0]) * pair[1].outputs * pair[1].taps)
    trips = {"channel": 1, "kernel_x": 1, "kernel_y": across.taps, "pool_x": 1, "pool_y": 1}
    trips |= {"x": steps(along), "y": across.outputs}
    least = config.requant_steps * (1 + job.fields["add_terms"])
    return replace(
        job,
        fields={**job.fields, **{f"trips_{name}": turns - 1 for name, turns in trips.items()}},
        groups=[_merged(group, across.taps, along.taps, least, rows=along is windows[1]) for group in job.groups],
    )


def _merged(group: Group, tiles: int, merged: int, least: int, *, rows: bool) -> Group:
    assert group.two_word is not None
    flags = group.two_word.reshape((tiles, merged) if rows else (merged, tiles)).max(axis=int(rows))
    beats = tiles + int(flags.sum())
    return replace(group, tiles=tiles, two_word=flags, idle=max(least - beats, 0))


def _windows(network: Network, node: Node) -> tuple[Window, Window]:
    assert isinstance(node.options, Conv)
    rows, columns = node.options.windows(network.shapes(node)[0], node.weight_shape)
    return rows, columns
