"""Help, wrong usage, exit statuses."""
import subprocess

import pytest

from cli import AGENT

COMMANDS = ("run", "check-config", "status", "health", "history", "log-level")


def agent(*args, **kwargs):
    return subprocess.run([AGENT, *args], capture_output=True, text=True,
                          timeout=20, **kwargs)


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_names_every_command(word):
    done = agent(word)
    assert done.returncode == 0 and done.stderr == ""
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    done = agent(command, "--help")
    assert done.returncode == 0
    assert f"nova-migration-agent {command}" in done.stdout and "--config-file" in done.stdout


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(word):
    done = agent(word)
    assert done.returncode == 0 and done.stdout.startswith("nova-migration-agent ")


@pytest.mark.parametrize("args", [(), ("jump",), ("status", "--jason"), ("status", "word"),
                                  ("log-level", "info", "debug"), ("health", "--config-file")])
def test_wrong_usage_is_2_and_says_so_on_stderr(args):
    done = agent(*args)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([AGENT, "help"], stdout=full,
                              stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 1 and b"cannot write" in done.stderr
