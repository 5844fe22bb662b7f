"""The agents under test: one nova-migration-agent beside each host's nova-compute."""

import json
import os
import signal
import subprocess

from .process import LabError, wait_for

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def program(name):
    """A program under test: make sets top_builddir, a person runs ./bootstrap first."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    build = os.environ.get("top_builddir") or os.path.join(top, "_build", "default")
    return os.path.join(build, "agent", name)


class Agent:
    """`clock_shift_s` moves the wall clock that this agent sees. `sections` adds to its configuration, `prefix` is the
    command that it is started through."""

    def __init__(self, lab, host_name, clock_shift_s=0, sections=None, nova_extra="", prefix=()):
        self.lab, self.host_name, self.clock_shift_s = lab, host_name, clock_shift_s
        self.prefix = list(prefix)
        self.name = f"agent-{host_name}"
        self.log = lab.path(f"{self.name}.log")
        run = lab.path(f"run-{host_name}")
        os.makedirs(run, mode=0o700, exist_ok=True)
        merged = {"agent": {"run_dir": run, "metrics_file": lab.path(f"{self.name}.prom"),
                            "log_level": "info"},
                  "reports": {"progress_interval_ms": 200}}
        for section, options in (sections or {}).items():
            merged.setdefault(section, {}).update(options)
        # the guests share one small machine: reserving nothing keeps the memory check about the test
        self.config = lab.write_agent_conf(host_name, merged,
                                           nova_extra="[DEFAULT]\nreserved_host_memory_mb = 0\n" + nova_extra)
        self.process = None

    def _environment(self):
        environment = dict(os.environ)
        if self.clock_shift_s:
            environment.update(LD_PRELOAD=FAKETIME, FAKETIME=f"{self.clock_shift_s:+d}s",
                               FAKETIME_DONT_FAKE_MONOTONIC="1")
            if "ASAN_OPTIONS" in environment:  # it wants to be loaded first, which only matters for what it intercepts
                environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return environment

    def start(self, wait=True):
        self.process = self.lab.start_process(
            self.name, [*self.prefix, program("nova-migration-agent"), "run", "--config-file", self.config],
            self._environment())
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=30):
        wait_for(self._ready, timeout, f"agent of {self.host_name} is ready (log: {self.log})", 0.1)

    def _ready(self):
        if not self.process.running():
            raise LabError(f"agent of {self.host_name} ended:\n{self.process.log_tail()}")
        return self.status().get("health") == "ok"

    def command(self, *arguments, timeout=15):
        """One sub-command; (exit status, output)."""
        done = subprocess.run([program("nova-migration-agent"), arguments[0], "--config-file", self.config,
                               *arguments[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False, text=True)
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
