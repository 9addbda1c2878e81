"""A network to the jobs of a program."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hw.engine.config import EngineConfig
from hw.engine.encoding import Kind
from rtl_gen.compiler.fold import unfilled
from rtl_gen.compiler.jobs import pass_jobs
from rtl_gen.compiler.layout import Layout, make_layout
from rtl_gen.compiler.loops import whole_columns
from rtl_gen.compiler.lowering import Lowering
from rtl_gen.compiler.operators import node_passes
from rtl_gen.compiler.passes import Pass
from rtl_gen.compiler.placement import Buffer, Placement, place
from rtl_gen.compiler.program import Job
from rtl_gen.compiler.transfers import fill_job, transfer_jobs
from rtl_gen.compiler.views import Copies, View
from rtl_gen.errors import UsageError
from sw_ref.format import parameters_of
from sw_ref.network import Flatten, Network


@dataclass(frozen=True, kw_only=True, eq=False)
class Compiled:
    """A network's jobs, in order; `targets`: for each of them the tensor that it writes, if any, and where to.

    `views`: where each tensor is, in buffers at `placement.bases`, which are needed in some of the `steps`.  `firsts`:
    of each step its first job, by number.
    """

    jobs: Sequence[Job]
    targets: Sequence[tuple[str, View | Copies] | None]
    views: Mapping[str, View]
    placement: Placement
    steps: Sequence[str]
    firsts: Sequence[int]

    @property
    def memory_words(self) -> int:
        """Words of activation memory that the program needs."""
        return self.placement.words

    def step_of(self, job: int) -> int:
        """The step of a job, both by number: 0 the inputs, then one for each pass, then the outputs."""
        return bisect_right(self.firsts, job) - 1

    @property
    def group_beats(self) -> int:
        """Beats of the largest group."""
        return max((group.beats for job in self.jobs if job.kind == Kind.CONV for group in job.groups), default=1)


def compile_network(network: Network, config: EngineConfig) -> Compiled:
    """The jobs of a network for an engine, whose memories may be too small: see :func:`check_fit`.

    Raises :class:`UsageError` for what the engine cannot do.
    """
    if network.format != config.array.format:
        raise UsageError(
            f"the network is for {network.format.to_dict()}; the engine for {config.array.format.to_dict()}"
        )
    compiled = _compiled(network, config, gather=True)
    if compiled.memory_words <= config.memory_words:
        return compiled
    # Bands mostly take memory for cycles.  Where neither fits, an engine that holds the smaller one is enough.
    return min(compiled, _compiled(network, config, gather=False), key=lambda one: one.memory_words)


def _compiled(network: Network, config: EngineConfig, *, gather: bool) -> Compiled:
    layout = make_layout(network, config, gather=gather)
    lowering = Lowering(network=network, config=config, layout=layout)
    passes = [made for node in network.nodes for made in node_passes(lowering, node)]
    pads = {zero: address for address, zero in enumerate(sorted({whole.zero for whole in passes if whole.pads}))}
    placement = place(_buffers(network, layout, passes), len(pads))
    program = _Program(config=config, layout=layout, bases=placement.bases, pads=pads)
    program.begin(network)
    firsts = [0]
    for whole in passes:
        firsts.append(len(program.jobs))
        program.run(whole)
    firsts.append(len(program.jobs))
    program.end(network)
    return Compiled(
        jobs=program.jobs,
        targets=program.targets,
        views=layout.views,
        placement=placement,
        steps=["inputs", *(whole.layer for whole in passes), "outputs"],
        firsts=firsts,
    )


def sizes_for(*programs: Compiled) -> dict[str, int]:
    """The parameters of memories that are as large as some programs need, if there are such."""
    beats, words = (parameters_of(EngineConfig)[name].values for name in ("group_beats", "memory_words"))
    assert beats is not None
    assert words is not None
    needed = max(compiled.group_beats for compiled in programs)
    return {
        "memory_words": max(words[0], *(compiled.memory_words for compiled in programs)),
        "group_beats": next((n for n in beats if n >= needed), beats[-1]),
    }


def check_fit(compiled: Compiled, config: EngineConfig) -> None:
    """Raise :class:`UsageError`, with the layer and the option, if a memory of the engine is too small."""
    for job in compiled.jobs:
        beats = max(group.beats for group in job.groups) if job.kind == Kind.CONV else 0
        if beats > config.group_beats:
            raise UsageError(
                f"layer {job.layer} has groups of {beats} beats; the engine has {config.group_beats}: --group-beats"
            )
    if compiled.memory_words > config.memory_words:
        raise UsageError(
            f"layer {compiled.steps[compiled.placement.peak_step]} needs {compiled.memory_words} words of activation "
            f"memory; the engine has {config.memory_words}: --memory-words"
        )


def lower(network: Network, config: EngineConfig) -> list[Job]:
    """The jobs of a network that fits an engine.  Raises :class:`UsageError`."""
    compiled = compile_network(network, config)
    check_fit(compiled, config)
    return list(compiled.jobs)


def _buffers(network: Network, layout: Layout, passes: Sequence[Pass]) -> list[Buffer]:
    """Each buffer with its first and its last step: 0 the inputs, then one for each pass, then the outputs."""
    uses: dict[str, list[int]] = {name: [] for name in layout.buffers}
    for name in network.inputs:
        uses[layout.views[name].buffer].append(0)
    for step, whole in enumerate(passes, 1):
        for buffer in {*whole.buffers_read, whole.target.buffer}:
            uses[buffer].append(step)
    for name in network.outputs:
        uses[layout.views[name].buffer].append(len(passes) + 1)
    return [
        Buffer(name=name, words=layout.buffers[name], first=min(steps), last=max(steps)) for name, steps in uses.items()
    ]


@dataclass(kw_only=True)
class _Program:
    """The jobs so far; `unsettled`: buffers that jobs write which may still be under way.

    `steps`: cycles for which the requantizer has the last position of the job before; the next sums must not be sooner.
    """

    config: EngineConfig
    layout: Layout
    bases: Mapping[str, int]
    pads: Mapping[int, int]
    jobs: list[Job] = field(default_factory=list)
    targets: list[tuple[str, View | Copies] | None] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    steps: int = 0

    def begin(self, network: Network) -> None:
        """Words of zero points, then the inputs."""
        for zero, address in self.pads.items():
            self._add(fill_job(f"zero point {zero}", zero, address))
        for name in network.inputs:
            view = self.layout.views[name]
            empty = unfilled(view, self.layout.buffers[view.buffer])
            if empty:
                zero, address = network.tensors[name].zero, self.bases[view.buffer] + empty[0]
                self._add(fill_job(f"input {name}", zero, address, len(empty)))
            for job in transfer_jobs(Kind.INPUT, name, view, self.bases[view.buffer], pairs=self.config.pairs):
                self._add(job, (name, view))

    def run(self, whole: Pass) -> None:
        """The jobs of a pass; they wait if what they read may not be written yet, or sums would come too soon."""
        for job in pass_jobs(whole, self.config, self.bases, self.pads):
            first = (job.groups[0].beats + job.groups[0].idle) * (whole_columns(job.fields)[0] + 1)
            wait = bool(whole.buffers_read & self.unsettled or job.fields["add_terms"] or first < self.steps)
            self.steps = self.config.requant_steps * (1 + job.fields["add_terms"])
            if wait:
                self.unsettled.clear()
            self.unsettled.add(whole.target.buffer)
            where = whole.copies or whole.target
            self._add(replace(job, fields={**job.fields, "wait": int(wait)}), (whole.tensor, where))

    def end(self, network: Network) -> None:
        """The outputs.  A flattened tensor's codes are in the order of the one before it."""
        made = {node.output: node for node in network.nodes}
        for name in network.outputs:
            source = name
            while source in made and isinstance(made[source].options, Flatten):
                source = made[source].inputs[0]
            view = self.layout.views[source]
            for job in transfer_jobs(Kind.OUTPUT, name, view, self.bases[view.buffer]):
                self._add(job)

    def _add(self, job: Job, target: tuple[str, View | Copies] | None = None) -> None:
        self.jobs.append(job)
        self.targets.append(target)
