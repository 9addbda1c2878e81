"""Parameters of a job that follow its data down the pipeline."""

from collections.abc import Iterable
from typing import Any

from amaranth import Module, Signal


class Followed:
    """A stage's own copy of some fields of the job whose data it has.

    While a job's last data are still on their way the sequencer is at the next job. So each stage behind the array
    copies what it needs when it has let go of the job before.

    `job`: the sequencer's job; `starts`: it is a new one from the next cycle on; `leaves`: the last data of a job leave
    the stage in this cycle. `waiting`: the copy is still to be made, so no further job may start. `load`: the copy is
    made in this cycle. `free`: the last data of the job before have left.
    """

    def __init__(self, m: Module, name: str, job: Any, fields: Iterable[str], *, starts: Any, leaves: Any):
        self.waiting = Signal(name=f"{name}_waiting")
        self.load = Signal(name=f"{name}_load")
        self.free = Signal(name=f"{name}_free", init=1)
        self._copies = {field: Signal.like(job[field], name=f"{name}_{field}") for field in fields}
        m.d.comb += self.load.eq(self.waiting & (self.free | leaves))
        m.d.sync += [
            self.waiting.eq(starts | (self.waiting & ~self.load)),
            self.free.eq((self.free | leaves) & ~self.load),
        ]
        with m.If(self.load):
            m.d.sync += [copy.eq(job[field]) for field, copy in self._copies.items()]

    def __getitem__(self, field: str) -> Any:
        return self._copies[field]
