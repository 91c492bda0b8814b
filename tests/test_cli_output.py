"""Files that lok writes for its user: where, and where not."""

import fcntl
import os
import subprocess
import sys
import threading

import pytest

from lok_core.cli import output
from lok_core.cli.output import write_file
from lok_core.testing import run_lok

ECHO = ["ask", "-q", "-b", "echo", "q"]
SAID = "=== ECHO ===\nq\n\n"


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A home, with a checkout in it as the working directory, and an outside."""
    for name in ("home/code/src", "outside"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "code")
    return tmp_path


def refused(path, directory=None):
    with pytest.raises(OSError, match="leads out of") as error:
        write_file(path, "report", directory)
    return str(error.value.strerror)


@pytest.fixture
def path(world):
    return type(world)


def test_a_file_that_is_a_link_out_of_the_checkout_is_refused(world, path):
    (world / "home" / ".bashrc").write_text("mine")
    path("report.json").symlink_to(world / "home" / ".bashrc")
    assert refused(path("report.json")) == (
        f"a link leads out of {world / 'home'}/code, to {world / 'home'}/.bashrc"
    )
    refused(world / "home" / "code" / "report.json")
    assert (world / "home" / ".bashrc").read_text() == "mine"


def test_a_link_to_what_does_not_exist_is_refused_as_well(world, path):
    path("report.json").symlink_to(world / "outside" / "new")
    refused(path("report.json"))
    assert not (world / "outside" / "new").exists()


def test_a_folder_that_is_a_link_out_of_the_checkout_is_refused(world, path):
    path("out").symlink_to("../../outside")
    refused(path("out/report.json"))
    refused(path("src/../out/report.json"))
    assert not list((world / "outside").iterdir())


def test_a_link_that_is_met_by_a_link_is_seen(world, path):
    path("first").symlink_to("second")
    path("second").symlink_to("/")
    refused(path("first/tmp/report.json"))


def test_a_link_out_of_the_directory_that_the_run_is_about_is_refused(world, path, monkeypatch):
    path("out").symlink_to(world / "outside")
    monkeypatch.chdir(world / "outside")
    refused(world / "home" / "code" / "out" / "report.json", world / "home" / "code")
    write_file(world / "home" / "code" / "out" / "report.json", "report")  # it is not about that directory
    assert (world / "outside" / "report.json").read_text() == "report"


def test_a_link_that_leads_back_in_is_no_way_out(world, path):
    path("up").symlink_to("..")
    refused(path("up/code/report.json"))


def test_a_link_within_the_checkout_is_followed(world, path):
    path("report.json").symlink_to("src/report.json")
    path("out").symlink_to("src")
    write_file(path("report.json"), "one")
    write_file(path("out/two.json"), "two")
    assert path("report.json").is_symlink()
    assert path("src/report.json").read_text() == "one"
    assert path("src/two.json").read_text() == "two"


def test_the_users_own_links_are_followed(world, path):
    (world / "home" / "reports").symlink_to(world / "outside")
    write_file(world / "home" / "reports" / "one.json", "one", path.cwd())
    write_file(path("../reports/two.json"), "two", path.cwd())
    assert sorted(file.name for file in (world / "outside").iterdir()) == ["one.json", "two.json"]


def test_a_checkout_behind_a_link_is_no_trouble(world, path):
    (world / "alias").symlink_to(world / "home" / "code")
    write_file(world / "alias" / "report.json", "one", world / "alias")
    assert path("report.json").read_text() == "one"
    path("out").symlink_to(world / "outside")
    refused(world / "alias" / "out" / "report.json", world / "alias")


def test_links_in_the_home_are_the_users_even_where_lok_is_started_there(world, monkeypatch, path):
    (world / "home" / "reports").symlink_to(world / "outside")
    monkeypatch.chdir(world / "home")
    write_file(path("reports/one.json"), "one", path.cwd())
    assert (world / "outside" / "one.json").read_text() == "one"


def test_a_path_may_lead_up_if_it_says_so(world, path):
    write_file(path("../report.json"), "one")
    assert (world / "home" / "report.json").read_text() == "one"


def test_a_pipe_that_nobody_reads_holds_nobody_up(world, path):
    os.mkfifo("report.json")
    with pytest.raises(OSError, match="nobody reads from it"):
        write_file(path("report.json"), "one")


def test_a_pipe_that_somebody_reads_gets_the_report(world, path):
    os.mkfifo("report.json")
    reader = os.open("report.json", os.O_RDONLY | os.O_NONBLOCK)
    write_file(path("report.json"), "one")
    assert os.read(reader, 10) == b"one"
    os.close(reader)


def test_a_name_of_the_greatest_length_is_written(world, path):
    write_file(path("r" * 255), "one")
    assert path("r" * 255).read_text() == "one"


def test_a_failure_leaves_the_old_file_and_no_other(world, path, monkeypatch):
    path("report.json").write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_file(path("report.json"), "new")
    assert path("report.json").read_text() == "old"
    assert sorted(os.listdir()) == ["report.json", "src"]


# As a user meets it.


@pytest.fixture
def lok(world):
    env = {"HOME": str(world / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return lambda *args, **options: run_lok(args, env=env, cwd=world / "home" / "code", **options)


def test_a_planted_link_is_told_and_the_report_is_printed(world, lok, path):
    (world / "home" / ".bashrc").write_text("mine")
    path("report.json").symlink_to(world / "home" / ".bashrc")
    done = lok(*ECHO, "-o", "report.json")
    assert (done.code, done.stdout) == (2, SAID)
    assert done.stderr == (
        f"error: report.json could not be written: a link leads out of {world / 'home'}/code, to "
        f"{world / 'home'}/.bashrc\nhint: the report is on standard output\n"
    )
    assert (world / "home" / ".bashrc").read_text() == "mine"


def test_a_planted_folder_of_the_target_is_refused_from_elsewhere(world, lok, path):
    path("src/out").symlink_to(world / "outside")
    done = lok(*ECHO, "-d", "src", "-o", f"{world / 'home'}/code/src/out/report.json")
    assert (done.code, done.stdout) == (2, SAID)
    assert not list((world / "outside").iterdir())


def test_a_baseline_is_not_written_through_a_planted_link(world, lok, path):
    path("baseline.json").symlink_to(world / "outside" / "new")
    path("src/app.py").write_text("def broken():\n    return nowhere\n")
    done = lok("hunt", "src", "-q", "-b", "static", "--baseline", "baseline.json", "--update-baseline")
    assert done.code == 2
    assert "the baseline baseline.json cannot be read: a link leads out of" in done.stderr
    assert not list((world / "outside").iterdir())


def test_a_baseline_is_not_read_through_a_planted_link(world, lok, path):
    (world / "outside" / "own.json").write_text("{}")
    path("baseline.json").symlink_to(world / "outside" / "own.json")
    done = lok("hunt", "src", "-q", "-b", "static", "--baseline", "baseline.json")
    assert (done.code, done.stdout) == (2, "")
    assert "the baseline baseline.json cannot be read: a link leads out of" in done.stderr


def test_a_baseline_that_is_a_fifo_is_not_waited_for(lok, path):
    os.mkfifo(path("baseline.json"))
    done = lok("hunt", "src", "-q", "-b", "static", "--baseline", "baseline.json")
    assert (done.code, done.stdout) == (2, "")
    assert "the baseline baseline.json cannot be read: it is no regular file" in done.stderr


def test_init_does_not_write_through_a_planted_link(world, lok, path):
    path("sub").symlink_to(world / "outside")
    done = lok("init", "sub")
    assert (done.code, done.stdout) == (2, "")
    assert "lok.toml cannot be written: a link leads out of" in done.stderr
    assert not list((world / "outside").iterdir())


def test_standard_output_can_be_named(lok):
    done = lok(*ECHO, "-o", "/dev/stdout")
    assert (done.code, done.stdout) == (0, SAID)


# Where standard output and standard error are odd.

LONG = "word " * 60_000


def odd(world, *args, before=None, **streams):
    """A lok that says a lot, and what it wrote to a small pipe that is read with pauses."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    env = {
        "HOME": str(world / "home"),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        **streams.pop("env", {}),
    }
    if before:
        before(writer)
    command = [sys.executable, "-m", "lok_core", *args]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=writer, **streams) as process:
        os.close(writer)
        feeding = threading.Thread(target=process.communicate, args=(LONG.encode(),))
        feeding.start()
        said = b"".join(iter(lambda: os.read(reader, 65536), b""))
        feeding.join()
    os.close(reader)
    return process.returncode, said.decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")
@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_long_report_is_written_whole_to_a_small_pipe(world, env, blocking):
    code, said = odd(
        world, "ask", "-q", "-b", "echo", "-", env=env, before=lambda pipe: os.set_blocking(pipe, blocking)
    )
    assert (code, said) == (0, f"=== ECHO ===\n{LONG.strip()}\n\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_standard_error_that_is_full_leaves_the_exit_code_alone(world):
    with open("/dev/full", "wb") as full:
        code, said = odd(world, "ask", "-b", "echo", "-", stderr=full)
    assert code == 0
    assert said.startswith("=== ECHO ===\nword")
