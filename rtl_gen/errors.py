"""The two ways in which a command ends without doing its work."""


class UsageError(ValueError):
    """The user asked for something that is not allowed: exit status 2."""


class CheckError(Exception):
    """A check failed, or a tool is missing or broke: exit status 1."""
