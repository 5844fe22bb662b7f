"""Processes of the lab: whom they run as, their logs, and their end by pid."""

import os
import pwd
import signal
import subprocess
import time

LAB_USER = "nma-lab"


class LabError(Exception):
    """The lab itself does not work; never a result of what is tested."""


def wait_for(condition, timeout, what, interval=0.02):
    """Poll until condition() is true and return its value; LabError says what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(interval)


class Account:
    """The ordinary user that hosts and guests run as: a uid-0 libvirtd would be a system daemon with fixed paths."""

    def __init__(self):
        self.is_root = os.geteuid() == 0
        if self.is_root:
            try:
                entry = pwd.getpwnam(LAB_USER)
            except KeyError:
                subprocess.run(
                    ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                     "--shell", "/usr/sbin/nologin", LAB_USER], check=True)
                entry = pwd.getpwnam(LAB_USER)
        else:
            entry = pwd.getpwuid(os.geteuid())
        self.name, self.uid, self.gid = entry.pw_name, entry.pw_uid, entry.pw_gid
        self.prefix = []
        if self.is_root:
            self.prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        self.post_copy_possible, self.post_copy_reason = self._probe_post_copy()

    def _probe_post_copy(self):
        """Post-copy needs userfaultfd in QEMU; root can hand the one capability for it to the lab's daemons."""
        probe = ["/usr/bin/python3", "-c",
                 "import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(323, 0o2004000) < 0)"]
        if subprocess.run(self.prefix + probe, check=False).returncode == 0:
            return True, "userfaultfd is open to ordinary users"
        if self.is_root:
            capable = self.prefix + ["--inh-caps=+sys_ptrace", "--ambient-caps=+sys_ptrace"]
            if subprocess.run(capable + probe, check=False, stderr=subprocess.DEVNULL).returncode == 0:
                self.prefix = capable
                return True, "userfaultfd through CAP_SYS_PTRACE"
        return False, "userfaultfd is closed: vm.unprivileged_userfaultfd=0 and no CAP_SYS_PTRACE to give"

    def make_directory(self, path, mode=0o700):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        self.own(path)
        return path

    def own(self, path):
        if self.is_root:
            os.chown(path, self.uid, self.gid)


class Process:
    """One process in a session of its own, its output in a log file."""

    def __init__(self, name, command, log, environment=None):
        self.name, self.log = name, log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                          env=environment, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait()

    def stop(self, timeout=10):
        """Ask, wait, then kill. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def log_tail(self, size=2000):
        with open(self.log, "rb") as log:
            return log.read()[-size:].decode("utf-8", "replace")


def pid_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_pid(pid, timeout=5):
    """Kill a process that is not our child and wait until it is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for(lambda: not pid_alive(pid), timeout, f"pid {pid} ends")


def pids_naming(path):
    """Pids whose command line names something under path, a directory that is this lab's own."""
    found = []
    needle = os.fsencode(path) + b"/"
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as cmdline:
                if needle in cmdline.read() and pid_alive(int(entry)):
                    found.append(int(entry))
        except OSError:
            continue
    return found
