"""docs/first-backend.md, executed: every block, in order, in an empty environment.

`...` in what it says is printed stands for anything.
"""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.documents import BLOCKS, name_of

PAGE = "docs/first-backend.md"
MARK = "-- end of a block --"


def steps():
    """What is done, in order: [shell code, what it has to print; None where the page does not say]."""
    done = []
    for block in BLOCKS:
        if name_of(block.page) != PAGE:
            continue
        if block.language == "sh":
            done.append([block.text, None])
        elif block.mark.startswith("file "):
            path = shlex.quote(block.mark.removeprefix("file "))
            code = f"mkdir -p $(dirname {path})\ncat > {path} <<'END OF FILE'\n{block.text}END OF FILE\n"
            done.append([code, ""])
        else:
            assert block.language == "text", f"{block.label} is not executed"
            assert done[-1][1] is None, f"{block.label} is the output of nothing"
            done[-1][1] = block.text
    return done


def test_page_has_what_it_is_about():
    code = "".join(text for text, _ in steps())
    assert all(
        told in code
        for told in ("lok plugin new backend", "\npytest\n", "pip wheel", "other/bin/lok ask -b parrot")
    )


@pytest.mark.slow
def test_stranger_who_follows_it_gets_what_it_says(new_place):
    place = new_place()
    python = place.folder / "system/python3"  # that of the page, before there is an environment
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    script = "".join(f"{code}echo '{MARK}'\n" for code, _ in steps())
    done = subprocess.run(
        ["sh", "-e"],
        input=script,
        env=place.env | {"PATH": f"{python.parent}:{os.defpath}"},
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    printed = done.stdout.split(f"{MARK}\n")
    for (code, told), found in zip(steps(), printed, strict=False):
        if told is not None:
            pattern = ".*".join(map(re.escape, told.split("...")))
            assert re.fullmatch(pattern, found, re.DOTALL), f"{code}\nprinted\n{found}\nand not\n{told}"
