"""The prose of a Markdown page: its sentences, and its lines, without code, tables and headings."""

import re
from collections.abc import Iterator

FENCE = re.compile(r"^\s*```.*?^\s*```\s*$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
INLINE = re.compile(r"`[^`]*`")
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
# A colon or a point within a word or a number ends nothing.
ENDS = re.compile(r"[.:;?!]+(?=[\s)\"*]|$)")


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines outside code fences and tables, with their numbers from 1."""
    blank = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for number, line in enumerate(blank.split("\n"), 1):
        if not line.lstrip().startswith("|"):
            yield number, line


def sentences(text: str) -> list[str]:
    """The sentences.  Inline code counts as one word; a link as its text; indented code is left out."""
    blocks: list[str] = [""]
    for _, line in lines(COMMENT.sub("", text)):
        if not line.strip() or line.startswith(("#", "    ")):
            blocks.append("")
        elif ITEM.match(line):
            blocks.append(ITEM.sub("", line))
        else:
            blocks[-1] += f" {line.strip()}"
    plain = (LINK.sub(r"\1", INLINE.sub("code", IMAGE.sub("", block))) for block in blocks)
    return [part for block in plain for sentence in ENDS.split(block) if (part := sentence.strip())]
