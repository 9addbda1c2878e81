"""The Verilog text of an engine."""

from amaranth.back import verilog as amaranth_verilog  # pyright: ignore[reportAttributeAccessIssue]  (not in the stubs)

from hw.component import Modules
from hw.engine.config import EngineConfig
from hw.engine.engine import Engine
from hw.verilog import verilog


def engine_verilog(config: EngineConfig) -> str:
    """Plain Verilog-2005 of the whole engine, its array first; the same configuration gives the same text.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    array = Modules()
    engine = amaranth_verilog.convert(Engine(config), config.name, array, emit_src=False, strip_internal_attrs=True)
    return verilog(array) + engine
