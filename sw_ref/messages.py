"""What is said of bad input stays short, however long the input is."""

LIMIT = 600  # characters: more than any message about sound input takes


def shorten(message: str) -> str:
    """`message`, without its middle if it is too long for a line to be read.

    >>> len(shorten("name " + "x" * 10**6 + " is too long")), shorten("name is short")
    (600, 'name is short')
    """
    if len(message) <= LIMIT:
        return message
    half = LIMIT // 2
    return f"{message[: half - 5]} ... {message[-half:]}"
