"""What is said of bad input: escapes for what could move a cursor, and the middle left out of what is long."""

import pytest

from sw_ref.messages import LIMIT, printable, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("Übung", "Übung"),
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\u202eb", r"a\u202eb"),
        ("it's\n", r"it's\n"),
        ("", ""),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_middle_of_a_long_message_is_left_out() -> None:
    message = "".join(chr(0x4E00 + index) for index in range(LIMIT + 1))
    assert shorten(message) == f"{message[:295]} ... {message[-300:]}"
    assert shorten(message[1:]) == message[1:]
    assert shorten("0123456789abcdef", 12) == "0 ... abcdef"
