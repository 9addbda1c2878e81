"""What design a source makes: its modules in RTLIL, whatever its comments, its layout and the names inside it are."""

import hashlib
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]  (unknown to the stubs)

from hw.component import Component, Modules
from hw.engine.config import EngineConfig
from hw.engine.engine import Engine
from hw.engine.requantizer import Requantizer
from hw.engine.requantizer_lane import RequantizerLane
from hw.verilog import verilog
from verif.hw.engine.bench import CONFIG

CONFIGS = (CONFIG, replace(CONFIG, memory_ports=1, tables=True, bus_bits=16), replace(CONFIG, depthwise=True))
"""Engines that have between them all components, and both forms of the memory."""
SMALL = replace(CONFIG, requant_lanes=1, array=replace(CONFIG.array, choices=1))
"""An engine for LUTs of four inputs, with four chunks."""
OTHERS = ((Requantizer, SMALL), (RequantizerLane, SMALL))
"""Components that such an engine has in another form."""
NAMED = re.compile(r"^ *(?:wire (?!.*\b(?:input|output) ).*|cell \S+|memory .*|process) (\S+)$", re.MULTILINE)
Part = tuple[Any, ...]
"""A component's class, and its parameters."""


class Alone(Modules):
    """The platform of the Verilog of one component, without that of what it instantiates."""

    def __iter__(self) -> Iterator[Component]:
        yield next(super().__iter__())


class _Listed(Modules):
    """Remembers all components."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[Part, None] = {}

    def add(self, kind: type[Component], *parameters: Any) -> Component:
        self.parts[kind, *parameters] = None
        return super().add(kind, *parameters)


def parts_by_file(root: Path) -> dict[str, list[Part]]:
    """The components of CONFIGS and OTHERS, by the files of their classes below `root`.

    Of the last one of CONFIGS, which differs in few of them, those alone that no other one has.
    """
    found: dict[Part, None] = {}
    for config in CONFIGS:
        modules = _Listed()
        modules.add(Engine, config)
        for component in modules:
            _rtlil(component, modules)
        known = {part[0] for part in found} if config == CONFIGS[-1] else ()
        found |= {part: None for part in modules.parts if part[0] not in known}
    parts: dict[str, list[Part]] = {}
    for part in (*found, *OTHERS):
        parts.setdefault(str(Path(inspect.getfile(part[0])).relative_to(root)), []).append(part)
    return parts


def design(parts: Iterable[Part]) -> str:
    """A digest of what components are, up to the names of signals. Raises whatever making one of them raises."""
    texts = []
    for part in parts:
        modules = Alone()
        texts.append(nameless(_rtlil(modules.add(*map(_fresh, part)), modules)))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def optimized(parts: Iterable[Part]) -> str:
    """The Verilog of components."""
    texts = []
    for part in parts:
        modules = Alone()
        modules.add(*map(_fresh, part))
        texts.append(verilog(modules))
    return "\n".join(texts)


def nameless(text: str) -> str:
    """RTLIL in which signals, cells and memories are numbered; ports keep their names, attributes go."""
    text = re.sub(r"^ *attribute .*\n", "", text, flags=re.MULTILINE)
    numbers = {name: f"\\{number}" for number, name in enumerate(dict.fromkeys(NAMED.findall(text)))}
    return re.sub(r"[\\$]\S+", lambda token: numbers.get(token[0], token[0]), text)


def _fresh(parameter: Any) -> Any:
    """A configuration that has worked nothing out yet."""
    return replace(parameter) if isinstance(parameter, EngineConfig) else parameter


def _rtlil(component: Component, platform: Modules) -> str:
    return rtlil.convert(component, name=component.module, platform=platform, emit_src=False)
