"""The Verilog text of an engine."""

from amaranth.back import verilog  # pyright: ignore[reportAttributeAccessIssue]  (unknown to the stubs)

from hw.component import Modules
from hw.engine.config import EngineConfig
from hw.engine.engine import Engine
from hw.verilog import array_verilog


def engine_verilog(config: EngineConfig) -> str:
    """Plain Verilog-2005 of the whole engine, its array first; the same configuration gives the same text.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    engine = verilog.convert(
        Engine(config), platform=Modules(), name=config.name, emit_src=False, strip_internal_attrs=True
    )
    return array_verilog(config.array) + engine
