"""make install puts everything beside nova-compute, and make uninstall takes it away again."""
import pathlib
import subprocess

import pytest

from cli import BUILD, ROOT


def make(*args):
    done = subprocess.run(["make", "-s", *args], cwd=BUILD, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def variable(name):
    done = subprocess.run(["make", "-s", "--eval", f"print-it: ; @echo $({name})", "print-it"], cwd=BUILD,
                          capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]  # before it: what make had to regenerate


@pytest.fixture
def destdir(tmp_path):
    make("install", f"DESTDIR={tmp_path}")
    return tmp_path


def installed(destdir, directory, name):
    return pathlib.Path(str(destdir) + variable(directory)) / name


def files(destdir):
    return sorted(str(p.relative_to(destdir)) for p in destdir.rglob("*") if not p.is_dir())


def test_everything_is_there(destdir):
    for directory, name in (
            ("bindir", "nova-migration-agent"), ("systemdsystemunitdir", "nova-migration-agent.service"),
            ("sysusersdir", "nova-migration-agent.conf"), ("tmpfilesdir", "nova-migration-agent.conf"),
            ("sysconfdir", "nova-migration-agent/nova-migration-agent.conf"),
            ("docdir", "examples/nova-migration-agent.conf.example"),
            ("mandir", "man8/nova-migration-agent.8"), ("mandir", "man5/nova-migration-agent.conf.5")):
        assert installed(destdir, directory, name).is_file(), (directory, name)


def test_the_unit_starts_what_was_installed(destdir):
    unit = installed(destdir, "systemdsystemunitdir", "nova-migration-agent.service").read_text()
    assert "@" not in unit.replace("~@privileged @resources", "").replace("@system-service", "")
    assert f"ExecStart={variable('bindir')}/nova-migration-agent run --config-file " \
           f"{variable('sysconfdir')}/nova-migration-agent/nova-migration-agent.conf\n" in unit
    for line in ("Type=notify", "RestartPreventExitStatus=2", "User=nova-migration-agent",
                 "SupplementaryGroups=nova libvirt", "StateDirectory=nova-migration-agent",
                 "RuntimeDirectory=nova-migration-agent", "WatchdogSec=60"):
        assert f"\n{line}\n" in unit


def test_a_configuration_that_stands_there_stays(destdir):
    conf = installed(destdir, "sysconfdir", "nova-migration-agent/nova-migration-agent.conf")
    assert conf.read_text() == (ROOT / "agent" / "nova-migration-agent.conf.example").read_text()
    conf.write_text("[agent]\nmode = observe\n")
    make("install", f"DESTDIR={destdir}")
    assert conf.read_text() == "[agent]\nmode = observe\n"
    make("uninstall", f"DESTDIR={destdir}")
    assert files(destdir) == [str(conf.relative_to(destdir))]


def test_uninstall_leaves_no_file(destdir):
    make("uninstall", f"DESTDIR={destdir}")
    assert files(destdir) == []
