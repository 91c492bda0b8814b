"""Static keeps the contract of all backends, as far as it is about those that run no program of a user's."""

import pytest
from lok_backend_static import lok_register_backends

from lok_core import NoConfig
from lok_core.testing import BackendContract


@pytest.mark.slow
class TestStatic(BackendContract):
    @pytest.fixture
    def backend(self):
        (kind,) = lok_register_backends()
        return kind("static", NoConfig())
