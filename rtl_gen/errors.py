"""The two ways in which a command ends without doing its work."""

from sw_ref.messages import shorten


class UsageError(ValueError):
    """The user asked for something that is not allowed: exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class CheckError(Exception):
    """A check failed, or a tool is missing or broke: exit status 1."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))
