"""nova-migration-agent as a process with a configuration of its own."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir") or ROOT / "_build" / "default").resolve()
AGENT = BUILD / "agent" / "nova-migration-agent"
SECRET = "s3cr3t"


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

    def __call__(self, command, *args, timeout=60):
        done = subprocess.run([AGENT, command, "--config-file", str(self.conf), *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        assert SECRET not in done.stdout + done.stderr
        return done
