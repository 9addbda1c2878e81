"""The page of the register map is the one that follows from the table."""

from verif.docs.registers import PAGE, page


def test_the_page_is_the_tables() -> None:
    assert PAGE.read_text() == page(), "run `python -m verif.docs.registers`"
