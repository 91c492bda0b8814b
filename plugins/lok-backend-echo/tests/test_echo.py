"""Echo keeps the contract of all backends."""

import pytest
from lok_backend_echo import Echo

from lok_core.testing import BackendContract


class TestEcho(BackendContract):
    @pytest.fixture
    def backend(self):
        return Echo("echo", Echo.Config())
