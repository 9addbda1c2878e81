"""The pages of the site: a hook of MkDocs (see ``mkdocs.yml``).

Pages keep their place in the repository, so a relative link leads to the same page on a forge and in the site.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
STYLE = "docs/site.css"
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def pages() -> list[Path]:
    """README, changes, everything in docs/, and the results of the benchmarks."""
    return [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "benchmarks").rglob("*.md")),
    ]


def linked(page: Path) -> Iterator[Path]:
    """The files of the repository that a page links to or shows."""
    for target in LINK.findall(page.read_text()):
        path = (page.parent / target).resolve()
        if path.is_file() and path.is_relative_to(ROOT):
            yield path


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Replace what MkDocs found in docs/ by :func:`pages` and what they link to; the theme's own files stay."""
    theme = [file for file in files if file.src_dir != config.docs_dir]
    own = pages()
    found = dict.fromkeys([*own, *(path for page in own for path in linked(page)), ROOT / STYLE])
    return Files([*theme, *(_file(path, config) for path in found)])


def _file(path: Path, config: MkDocsConfig) -> File:
    return File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, config.use_directory_urls)
