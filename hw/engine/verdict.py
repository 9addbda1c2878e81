"""What is wrong with a header or a job, but for its check."""

from amaranth import Module, Mux, Value

from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import HEADER, JOB, Error, Kind
from hw.engine.layouts import struct


class Verdict:
    """Judges the section at the top of `register`, in the module `m`; a cycle later.

    `error`: the :class:`Error` of the job, or if `is_job` is 0 of the header. `ends`: the job is the program's end.
    """

    def __init__(self, m: Module, config: EngineConfig, register: Value, is_job: Value):
        top = register[-config.slots(encoding.width(HEADER)) * config.bus_bits :]
        header = struct(HEADER)(top[: encoding.width(HEADER)])
        kind = register[: JOB["kind"].bits]
        foreign = Mux(header.engine != config.digest, Error.ENGINE, Error.NONE)
        of_header = Mux(header.version != encoding.VERSION, Error.VERSION, foreign)
        of_job = Mux(kind.matches(*map(int, Kind)), Error.NONE, Error.KIND)
        self.error = later(m, "verdict", Mux(is_job, of_job, of_header), 1)
        self.ends = later(m, "ends", kind == Kind.END, 1)
