"""The design space of a network: the command `explore`, and the page that shows what it found."""

from rtl_gen.explore.command import EXAMPLE, SUMMARY, add_arguments, run

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]
