"""Cycles of a run over a bus, from the latency and the bandwidth of the memory.

The engine's own cycles are exact (:mod:`rtl_gen.compiler.cycles`). What a bus adds is calculated burst by burst: when a
burst may be asked for, when its words come, and who else has the memory meanwhile.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from hw.bus.config import Bus, BusConfig
from hw.engine.encoding import Kind
from rtl_gen.compiler.cycles import Feed, positions_of, predict_end
from rtl_gen.compiler.program import Job
from sw_ref.format import parameter, validate

BEGINS = 3  # cycles from the start of a run to the request of its first burst
EACH = 3  # from a burst's request to the next one's
THROUGH = 4  # from a word on the bus to the engine, and from a place that is free to the request of a burst
ENDS = 3  # from the engine's last output to the end of the run, besides what the memory takes


@dataclass(frozen=True, kw_only=True)
class MemoryTiming:
    """A memory: it gives a bus word every `pace` cycles, `latency` cycles after the request or later.

    `outstanding`: bursts that it accepts before it answers the first one. Raises ``ValueError`` for a bad parameter.
    """

    latency: int = parameter(1, low=0, high=10_000, unit="cycles", help="from a request to its first word")
    pace: int = parameter(1, low=1, high=1_000, unit="cycles", help="for each bus word")
    outstanding: int = parameter(4, low=1, high=64, unit="bursts", help="that may wait for their answers")

    def __post_init__(self) -> None:
        validate(self)


def predict_run(config: BusConfig, jobs: Sequence[Job], memory: MemoryTiming) -> int:
    """About the count of the register `cycles` after a run of jobs, with all ranges aligned to bursts."""
    words = sum(job_codes(job) for job in jobs if job.kind == Kind.INPUT) // config.engine.codes_per_transfer
    feed = _BusFeed(config, memory, words + 1)
    return feed.end(predict_end(config.engine, jobs, feed))


def job_codes(job: Job) -> int:
    """How many codes an input job takes."""
    return (1 + job.fields["pairs"]) * sum(positions_of(job) * group.beats for group in job.groups)


class _BusFeed(Feed):
    """Program, inputs and outputs through the buffers of a bus top; time begins with the run.

    `_busy`: when the memory serves inputs or outputs, in order; `_free`: since when it serves no program.
    """

    def __init__(self, config: BusConfig, memory: MemoryTiming, input_words: int):
        self._config, self._memory = config, memory
        self._burst = config.burst_words * memory.pace
        # On Wishbone all answers of one range come before the next one is asked for.
        self._switch = memory.latency + EACH if config.bus is Bus.WISHBONE else 0
        # On AXI one write is under way at a time.
        self._write = self._burst + (memory.latency + EACH if config.bus is Bus.AXI else 0)
        self._busy: list[tuple[int, int]] = []
        self._free, self._asked = 0, BEGINS
        self._came: list[int] = []  # when the first word of each burst of the program was on the bus
        self._taken: list[int] = []  # when the engine took the last word of each
        self._inputs: list[int] = []  # when the first word of each burst of inputs was on the bus
        self._given: list[int] = []  # when each burst of outputs began
        self._word = self._input = self._output = 0
        self._input_words = input_words
        for _ in range(config.code_words // config.burst_words):
            self._ask_inputs(BEGINS)

    def program(self, at: int, words: int) -> int:
        size, pace = self._config.burst_words, self._memory.pace
        end = self._word + words
        while self._word < end:
            burst, first = divmod(self._word, size)
            if burst == len(self._came):
                self._ask_program(burst)
            count = min(size - first, end - self._word)
            comes = self._came[burst] + THROUGH
            # The engine takes a word a cycle, or as they come.
            at = max(at + count, comes + (first + count - 1) * pace + 1, comes + first * pace + count)
            self._word += count
            if first + count == size:
                self._taken.append(at)
        return at

    def inputs(self, first: int, last: int, words: int) -> int:
        size, late = self._config.burst_words, 0
        step = (last - first) / max(words, 1)
        for index in range(words):
            burst, within = divmod(self._input, size)
            at = first + round(index * step)
            comes = self._inputs[min(burst, len(self._inputs) - 1)] + THROUGH + within * self._memory.pace
            late = max(late, comes - at)
            self._input += 1
            if self._input % size == 0:
                self._ask_inputs(at + late + THROUGH)
        return last + late

    def outputs(self, first: int, last: int, codes: int) -> int:
        size = self._config.burst_words
        count, late = self._config.engine.codes_per_transfer, 0
        for index in range(codes // count):
            self._output += 1
            if self._output % size == 0:
                at = first + (index + 1) * count + late
                begin = max(at, self._given[-1] + self._write) if self._given else at
                self._keep(begin, self._burst + 2 * self._switch)
                self._given.append(begin)
                # The buffer has room for two bursts.
                late += max(0, begin - at - size * count)
        return last + late

    def end(self, end: int) -> int:
        """That of the run, from the engine's: the last outputs are written."""
        words = self._output % self._config.burst_words + 1
        begin = max(end, self._given[-1] + self._write) if self._given else end
        return begin + ENDS + words * self._memory.pace + self._memory.latency

    def _ask_program(self, burst: int) -> None:
        """Places for the burst must be free, and the memory must accept it."""
        held = burst - (self._config.read_bursts - 1)
        at = self._asked + EACH
        if held > 0:
            at = max(at, self._taken[held - 1] + THROUGH)
        if burst >= self._memory.outstanding:
            at = max(at, self._came[burst - self._memory.outstanding] + self._burst)
        self._asked = at
        at = max(at + self._memory.latency, self._free)
        for begin, end in self._busy:
            if begin < at + self._burst and at < end:
                at = end
        self._came.append(at)
        self._free = at + self._burst

    def _ask_inputs(self, at: int) -> None:
        words = min(self._config.burst_words, self._input_words - len(self._inputs) * self._config.burst_words)
        if words <= 0:
            return
        # The bus is there still, if no program was read since the last burst.
        switch = self._switch if self._inputs and self._came and self._came[-1] > self._inputs[-1] else 0
        begin = at + self._memory.latency + switch
        if self._inputs:
            begin = max(begin, self._inputs[-1] + self._burst)
        self._inputs.append(begin)
        self._keep(begin - switch, words * self._memory.pace + self._switch + switch)

    def _keep(self, begin: int, length: int) -> None:
        insort(self._busy, (begin, begin + length))
