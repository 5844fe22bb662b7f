"""check-config, offline and against a real broker."""
import sys

import pytest

from cli import ROOT, SECRET

sys.path.insert(0, str(ROOT))
from tests.lab.broker import AGENT_PERMISSIONS, Broker, User, available  # noqa: E402


def rows(done):
    return dict(line.split(None, 1) for line in done.stdout.splitlines() if line and not line.startswith(" "))


def test_says_what_the_configuration_means(cli):
    done = cli("check-config")
    assert done.returncode == 0, done.stderr
    assert str(cli.conf) in done.stdout and str(cli.nova_conf) in done.stdout
    said = rows(done)
    assert said["host"] == "compute-1"
    assert said["broker"] == "rabbit://nova:***@127.0.0.1:1/"
    assert said["libvirt"] == "test:///default (read-write)"
    assert said["exchange"] == "nova" and said["mode"] == "advise"


@pytest.mark.parametrize("own, text", [
    ("[tap]\nqueue_type = fast\n", '[tap] queue_type: "fast" is not auto, quorum, classic or off'),
    ("[tap]\nqueue = off\n", "[tap] queue: unknown option"),
    (f"[reports]\ntransport_url = rabbit://u:{SECRET}#x@h/\n", "[reports] transport_url: a value must not contain"),
])
@pytest.mark.parametrize("command", ["check-config", "run"])
def test_a_wrong_configuration_is_2(cli, command, own, text):
    cli.write(own=own)
    done = cli(command)
    assert done.returncode == 2 and done.stdout == ""
    assert f"{cli.conf}:" in done.stderr and text in done.stderr


@pytest.mark.parametrize("url", ["", f"kafka://u:{SECRET}@h/", f"rabbit://u:{SECRET}#x@h/", f"rabbit://u:{SECRET}@h:port/"])
def test_a_broker_that_cannot_be_read_is_2(cli, url):
    cli.write(url=url)
    assert cli("check-config").returncode == 2


def test_nova_conf_that_is_missing(cli):
    cli.nova_conf.unlink()
    done = cli("check-config")
    assert done.returncode == 2 and str(cli.nova_conf) in done.stderr


def test_nova_conf_as_nova_reads_it(cli, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "50.conf").write_text("[DEFAULT]\nmy_ip: 10.1.2.3\n[libvirt]\nconnection_uri = test+tcp://$my_ip/x\n")
    cli.write(own=f"config_dirs = {tmp_path}/d\n")
    said = rows(cli("check-config"))
    assert said["libvirt"] == "test+tcp://10.1.2.3/x (read-write)"


# ---- against a real broker ----


@pytest.fixture(scope="module")
def broker():
    if not available():
        pytest.skip("no RabbitMQ installed")
    users = [User("nova", SECRET, tags=["administrator"]), User("agent", SECRET, AGENT_PERMISSIONS),
             User("stranger", SECRET, ("^$", "^$", "^$"))]
    with Broker(users=users) as running:
        running.rabbitmqctl("eval", "rabbit_exchange:declare({resource, <<\"/\">>, exchange, <<\"nova\">>}, topic, "
                                    "false, false, false, [], <<\"test\">>).")
        yield running


def test_online_all_good(cli, broker):
    cli.write(url=broker.url("agent"))
    done = cli("check-config", "--online")
    assert done.returncode == 0, done.stdout
    trials = done.stdout.split("\n\n")[1].splitlines()
    assert all(": FAILED" not in t and " ok: " in t for t in trials), trials
    assert [t.split("  ")[0].strip() for t in trials] == ["broker", "exchange nova ok: a queue was bound to it",
                                                          "replies", "libvirt", "state"]
    # nothing is left behind
    assert broker.listed("queues", "name") == [] and list(cli.state.iterdir()) == []


@pytest.mark.parametrize("user, where", [("stranger", "exchange nova"), ("nobody", "broker")])
def test_online_without_permission(cli, broker, user, where):
    url = broker.url("agent").replace("agent:", f"{user}:")
    cli.write(url=url)
    done = cli("check-config", "--online")
    assert done.returncode == 1
    assert any(line.startswith(where) and "FAILED: " in line for line in done.stdout.splitlines()), done.stdout


def test_online_with_nobody_there(cli):
    cli.write(nova="", own="[libvirt]\nuri = qemu+unix:///system?socket=/nowhere/sock\n")
    cli.state.rmdir()
    done = cli("check-config", "--online")
    assert done.returncode == 1
    for what in ("broker", "libvirt", "state"):
        assert any(line.startswith(what + " ") and "FAILED: " in line for line in done.stdout.splitlines()), done.stdout


def test_online_exchange_of_another_name(cli, broker):
    cli.write(url=broker.url("agent"), nova="[DEFAULT]\ncontrol_exchange = other\n")
    done = cli("check-config", "--online")
    assert done.returncode == 1
    assert any(line.startswith("exchange other") and "FAILED: " in line for line in done.stdout.splitlines()), done.stdout
