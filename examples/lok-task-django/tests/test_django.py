"""The pack keeps the contract of all tasks, and each prompt asks for evidence."""

import lok_task_django
import pytest

from lok_core.testing import TaskContract, load_plugin


@pytest.fixture
def django():
    (offered,) = load_plugin(lok_task_django)
    return offered()


class TestDjango(TaskContract):
    @pytest.fixture
    def task(self, django):
        return django


def test_each_prompt_wants_a_place_and_its_line(django):
    for prompt in django.prompts:
        text = " ".join(prompt.text.split())
        assert "the file and the line" in text, prompt.name
        assert "copied exactly" in text, prompt.name
        assert "{facts}" in text, prompt.name


def test_nothing_is_asked_of_a_project_without_django(django):
    assert all(prompt.when for prompt in django.prompts)
