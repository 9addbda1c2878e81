"""The documents build as a site: no dead link, no dead anchor, every page in the navigation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from verif.docs.console import ROOT


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """MkDocs, as `make docs` calls it, on the clone in `folder`."""
    # Not with --quiet: that hides warnings from --strict too.
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_site_builds(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "STLQ" in (tmp_path / "index.html").read_text()
    assert (tmp_path / "search/search_index.json").stat().st_size > 10_000
    # A page outside docs/, a picture beside it, and a file that a page links to.
    results = tmp_path / "benchmarks/array/results"
    assert (results / "index.html").is_file()
    assert (results / "forms.svg").is_file()
    assert (tmp_path / "LICENSE").is_file()


def copy(folder: Path) -> None:
    """A small clone: the site's own files and one page."""
    for name in ("mkdocs.yml", "docs/site.py", "docs/site.css"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    settings = (folder / "mkdocs.yml").read_text().partition("\nnav:")[0]
    (folder / "mkdocs.yml").write_text(f"{settings}\nnav:\n  - Home: README.md\n")
    for name in ("README.md", "CHANGELOG.md"):
        (folder / name).write_text("# A page\n")


def test_what_is_dead_or_lost_stops_the_build(tmp_path: Path) -> None:
    copy(tmp_path)
    page = "# A page\n[gone](docs/gone.md) [no such place](CHANGELOG.md#nowhere)\n"
    (tmp_path / "README.md").write_text(page)
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "'docs/gone.md'" in done.stderr
    assert "'nowhere'" in done.stderr or "#nowhere" in done.stderr
    assert "- CHANGELOG.md" in done.stderr
