"""Messages about bad input stay short, however long the input is."""

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
