"""``python -m rtl_gen``."""

import sys

from rtl_gen.cli import main

if __name__ == "__main__":
    sys.exit(main())
