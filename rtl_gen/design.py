"""What `synth` and `pnr` take: the build of an array or of an engine."""

import argparse
from pathlib import Path

from rtl_gen.engine_build import EngineBuild, engine_of
from rtl_gen.manifest import Build, build_of, find_manifest, is_engine, read_manifest
from rtl_gen.options import path
from sw_ref.files import locked

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
