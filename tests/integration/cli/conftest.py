"""The sub-commands as an operator types them."""
import json
import socket
import threading

import pytest

from cli import Cli


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
                try:
                    client.sendall(text)
                except BrokenPipeError:  # it has had enough
                    pass

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
