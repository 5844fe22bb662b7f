"""The agents under test: one nova-migration-agent beside each host's nova-compute."""

import json
import os
import signal
import subprocess

from .process import LabError, Process, wait_for

_NOVA_CONF = """[DEFAULT]
host = {host}
transport_url = {url}
reserved_host_memory_mb = {reserved}
[libvirt]
connection_uri = {libvirt_uri}
[oslo_messaging_rabbit]
amqp_durable_queues = false
"""

_AGENT_CONF = """[agent]
state_dir = {directory}/state
run_dir = {directory}/run
metrics_file = {directory}/metrics.prom
[nova]
config_files = {directory}/nova.conf
[reports]
progress_interval_ms = {progress_ms}
{extra}
"""


def build_directory():
    """Where the programs under test are: make sets top_builddir, a person runs ./bootstrap first."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.environ.get("top_builddir") or os.path.join(here, "_build", "default")


class Agent:
    """`clock_shift_s` moves the wall clock that this agent sees (libfaketime)."""

    def __init__(self, directory, host, libvirt_uri, url, clock_shift_s=0, progress_ms=200, reserved_mib=0,
                 extra=""):
        self.directory, self.host = directory, host
        self.log = os.path.join(directory, "agent.log")
        self.config = os.path.join(directory, "nova-migration-agent.conf")
        self.binary = os.path.join(build_directory(), "nova-migration-agent")
        self.clock_shift_s = clock_shift_s
        self.process = None
        for name in ("state", "run"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        self._write("nova.conf", _NOVA_CONF.format(host=host, url=url, libvirt_uri=libvirt_uri,
                                                   reserved=reserved_mib))
        self._write("nova-migration-agent.conf",
                    _AGENT_CONF.format(directory=directory, progress_ms=progress_ms, extra=extra))

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as conf:
            conf.write(text)

    def _environment(self):
        environment = dict(os.environ)
        if self.clock_shift_s:
            environment["LD_PRELOAD"] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
            environment["FAKETIME"] = f"{self.clock_shift_s:+d}s"
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        return environment

    def start(self, wait=True):
        command = [self.binary, "run", "--config-file", self.config]
        self.process = Process(f"agent-{self.host}", command, self.log, self._environment())
        if wait:
            wait_for(self._ready, 20, f"agent of {self.host} is ready (log: {self.log})", 0.05)
        return self

    def _ready(self):
        if not self.process.running():
            raise LabError(f"agent of {self.host} ended:\n{self.process.log_tail()}")
        return self.status().get("health") == "ok"

    def command(self, *arguments, timeout=15):
        """One sub-command; (exit status, standard output)."""
        done = subprocess.run([self.binary, arguments[0], "--config-file", self.config, *arguments[1:]],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False, text=True)
        return done.returncode, done.stdout

    def status(self):
        """The running agent's status, {} while it does not answer."""
        code, output = self.command("status", "--json")
        return json.loads(output) if code == 0 else {}

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def kill(self):
        """kill -9"""
        self.process.kill()

    def stop(self):
        """SIGTERM; the exit status."""
        return self.process.stop(12) if self.process is not None else 0

    def reload(self):
        self.process.signal(signal.SIGHUP)
