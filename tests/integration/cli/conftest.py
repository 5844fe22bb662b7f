"""The sub-commands as an operator types them."""
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir") or ROOT / "_build" / "default")
SECRET = "s3cr3t"


def pytest_configure(config):
    assert (BUILD / "agent" / "nova-migration-agent").exists(), f"build first: nothing in {BUILD}"


class Cli:
    """nova-migration-agent with a configuration of its own below `directory`."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.conf = self.dir / "agent.conf"
        self.nova_conf = self.dir / "nova.conf"
        self.state, self.run_dir = self.dir / "state", self.dir / "run"
        self.state.mkdir()
        self.run_dir.mkdir()
        self.write()

    def write(self, url=f"rabbit://nova:{SECRET}@127.0.0.1:1/", nova="", own=""):
        self.nova_conf.write_text(
            f"[DEFAULT]\ntransport_url = {url}\nhost = compute-1\n"
            f"[libvirt]\nconnection_uri = test:///default\n{nova}")
        self.conf.write_text(
            f"[agent]\nstate_dir = {self.state}\nrun_dir = {self.run_dir}\n"
            f"[nova]\nconfig_files = {self.nova_conf}\n{own}")

    def __call__(self, command, *args, config=True, timeout=60):
        where = ["--config-file", str(self.conf)] if config else []
        done = subprocess.run([BUILD / "agent" / "nova-migration-agent", command, *where, *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        assert SECRET not in done.stdout + done.stderr
        return done


@pytest.fixture
def cli(tmp_path):
    # a socket's path holds 107 bytes: pytest's own directories are too deep on some machines
    return Cli(tmp_path)


class Answers:
    """Serves the control socket with ready answers, for what the sub-commands make of them."""

    def __init__(self, path, answer):
        self.requests, self.answer = [], answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                self.requests.append(json.loads(lines.readline()))
                text = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode() + b"\n"
                client.sendall(text)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def answering(cli):
    """answering(answer) -> Answers at the place where the sub-commands ask."""
    made = []

    def make(answer):
        made.append(Answers(cli.run_dir / "control", answer))
        return made[-1]

    yield make
    for answers in made:
        answers.close()
