"""Whether a folder or a file may be loaded: only its user, or the administrator, may have written it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

ADMINISTRATOR = 0


def objection(path: Path) -> str | None:
    """Returns why a path without symbolic links could have been written by somebody else; None: it could not.

    A folder above may be writable by others where nobody can rename what is not his own, as in /tmp.
    """
    for one in (path, *path.parents):
        found = os.lstat(one)
        if stat.S_ISLNK(found.st_mode):
            return f"{one} is a symbolic link"
        if found.st_uid not in (os.getuid(), ADMINISTRATOR):
            return f"{one} belongs to the user {found.st_uid}"
        others = stat.S_IWGRP | stat.S_IWOTH if one is path else stat.S_IWOTH
        if found.st_mode & others and (one is path or not found.st_mode & stat.S_ISVTX):
            return f"{one} can be written by others"
    return None
