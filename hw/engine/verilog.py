"""The Verilog text of an engine."""

from hw.component import Modules
from hw.engine.config import EngineConfig
from hw.engine.engine import Engine
from hw.verilog import verilog


def engine_verilog(config: EngineConfig) -> str:
    """Plain Verilog-2005 of the whole engine; the same configuration gives the same text.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = Modules()
    modules.add(Engine, config)
    return verilog(modules)
