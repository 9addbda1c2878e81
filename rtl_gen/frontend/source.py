"""ONNX files as they come: loaded without trust."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtl_gen.errors import UsageError
from rtl_gen.extras import missing

# What the readers of protobuf, of tensors and of external data raise for a damaged file.
DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RuntimeError)


def load(path: Path) -> Any:
    """The model of an ONNX file, its functions inlined; external data stays where it is until it is read.

    Raises :class:`UsageError` for a file that is missing or damaged, :class:`CheckError` if `onnx` is.
    """
    onnx = library("onnx")
    library("onnx.inliner")
    DecodeError = library("google.protobuf.message").DecodeError  # noqa: N806 (a class)
    if not path.is_file():
        raise UsageError(f"network is {path}: no such file; allowed: an ONNX file, or the folder of an export")
    try:
        model = onnx.load(os.fspath(path), load_external_data=False)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except (DecodeError, onnx.checker.ValidationError, *DAMAGE) as error:
        raise UsageError(f"network {path} is damaged: not an ONNX model: {first_line(error)}") from error
    except OSError as error:
        raise UsageError(f"network is {path}: {error.strerror or error}; allowed: a file that can be read") from error
    if not model.graph.node:
        raise UsageError(f"network {path} is damaged: it holds no nodes; allowed: an ONNX model with one or more")
    for name in _names(model.graph):
        # One that is no UTF-8 reaches us as bytes.
        if isinstance(name, bytes):
            raise UsageError(f"network {path} is damaged: a name is {name!a}; allowed: UTF-8")
    return model


def _names(graph: Any) -> Iterator[Any]:
    """All names in a graph, and in those of its branches."""
    for item in (*graph.initializer, *graph.input, *graph.output):
        yield item.name
    for proto in graph.node:
        yield from (proto.name, proto.op_type, proto.domain, *proto.input, *proto.output)
        for attribute in proto.attribute:
            yield attribute.name
            if attribute.HasField("g"):
                yield from _names(attribute.g)


def library(name: str) -> Any:
    """A library of the extra `onnx`. Raises :class:`CheckError` saying how to install it."""
    import importlib

    try:
        return importlib.import_module(name)
    except Exception as error:  # a module may raise whatever it meets; no file of the user's is to blame
        # A compiled module that is interrupted while it loads says that it cannot.
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        wrong = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
        raise missing(name, wrong) from None


def type_name(kind: int) -> str:
    """The name of a type of tensors, by its number in ONNX."""
    names = {number: name for name, number in library("onnx").TensorProto.DataType.items()}
    return names.get(kind, f"type {kind}") if kind else "no tensor"


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators."""
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    latest = library("onnx").defs.onnx_opset_version()
    if not versions or not 1 <= versions[0] <= latest:
        raise UsageError(f"network has opset {versions[0] if versions else None}; allowed: 1 to {latest}")
    return versions[0]


def first_line(error: BaseException) -> str:
    """The first line of an error's message; its type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
