"""`python -m schemas.native`: compiles if need be and says what there is; exit code 1 without compiled code."""

from __future__ import annotations

import sys

from schemas.native.loading import loaded


def main() -> int:
    """Returns 0 where compiled code is used."""
    found = loaded()
    print(found.told)
    return 0 if found.compiled else 1


if __name__ == "__main__":
    sys.exit(main())
