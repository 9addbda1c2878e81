"""What a driver must know of a network, as a C header."""

from collections.abc import Iterator, Sequence

from rtl_gen.driver.stlq import Interface, Tensor

HEAD = """\
/* A network on an STLQ engine: lengths in bytes, and where the codes of each tensor are. */
#ifndef STLQ_NETWORK_H
#define STLQ_NETWORK_H
"""


def network_header(interface: Interface) -> str:
    """Lengths of the ranges, and for each input and output an initializer of the driver's `stlq_tensor`."""
    lines = [
        f"#define STLQ_ENGINE_DIGEST 0x{interface.digest:08x}u",
        f"#define STLQ_PROGRAM_BYTES {interface.program_bytes}u",
        f"#define STLQ_CODE_BYTES {interface.code_bytes}u",
        f"#define STLQ_HIGHEST_CODE {interface.highest_code}u",
        *_tensors("INPUTS", interface.inputs, interface.inputs_bytes),
        *_tensors("OUTPUTS", interface.outputs, interface.outputs_bytes),
    ]
    return "\n".join([HEAD, *lines, "", "#endif", ""])


def _tensors(kind: str, tensors: Sequence[Tensor], size: int) -> Iterator[str]:
    """In the order of the struct: offset, codes, step, zero."""
    yield f"#define STLQ_{kind}_BYTES {size}u"
    rows = []
    for tensor in tensors:
        yield f"/* {_printable(tensor.name)}: {' x '.join(map(str, tensor.shape))} */"
        rows.append(f" \\\n    {{{tensor.offset}u, {tensor.codes}u, {tensor.step!r}f, {tensor.zero}}},")
    yield f"#define STLQ_{kind} {{{''.join(rows)} \\\n}}"


def _printable(name: str) -> str:
    """A name that ends no comment."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-. ") else "_" for letter in name)
