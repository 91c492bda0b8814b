"""Logs of the SARIF renderer before judges from elsewhere: Microsoft's validator, sarif-tools."""

import json

import pytest
from attrs import evolve
from lok_render_sarif import SarifRenderer

from lok_core import View
from lok_core.testing import sample_reports

from . import sarif_validator

pytestmark = pytest.mark.slow
MISSING_ADDRESS = "SARIF2005", "does not provide 'informationUri'"


@pytest.fixture
def validated(tmp_path):
    """Writes the logs and tells what the validator says of them, as errors and warnings."""
    if sarif_validator.find() is None:
        pytest.skip(f"no validator in {sarif_validator.folder()}; tests/sarif_validator.py installs it")

    def validate(logs):
        files = [tmp_path / f"{name}.sarif" for name in logs]
        for file, log in zip(files, logs.values(), strict=True):
            file.write_text(log)
        return sarif_validator.complaints(files, tmp_path / "complaints.json")

    return validate


def log(report):
    return "".join(SarifRenderer().render(report, View()))


def is_missing_address(complaint):
    rule, words = MISSING_ADDRESS
    return complaint.level == "warning" and complaint.rule == rule and words in complaint.message


def test_the_validator_has_no_word_against_any_sample_but_the_missing_address(validated):
    logs = {name: log(report) for name, report in sample_reports().items()}
    complaints = validated(logs)
    assert [complaint for complaint in complaints if not is_missing_address(complaint)] == []
    assert {complaint.file for complaint in complaints} == {f"{name}.sarif" for name in logs}


def test_the_validator_does_find_what_is_wrong(validated):
    broken = json.loads(log(sample_reports()["panel"]))
    broken["runs"][0]["results"][0]["locations"] = []
    assert "error" in {complaint.level for complaint in validated({"broken": json.dumps(broken)})}


@pytest.mark.parametrize("name", sample_reports())
def test_sarif_tools_read_as_many_results_as_there_are_places(name, tmp_path):
    loader = pytest.importorskip("sarif.loader")
    report = sample_reports()[name]
    file = tmp_path / "log.sarif"
    file.write_text(log(report))
    read = loader.load_sarif_file(str(file))
    written = json.loads(file.read_text())["runs"][0]["results"]
    assert read.get_result_count() == len(written)
    assert read.get_distinct_tool_names() == ["lok"]


def test_sarif_tools_read_place_and_severity(tmp_path):
    loader = pytest.importorskip("sarif.loader")
    report = sample_reports()["panel"]
    file = tmp_path / "log.sarif"
    file.write_text(log(evolve(report, findings=report.findings[:1])))
    (record,) = loader.load_sarif_file(str(file)).get_records()
    assert (record["Severity"], record["Location"], record["Line"]) == ("error", "app.py", 3)
