"""Faults that hardware has besides those of mutmut: statements lost, values stuck, conditions and cycles wrong."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import libcst as cst
from libcst import matchers as m

DOMAIN = m.Attribute(value=m.Attribute(attr=m.Name("d")))
"""`m.d.comb`, `m.d.sync`: what a statement is added to."""


def lost(node: cst.AugAssign) -> Iterator[cst.CSTNode]:
    """One of the statements is not there."""
    if not m.matches(node.target, DOMAIN):
        return
    statements = node.value.elements if isinstance(node.value, cst.List) else ()
    for index in range(max(len(statements), 1)):
        kept = [statement for at, statement in enumerate(statements) if at != index]
        yield node.with_changes(value=cst.List(kept))


def stuck(node: cst.Call) -> Iterator[cst.CSTNode]:
    """What is assigned is 0, or inverted."""
    if m.matches(node, m.Call(func=m.Attribute(attr=m.Name("eq")), args=[m.Arg()])):
        (arg,) = node.args
        yield node.with_changes(args=[arg.with_changes(value=cst.Integer("0"))])
        yield node.with_changes(args=[arg.with_changes(value=cst.UnaryOperation(cst.BitInvert(), _grouped(arg.value)))])


def turned(node: cst.Call) -> Iterator[cst.CSTNode]:
    """A condition always holds, or where it should not; a multiplexer's inputs are exchanged."""
    if m.matches(node, m.Call(func=m.Attribute(attr=m.Name("If") | m.Name("Elif")), args=[m.Arg()])):
        (arg,) = node.args
        equal = cst.ComparisonTarget(cst.Equal(), cst.Integer("0"))
        yield node.with_changes(args=[arg.with_changes(value=cst.Integer("1"))])
        yield node.with_changes(args=[arg.with_changes(value=cst.Comparison(_grouped(arg.value), [equal]))])
    if m.matches(node, m.Call(func=m.Name("Mux"), args=[m.Arg(), m.Arg(), m.Arg()])):
        select, high, low = node.args
        yield node.with_changes(args=[select, high.with_changes(value=low.value), low.with_changes(value=high.value)])


def shifted(node: cst.Arg) -> Iterator[cst.CSTNode]:
    """A constant of the configuration, such as a number of cycles, is one more or less."""
    if m.matches(node.value, m.Name(m.MatchRegex("[A-Z][A-Z_]+$"))):
        for operator in (cst.Add(), cst.Subtract()):
            yield node.with_changes(value=cst.BinaryOperation(node.value, operator, cst.Integer("1")))


def _grouped(value: cst.BaseExpression) -> cst.BaseExpression:
    return value.with_changes(lpar=[cst.LeftParen(), *value.lpar], rpar=[*value.rpar, cst.RightParen()])


OPERATORS: tuple[tuple[type, Callable[[Any], Iterable[cst.CSTNode]]], ...] = (
    (cst.AugAssign, lost),
    (cst.Call, stuck),
    (cst.Call, turned),
    (cst.Arg, shifted),
)
"""As mutmut's own: a kind of node, and what may stand in its place."""
