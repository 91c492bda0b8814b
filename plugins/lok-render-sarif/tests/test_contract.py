"""The log keeps the contract of all renderers."""

import pytest
from lok_render_sarif import SarifRenderer

from lok_core.testing import RendererContract


@pytest.mark.slow
class TestSarif(RendererContract):
    @pytest.fixture
    def renderer(self):
        return SarifRenderer()
