"""The programs of two recipes through lok, against the fake provider; `recipes.py` tries the others'."""

import pytest

from . import clis
from .recipe_cases import CASES, ready
from .recipe_programs import IN_CI, PROGRAMS, find


@pytest.mark.e2e
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", IN_CI)
def test_a_recipe_keeps_what_it_promises(name, case):
    if find(name) is None:
        package, version = PROGRAMS[name][:2]
        pytest.skip(f"{package} {version} is not in {clis.folder()}; tests/e2e/clis.py installs it")
    with ready(name) as recipe:
        CASES[case](recipe)
