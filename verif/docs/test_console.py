"""Every command that a document shows exists, and says what the document says, but for the figures."""

import doctest
import re
from pathlib import Path

import pytest

from verif.docs import console

FIGURE = re.compile(r"\d[\d.,:]*")


def masked(text: str) -> list[str]:
    """Words of `text`, figures and paths masked: they depend on tools' versions, and the layout depends on them."""
    text = re.sub(r"^critical path .*$", "critical path", text, flags=re.MULTILINE)
    return [word for word in FIGURE.sub("#", text).replace("─", "").split() if word]


@pytest.mark.parametrize("document", console.documents(), ids=lambda path: path.name)
def test_commands_say_what_is_shown(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [call for call in console.calls(document.read_text()) if not call.is_make]
    if found:
        console.prepare(tmp_path)
    for call in found:
        output, status = console.run(call.command, tmp_path)
        assert masked(output) == masked(call.shown), f"{call.command} (status {status}); `make figures` rewrites it"
        # A document shows bad use by its one line on standard error.
        assert status == (2 if call.shown.startswith("stlq: ") else 0), call.command
    # The examples in Python come after the commands, whose files they may read.
    monkeypatch.chdir(tmp_path)
    assert doctest.testfile(str(document), module_relative=False).failed == 0


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (console.ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "".join(document.read_text() for document in console.documents())
    asked = set(re.findall(r"(?:`|^\$ )make ([a-z]+)", text, re.MULTILINE))
    assert {"demo", "test", "figures"} <= asked <= targets


def test_documents_show_commands() -> None:
    shown = [call for document in console.documents() for call in console.calls(document.read_text())]
    assert len(shown) >= 20


def test_a_wrong_output_is_seen() -> None:
    good = "pass: 40 sums compared, 0 mismatches\n"
    assert masked(good) == masked(good.replace("40", "1,200"))
    assert masked(good) != masked(good.replace("pass", "FAIL"))


@pytest.mark.parametrize("document", console.documents(), ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name}: {target}"
