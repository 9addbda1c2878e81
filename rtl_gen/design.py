"""The build of an array or of an engine, which `synth` and `pnr` take, and the file with their result."""

import argparse
import json
from pathlib import Path
from typing import Any

from rtl_gen.engine_build import EngineBuild, engine_of
from rtl_gen.errors import UsageError
from rtl_gen.manifest import Build, build_of, find_manifest, is_engine, read_manifest
from rtl_gen.options import can_hold, path
from sw_ref.files import locked, write_atomically

Design = Build | EngineBuild


def add_build(parser: argparse.ArgumentParser, result: str) -> None:
    """The folder, which gets a file with the result."""
    parser.add_argument(
        "build", metavar="BUILD", type=path, help=f"folder that generate or compile wrote; gets {result}"
    )


def load_design(folder: Path) -> Design:
    """Open a build of either kind.  Raises :class:`UsageError` if it is none, damaged, or was changed since."""
    path = find_manifest(folder, "`stlq generate` or `stlq compile`")
    with locked(folder):
        content = read_manifest(path)
        return engine_of(path, content) if is_engine(content) else build_of(path, content)


def around_lines(build: Design) -> list[str]:
    """A line where a build has a top around the engine: that is not measured."""
    around = build.around if isinstance(build, EngineBuild) else []
    return [f"not measured: {name}, the top around the engine" for name in around]


def check_results(*files: Path) -> None:
    """Raises :class:`UsageError` where a result cannot be written: before the tools run for it."""
    for file in files:
        if not can_hold(file.parent) or (file.exists() and not file.is_file()):
            raise UsageError(f"{file} cannot be written; allowed: a file in a folder that can be written")


def save_result(build: Design, name: str, result: dict[str, Any]) -> Path:
    """Write a result into the build's folder, as NAME.json.  Raises :class:`UsageError`."""
    return save_file(build.folder / f"{name}.json", (json.dumps(result, indent=2) + "\n").encode())


def save_file(file: Path, data: bytes) -> Path:
    """Write a file of a build, in a folder that is made if missing.  Raises :class:`UsageError`."""
    try:
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, data)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    return file
