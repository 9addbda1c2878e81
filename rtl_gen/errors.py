"""The two ways in which a command ends without doing its work."""

from sw_ref.messages import LIMIT, shorten


class UsageError(ValueError):
    """The user asked for something that is not allowed: exit status 2.

    `limit`: characters that the message may have; more where it lists what a user must see all of.
    """

    def __init__(self, message: str, limit: int = LIMIT) -> None:
        super().__init__(shorten(message, limit))


class CheckError(Exception):
    """A check failed, or a tool is missing or broke: exit status 1."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class FitError(CheckError):
    """The design does not suit the technology: it is larger than the device, or a memory of it has no block."""


class TimeLimitError(CheckError):
    """A tool did not end within its time."""
