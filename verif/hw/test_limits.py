"""The limits of the hardware's sources: short files, short functions, few arguments, nothing chosen late."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES, FUNCTION_LINES, ARGUMENTS = 200, 40, 6


def too_much(source: str) -> Iterator[str]:
    """What is beyond the limits in a source file."""
    lines = len(source.splitlines())
    if lines > LINES:
        yield f"{lines} lines; allowed: {LINES}"
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        length = (node.end_lineno or 0) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{node.name} has {length} lines; allowed: {FUNCTION_LINES}"
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
        if len(arguments) > ARGUMENTS:
            yield f"{node.name} has {len(arguments)} arguments; allowed: {ARGUMENTS}"
        if node.name == "elaborate":
            yield from (f"elaborate calls {ast.unparse(call.func)}" for call in _chosen(node))


def _chosen(function: ast.FunctionDef) -> Iterator[ast.Call]:
    """Calls of what a condition chooses, as in ``(self._one if flag else self._other)(m)``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.IfExp | ast.Subscript):
            yield node


SOURCES = sorted((ROOT / "hw").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_within_the_limits(path: Path) -> None:
    assert list(too_much(path.read_text())) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1\n" * 201, "201 lines; allowed: 200"),
        ("def f():\n" + "    x = 1\n" * 40, "f has 41 lines; allowed: 40"),
        ("def f(a, b, c, d, *, e, g, h): ...\n", "f has 7 arguments; allowed: 6"),
        ("def elaborate(self, p):\n    (self.a if p else self.b)(p)\n", "elaborate calls self.a if p else self.b"),
    ],
)
def test_what_is_beyond_is_found(source: str, complaint: str) -> None:
    assert list(too_much(source)) == [complaint]


def test_a_method_may_have_self_besides() -> None:
    assert list(too_much("class C:\n    def f(self, a, b, c, d, e, g): ...\n")) == []
