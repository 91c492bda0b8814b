"""Where the analysers are: beside the Python that runs lok, else on the PATH."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping

PROGRAMS = ("ruff", "ast-grep")
INSTALL = "pip install --force-reinstall lok-backend-static"


def find(program: str, env: Mapping[str, str]) -> str | None:
    """The absolute path of the program, or None.

    The scripts folder of this Python comes first: the versions there are the ones that the rules were
    written for.
    """
    folders = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    # An empty or relative entry would be looked up in whatever folder lok was started from.
    folders += [folder for folder in env.get("PATH", "").split(os.pathsep) if os.path.isabs(folder)]
    return shutil.which(program, path=os.pathsep.join(folders))


def missing(env: Mapping[str, str]) -> list[str]:
    """The names of the programs that are not there."""
    return [program for program in PROGRAMS if find(program, env) is None]
