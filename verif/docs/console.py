"""The console blocks of the documents: commands with the output that they really give.

``python -m verif.docs.console`` runs them all and writes their output into the documents.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.network import FLOAT

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ "


@dataclass(frozen=True)
class Call:
    """One command of a document, and the output that the document shows for it."""

    command: str
    shown: str

    @property
    def is_make(self) -> bool:
        """`make` works on the clone itself, and `make test` runs the tests: these are not run by a test."""
        return self.command.startswith("make ")


def documents() -> list[Path]:
    """All documents that may show commands."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def calls(text: str) -> Iterator[Call]:
    """The commands of a document, in order."""
    for block in BLOCK.finditer(text):
        for part in re.split(rf"^{re.escape(PROMPT)}", block[1], flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Call(command, shown)


def prepare(folder: Path) -> None:
    """Put the demo's trained network where it is in a clone."""
    target = folder / FLOAT.relative_to(ROOT)
    target.parent.mkdir()
    shutil.copyfile(FLOAT, target)


def run(command: str, folder: Path) -> tuple[str, int]:
    """Output (both streams) and exit status of a shell command in `folder`, as on a pipe."""
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE), done.returncode


def main() -> int:
    """Rewrite the output in every document; `make` commands run in the clone, without their own commands' echo."""
    for document in documents():
        text = document.read_text()
        with tempfile.TemporaryDirectory() as temporary:
            prepare(Path(temporary))
            for call in calls(text):
                if call.command == "make demo":
                    output, status = run("make --silent demo", ROOT)
                elif call.is_make:
                    continue
                else:
                    output, status = run(call.command, Path(temporary))
                print(f"{document.name}: {call.command} -> {status}", flush=True)
                text = text.replace(
                    f"{PROMPT}{call.command}\n{call.shown}", f"{PROMPT}{call.command}\n{output.strip(chr(10))}\n", 1
                )
        document.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
