"""The commands that `explore` tells: they say again exactly what was asked for."""

import argparse
import shlex

import pytest

from rtl_gen import convert
from rtl_gen.explore import command


def parsed(add_arguments, words: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return vars(parser.parse_args(words))


DATA = ("--mean", "123.456789,1e-7,0.1234567", "--std", "1,2,3.00000001", "--samples", "7", "--labels", "l.npy")


@pytest.mark.parametrize("means", [(), ("--mean=-0.5,1,-1e-300",), ("--mean", "nan,inf,0.1")])
def test_the_command_says_all_numbers_exactly(means: tuple[str, ...]) -> None:
    words = ["net.onnx", "--calibrate", "pictures", *DATA, *means, "--out", "o"]
    args = parsed(
        command.add_arguments, [*words, "--bits", "3,4", "--ratio", "0.1234567", "--min-accuracy", "66.123456"]
    )
    stlq, explore, *told = shlex.split(command.command(argparse.Namespace(**args)))
    assert (stlq, explore) == ("stlq", "explore")
    assert str(parsed(command.add_arguments, told) | {"out": None}) == str(args | {"out": None})
    stlq, name, *told = shlex.split(command.converting(argparse.Namespace(**args)))
    assert (stlq, name) == ("stlq", "convert")
    shared = parsed(convert.add_arguments, [*told, "--out", "o"])
    again = parsed(convert.add_arguments, words)
    assert {name: str(shared[name]) for name in again} == {name: str(value) for name, value in again.items()}
