"""Units of work: plain functions of plain arguments, whose results are kept by content."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHOWN = 200
"""Characters of an argument that are kept beside a result; a longer one is kept as its digest."""

contents: dict[str, bytes] = {}
"""Large inputs by their SHA-256, which is what units get of them.  A runner puts them into each of its processes."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A kind of unit: `function` makes JSON of JSON, always the same from the same.

    `sources`: files and folders of the repository that results depend on; `packages`: those outside, by name.
    """

    function: Callable[..., Any]
    sources: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    @property
    def versions(self) -> dict[str, str]:
        """What else a result depends on: a digest of the sources, and each package's version."""
        return {"sources": digest_of_sources(*self.sources), **{name: metadata.version(name) for name in self.packages}}

    def key(self, arguments: Mapping[str, Any]) -> str:
        """A digest of all that the result depends on."""
        text = json.dumps([self.name, arguments, self.versions], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def about(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for people: text that nobody would read as its digest."""
    long = {name: value for name, value in arguments.items() if isinstance(value, str) and len(value) > SHOWN}
    return {**arguments, **{name: hashlib.sha256(value.encode()).hexdigest() for name, value in long.items()}}


@cache
def digest_of_sources(*parts: str) -> str:
    """SHA-256 of source files, and of all sources in folders, by their names from the repository's root on."""
    digest = hashlib.sha256()
    for part in parts:
        for path in sorted((ROOT / part).rglob("*.py")) or [ROOT / part]:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
