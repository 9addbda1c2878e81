"""The words of messages: names that stay printable, lengths that stay short, and numbers of things."""

LIMIT = 600  # characters: more than any message about sound input takes


def printable(text: str) -> str:
    """`text` with what could move a terminal's cursor, or hide, as escapes.

    >>> printable("a" + chr(10) + "b") == "a" + chr(92) + "nb"
    True
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shorten(message: str, limit: int = LIMIT) -> str:
    """`message`, without its middle if it has more than `limit` characters: too many for a line to be read.

    >>> len(shorten("name " + "x" * 10**6 + " is too long")), shorten("name is short")
    (600, 'name is short')
    """
    if len(message) <= limit:
        return message
    half = limit // 2
    return f"{message[: half - 5]} ... {message[-half:]}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """So many things; `many`: their plural, where it is not `one` with an s.

    >>> counted(1, "image"), counted(1200, "image"), counted(0, "mismatch", "mismatches")
    ('1 image', '1,200 images', '0 mismatches')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
