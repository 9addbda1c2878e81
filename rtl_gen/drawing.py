"""What all pictures that matplotlib draws have in common."""

import importlib.util
import io
import warnings
from typing import TYPE_CHECKING

from rtl_gen.extras import missing
from sw_ref.messages import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME_LENGTH = 40


def check_drawing() -> None:
    """Raises :class:`CheckError` if nothing can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise missing("matplotlib")


def label(name: str) -> str:
    """A name that the user chose, as a text of matplotlib: the end of a long one, and no dollar sign starts a formula.

    >>> label("$a_$"), label("layer" * 10)
    ('\\\\$a_\\\\$', '...erlayerlayerlayerlayerlayerlayerlayer')
    """
    text = printable(name)
    # The start of long names is what all have in common.
    text = text if len(text) <= NAME_LENGTH else f"...{text[3 - NAME_LENGTH :]}"
    return text.replace("$", r"\$")


def saved(figure: "Figure", kind: str, salt: str) -> bytes:
    """A figure as `kind`, "png" or "svg"; the same figure with the same `salt` gives the same bytes."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with rc_context({"svg.hashsalt": salt}), warnings.catch_warnings():
        # A letter that the font lacks is a box, or is left to the font of whoever looks at it.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return drawn.getvalue()
