"""The two ways in which a command ends without doing its work."""


class BadUse(ValueError):
    """The user asked for something that is not allowed: exit status 2."""


class CheckFailed(Exception):
    """A check failed, or a tool is missing or broke: exit status 1."""
