"""Audit keeps the contract of all tasks."""

import pytest
from lok_task_audit import Audit

from lok_core.testing import TaskContract


class TestAudit(TaskContract):
    @pytest.fixture
    def task(self):
        return Audit()
