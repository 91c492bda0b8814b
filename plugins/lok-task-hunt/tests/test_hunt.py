"""Hunt keeps the contract of all tasks."""

import pytest
from lok_task_hunt import Hunt

from lok_core.testing import TaskContract


class TestHunt(TaskContract):
    @pytest.fixture
    def task(self):
        return Hunt()
