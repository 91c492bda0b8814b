"""The page keeps the contract of all renderers."""

import pytest
from lok_render_html import HtmlRenderer

from lok_core.testing import RendererContract


@pytest.mark.slow
class TestHtml(RendererContract):
    @pytest.fixture
    def renderer(self):
        return HtmlRenderer()
