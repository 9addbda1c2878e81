"""Builds of engines: the Verilog, its manifest, a network, and the program that runs it."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.errors import UsageError
from rtl_gen.manifest import (
    config_of,
    decoded,
    derived_of,
    find_manifest,
    is_engine,
    make_manifest,
    read_file,
    read_manifest,
    verilog_name,
    write_build,
)
from sw_ref.files import digest_of, locked
from sw_ref.format import parameters_of
from sw_ref.messages import counted

NETWORK, PROGRAM, PROGRAM_HEX = "network.safetensors", "program.bin", "program.hex"
DRIVER = "driver"  # folder of what a host needs
BENCH = "bench"  # folder of a test bench of one inference
DAMAGED = "compile the network again"


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineBuild:
    """A folder that `stlq compile` wrote, checked; `contents`: all files that the manifest lists, by name."""

    folder: Path
    config: EngineConfig
    contents: dict[str, bytes]
    kind: ClassVar = "engine"

    @property
    def name(self) -> str:
        """The Verilog's file."""
        return verilog_name(self.config)

    @property
    def text(self) -> str:
        """The Verilog."""
        return self.contents[self.name].decode()

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of the Verilog by its file's name, as of an array's build."""
        return {self.name: digest_of(self.contents[self.name])}

    @property
    def around(self) -> list[str]:
        """The files of tops that instantiate the engine: on a bus, or with the program in a ROM."""
        return [name for name in self.contents if re.fullmatch(r"\w+\.v", name) and name != self.name]

    @property
    def array(self) -> ArrayConfig:
        return self.config.array

    @property
    def title(self) -> str:
        """A description for people."""
        return f"engine, {self.config.array.size}, {counted(self.config.requant_lanes, 'requantizer lane')}"

    @property
    def ports(self) -> list[dict[str, Any]]:
        """Every port of the top module."""
        return engine_ports(self.config)


def engine_ports(config: EngineConfig) -> list[dict[str, Any]]:
    """Every Verilog port of an engine."""
    from hw.engine.layouts import engine_signature
    from hw.ports import ports_of

    return ports_of(engine_signature(config))


def engine_derived(config: EngineConfig) -> dict[str, Any]:
    """Facts that follow from the parameters, for whoever uses the build."""
    return {
        **derived_of(config.array),
        "product_bits": config.product_bits,
        "memory_bytes": config.memory_words * config.word_bits // 8,
        "digest": config.digest,
    }


def engine_config_of(values: Any) -> EngineConfig:
    """The inverse of ``EngineConfig.to_dict``.  Raises ``ValueError`` naming what is wrong."""
    names = {f.name for f in fields(EngineConfig)}
    if not isinstance(values, dict) or set(values) != names:
        found = sorted(map(str, values)) if isinstance(values, dict) else values
        raise ValueError(f"config is {found!r}; allowed: an object of exactly {sorted(names)}")
    return EngineConfig(**{**values, "array": config_of(values["array"])})


def engine_parameters() -> dict[str, Any]:
    """The parameters that an engine has besides those of its array."""
    return parameters_of(EngineConfig)


def save_engine(build: EngineBuild) -> None:
    """Write a build, as :func:`write_build` does."""
    config = build.config
    manifest = make_manifest(config.to_dict(), engine_derived(config), build.ports, build.contents)
    write_build(build.folder, build.contents, manifest)


def load_engine(folder: Path) -> EngineBuild:
    """Open a build.

    Raises :class:`UsageError` if there is none, or its manifest is damaged, or one of its files was changed since.
    """
    path = find_manifest(folder, "`stlq compile --out`")
    with locked(folder):
        content = read_manifest(path)
        if isinstance(content["config"], dict) and not is_engine(content):
            raise UsageError(f"build is {folder}: it is an array; allowed: a folder that `stlq compile --out` wrote")
        return engine_of(path, content)


def engine_of(path: Path, content: dict[str, Any]) -> EngineBuild:
    """The build that a manifest describes.  Raises :class:`UsageError` if it is damaged, or a file was changed."""
    try:
        config = engine_config_of(content["config"])
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is damaged: {error}; {DAMAGED}") from error
    if content["derived"] != engine_derived(config):
        raise UsageError(f"{path} is damaged: derived does not follow from config; {DAMAGED}")
    if (wrong := _wrong_port(content["ports"], engine_ports(config))) is not None:
        raise UsageError(f"{path} is damaged: ports do not follow from config: {wrong}; {DAMAGED}")
    files = content["files"]
    needed = {verilog_name(config), NETWORK, PROGRAM, PROGRAM_HEX}
    if not isinstance(files, dict) or not needed <= set(files) or not all(map(_is_name, files)):
        raise UsageError(f"{path} is damaged: files are not {sorted(needed)}; {DAMAGED}")
    read = {name: read_file(path.parent / name, str(digest)) for name, digest in files.items()}
    decoded(path.parent / verilog_name(config), read[verilog_name(config)])
    return EngineBuild(folder=path.parent, config=config, contents=read)


def _wrong_port(found: Any, right: list[dict[str, Any]]) -> str | None:
    """The first port that is not as it must be, by name; None if all are."""
    listed = found if isinstance(found, list) else []
    for number, port in enumerate(right):
        if listed[number : number + 1] != [port]:
            return port["name"]
    return None if len(listed) == len(right) else f"{len(listed)} ports; {len(right)} are right"


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(rf"(({DRIVER}|{BENCH})/)?\w[\w.-]*", name, re.ASCII) is not None
