"""The wheel: what users import, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALLED = {"sw_ref", "hw", "rtl_gen"}
STAY = {"verif", "demo", "benchmarks"}
LANGUAGES = {".py", ".c", ".h", ".v", ".tcl", ".html", ".css", ".js"}
"""What builds get, and the page of `explore`, are in other languages, too."""
BUILD = "import setuptools.build_meta as b, sys; b.build_wheel(sys.argv[1])"


def test_the_wheel_holds_what_users_import(tmp_path):
    clone, out = tmp_path / "clone", tmp_path / "out"
    for room in INSTALLED | STAY:
        shutil.copytree(ROOT / room, clone / room, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    out.mkdir()
    subprocess.run([sys.executable, "-W", "ignore", "-c", BUILD, out], cwd=clone, check=True, capture_output=True)
    (wheel,) = out.glob("stlq-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry,) = [n for n in archive.namelist() if n.endswith("entry_points.txt")]
        assert "stlq = rtl_gen.cli:main" in archive.read(entry).decode()
    found = (path for room in INSTALLED for path in (ROOT / room).rglob("*"))
    sources = {str(path.relative_to(ROOT)) for path in found if path.suffix in LANGUAGES}
    # All of it (the training method, too), and none of the tests, the demo and the benches.
    assert names == sources
    assert "sw_ref/train/__init__.py" in names
    assert not [name for name in names if Path(name).name.startswith(("test_", "tb_", "conftest"))]
