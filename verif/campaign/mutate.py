"""`python -m verif.campaign.mutate FILE...`: mutants of sources, in their place; prints what each one changes.

A mutant is chosen as mutmut does it. Besides mutmut's faults there are those of hardware. To be run in a copy of the
project: the files are written anew.
"""

import json
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Any

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.mutators import mutation_operators

from verif.campaign.operators import OPERATORS


def mutate(path: str) -> dict[str, str]:
    """Write all mutants of a file into it; returns the diff of each one's function, by its name."""
    found = mutate_file_contents(path, Path(path).read_text())
    Path(path).write_text(found.code)
    lines, module = found.code.splitlines(), path.removesuffix(".py").replace("/", ".")
    functions = {
        name: "\n".join(lines[span.start - 1 : span.end]).replace(name, "function").splitlines()
        for name, span in found.line_span_by_function_name.items()
    }
    return {
        f"{module}.{name}": "\n".join(
            unified_diff(functions[name.rpartition("_mutmut_")[0] + "_mutmut_orig"], functions[name], lineterm="")
        )
        for name in found.mutant_names
    }


if __name__ == "__main__":
    operators: Any = mutation_operators
    operators.extend(OPERATORS)
    json.dump({name: diff for path in sys.argv[1:] for name, diff in mutate(path).items()}, sys.stdout)
