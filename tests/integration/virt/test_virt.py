"""The hypervisor adapter on two real libvirt hosts: real libvirtd, real QEMU, real migrations, seen from a second
connection beside the one that drives them."""

import os
import re
import shutil
import signal
import tempfile
import threading
import time
import uuid

import libvirt
import pytest

from tests.integration.virt.observer import PROGRAM, Observer
from tests.lab.domain import GuestIdentity, GuestLoad
from tests.lab.heartbeat import Heartbeat
from tests.lab.hosts import Host
from tests.lab.lab import Lab
from tests.lab.ports import PortRange
from tests.lab.process import Account, kill_pid, pids_naming, wait_for

MIB = 1024 * 1024
LIVE = (libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
        | libvirt.VIR_MIGRATE_PERSIST_DEST)


class Hosts:
    """Two libvirt hosts without a broker or Nova."""

    def __init__(self, directory):
        self.directory = directory
        os.chmod(directory, 0o755)
        self.account, self.ports = Account(), PortRange()
        self.a = Host("a", os.path.join(directory, "a"), self.account, self.ports, "127.0.0.2")
        self.b = Host("b", os.path.join(directory, "b"), self.account, self.ports, "127.0.0.3")
        self.serial = self.account.make_directory(os.path.join(directory, "serial"))
        self.kernel = Lab._guest_program(self)
        self.number = 0
        self.observers, self.heartbeats = [], []

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def start(self):
        for host in (self.a, self.b):
            host.start()
            host.learn_capabilities()

    def stop(self):
        for host in (self.a, self.b):
            if host.libvirtd:
                host.libvirtd.signal(signal.SIGCONT)
            host.stop()
        for pid in pids_naming(self.directory):
            kill_pid(pid)
        self.ports.close()

    def guest(self, host, load=GuestLoad(working_set_mib=4, rate_mib_s=1, fill_mib=32), memory_mib=96, paused=False):
        self.number += 1
        identity = GuestIdentity(str(uuid.uuid4()), name=f"instance-{self.number:08x}", memory_mib=memory_mib)
        serial = os.path.join(self.serial, f"{identity.name}.log")
        domain = host.start_guest(identity, load, self.kernel, serial)
        heartbeat = Heartbeat(serial)
        self.heartbeats.append(heartbeat)
        wait_for(lambda: heartbeat.ready and heartbeat.count >= 2, 30, f"{identity.name} beats")
        if paused:
            domain.suspend()
        return identity

    def observe(self, host, **options):
        """An observer that has seen its first resync."""
        observer = Observer(host.uri, **options)
        self.observers.append(observer)
        observer.wait(0, event="resync")
        return observer

    def clean(self):
        """After each test: no guest, no observer, both libvirtd running."""
        for observer in self.observers:
            observer.kill()
        for heartbeat in self.heartbeats:
            heartbeat.stop()
        self.observers, self.heartbeats = [], []
        for host in (self.a, self.b):
            host.libvirtd.signal(signal.SIGCONT)
            for pid in host.qemu_pids().values():
                os.kill(pid, signal.SIGCONT)
            host.revive()
            try:
                host.destroy_guests()
            except libvirt.libvirtError:  # woken to clients that have gone, libvirtd 9.0 crashes now and then
                host.revive()
                host.destroy_guests()


class Migration(threading.Thread):
    """A peer-to-peer migration as nova-compute asks for it, driven from a connection of its own.

    No other call may go over it: libvirt's client can lose the wake-up of the second caller (see connection.h)."""

    def __init__(self, source, destination, instance_uuid, bandwidth_mib_s=0, flags=0):
        super().__init__(daemon=True)
        self.error = None
        self.domain = libvirt.open(source.uri).lookupByUUIDString(instance_uuid)
        self.destination_uri = destination.uri
        self.parameters = {libvirt.VIR_MIGRATE_PARAM_URI: destination.migrate_uri}
        if bandwidth_mib_s:
            self.parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = bandwidth_mib_s
        self.flags = LIVE | flags
        self.start()

    def run(self):
        try:
            self.domain.migrateToURI3(self.destination_uri, self.parameters, self.flags)
        except libvirt.libvirtError as error:
            self.error = error

    def wait(self, timeout=60):
        self.join(timeout)
        assert not self.is_alive(), "the migration does not end"
        return self.error


@pytest.fixture(scope="module")
def both_hosts():
    directory = tempfile.mkdtemp(prefix="nma-virt-", dir="/tmp")
    hosts = Hosts(directory)
    try:
        hosts.start()
        yield hosts
    finally:
        hosts.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def hosts(both_hosts):
    yield both_hosts
    both_hosts.clean()


def wait_copying(observer, guest):
    """Readings each 0.1 s until the outgoing job moves data; the last one."""
    def copying():
        reading = observer.read(guest.uuid)
        return reading if reading["kind"] == "migration-out" and reading["data_total_bytes"] > 0 else None
    return wait_for(copying, 20, "data flows", 0.1)


def words(observer, mark, guest):
    """What happened to a guest, in order: each lifecycle's name, iterations and job-completed by their own."""
    return [e.get("what", e["is"]) for e in observer.since(mark)
            if e.get("uuid") == guest.uuid and e["is"] in ("lifecycle", "iteration", "job-completed")]


def without_repeats(items):
    return [item for at, item in enumerate(items) if at == 0 or items[at - 1] != item]


# ---- connecting ----

def test_try_says_what_is_there(hosts):
    hosts.guest(hosts.a)
    for access in ("ro", "rw"):
        result = os.popen(f"{PROGRAM} '{hosts.a.uri}' {access} try").read()
        assert re.fullmatch(r"try libvirt \d+\.\d+\.\d+, QEMU \d+\.\d+\.\d+, host name \S+, 1 domain\n", result)


def test_try_fails_with_libvirts_words(hosts):
    result = os.popen(f"{PROGRAM} 'qemu+unix:///session?socket={hosts.directory}/none' ro try 2>&1").read()
    assert result.startswith("failed cannot connect to libvirt: ") and "none" in result


def test_libvirtd_that_comes_later(hosts):
    hosts.a.stop_libvirtd()
    observer = Observer(hosts.a.uri)
    hosts.observers.append(observer)
    wait_for(lambda: "text" in observer.status(), 30, "the status says why there is no connection")
    status = observer.status()
    assert status["connected"] == 0 and "cannot connect to libvirt" in status["text"]
    guest = str(uuid.uuid4())
    reading = observer.read(guest)
    assert reading["state"] == "unknown" and reading["text"] == "not connected to libvirt"
    assert observer.since(0, "libvirt-lost") == []
    hosts.a.start()
    observer.wait(0, event="resync", n=0)
    assert observer.status()["connected"] == 1 and "text" not in observer.status()
    assert observer.read(guest)["state"] == "absent"
    observer.stop()


def test_one_hypervisor_a_process(hosts):
    observer = hosts.observe(hosts.a)
    observer.command("second")
    assert observer.status()["connected"] == 1
    observer.stop()


# ---- readings ----

@pytest.mark.parametrize("access", ["ro", "rw"])
def test_readings_of_guests_at_rest(hosts, access):
    running, paused = hosts.guest(hosts.a), hosts.guest(hosts.a, paused=True)
    observer = hosts.observe(hosts.a, access=access)
    first = {e["uuid"]: e for e in observer.since(0, "resync-domain")}
    assert {u: e["state"] for u, e in first.items()} == {running.uuid: "running", paused.uuid: "paused"}
    for guest, state in ((running, "running"), (paused, "paused")):
        reading = observer.read(guest.uuid)
        assert (reading["state"], reading["known"], reading["kind"]) == (state, 1, "none")
        assert reading["elapsed_ms"] == -1 and "text" not in reading
    assert observer.read(str(uuid.uuid4()))["state"] == "absent"
    mark = observer.mark()
    hosts.a.domain(paused.uuid).resume()
    observer.wait(mark, event="lifecycle", uuid=paused.uuid, what="resumed-other")
    hosts.a.domain(running.uuid).suspend()
    observer.wait(mark, event="lifecycle", uuid=running.uuid, what="suspended-other")
    observer.stop()


def test_guest_destroyed(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a)
    mark = observer.mark()
    hosts.a.domain(guest.uuid).destroy()
    observer.wait(mark, event="lifecycle", uuid=guest.uuid, what="stopped-other")
    # still defined, but not active
    assert hosts.a.domain(guest.uuid) is not None
    reading = observer.read(guest.uuid)
    assert (reading["state"], reading["kind"]) == ("absent", "none") and "text" not in reading
    assert observer.resync() == {}
    observer.stop()


def test_resident_memory_of_a_real_qemu(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a)
    observer.command("resident", guest.uuid)
    bytes_ = observer.wait(0, event="resident")["bytes"]
    with open(f"/proc/{hosts.a.qemu_pids()[guest.name]}/status", encoding="ascii") as status:
        rss = int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024
    assert bytes_ > 32 * MIB and abs(bytes_ - rss) < 8 * MIB
    observer.stop()


# ---- migrations ----

@pytest.mark.sanitized
def test_migration_seen_from_both_hosts(hosts):
    guest = hosts.guest(hosts.a)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark_a, mark_b = source.mark(), destination.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, bandwidth_mib_s=4)

    flows = wait_copying(source, guest)
    assert flows["state"] == "running" and flows["known"] == 1
    assert flows["memory_total_bytes"] > 96 * MIB and flows["memory_page_size_bytes"] == 4096
    assert flows["memory_iteration"] >= 1 and flows["elapsed_ms"] > 0
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="started-migrated")
    began = time.monotonic()
    arriving = destination.read(guest.uuid)
    # libvirt would wait 30 s for it
    assert time.monotonic() - began < 15, "no call may wait for the job of an arriving guest"
    assert (arriving["state"], arriving["known"], arriving["kind"]) == ("paused-migration", 0, "migration-in")
    assert "text" not in arriving

    hosts.a.domain(guest.uuid).migrateSetMaxSpeed(1000)
    assert migration.wait() is None
    completed = source.wait(mark_a, event="job-completed", uuid=guest.uuid)
    assert completed["kind"] == "migration-out" and completed["downtime_ms"] >= 0
    assert completed["memory_processed_bytes"] > 16 * MIB and completed["memory_iteration"] >= 2

    destination.wait(mark_b, event="lifecycle", what="resumed-migrated")
    assert words(destination, mark_b, guest) == ["started-migrated", "resumed-migrated"]
    order = without_repeats(words(source, mark_a, guest))
    assert order[0] == "iteration" and order[-2:] == ["stopped-migrated", "job-completed"]
    assert [w for w in order if w != "iteration"] == ["suspended-migrated", "stopped-migrated", "job-completed"]
    iterations = [e["n"] for e in source.since(mark_a, "iteration")]
    assert iterations == sorted(iterations) and iterations[0] == 1 and len(iterations) >= 2

    assert source.read(guest.uuid)["state"] == "absent"
    here = destination.read(guest.uuid)
    assert (here["state"], here["kind"], here["known"]) == ("running", "none", 1)
    source.stop()
    destination.stop()


def test_completed_statistics_are_left_to_nova(hosts):
    """nova-compute reads them once, which forgets them: no observer may have done so before."""
    guest = hosts.guest(hosts.a)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark = source.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, flags=0)
    assert migration.wait() is None
    source.wait(mark, event="job-completed", uuid=guest.uuid)
    for _ in range(3):
        assert destination.read(guest.uuid)["kind"] == "none"
        destination.resync()
        source.resync()
        source.read(guest.uuid)
    domain = hosts.b.domain(guest.uuid)
    assert domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["downtime"] >= 0
    assert "downtime" not in domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    source.stop()
    destination.stop()


def test_paused_guest_migrates(hosts):
    """It is not suspended on the source and not resumed on the destination, which says Suspended/Paused at the end."""
    guest = hosts.guest(hosts.a, paused=True)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark_a, mark_b = source.mark(), destination.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, bandwidth_mib_s=4)
    assert wait_copying(source, guest)["state"] == "paused"
    assert destination.read(guest.uuid)["state"] == "paused-migration"
    assert words(destination, mark_b, guest) == ["started-migrated"]
    hosts.a.domain(guest.uuid).migrateSetMaxSpeed(1000)
    assert migration.wait() is None
    source.wait(mark_a, event="job-completed", uuid=guest.uuid)
    assert without_repeats(words(source, mark_a, guest)) == ["iteration", "stopped-migrated", "job-completed"]
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="suspended-other")
    assert words(destination, mark_b, guest) == ["started-migrated", "suspended-other"]
    assert destination.read(guest.uuid)["state"] == "paused"
    source.stop()
    destination.stop()


def test_aborted_migration_raises_no_event(hosts):
    guest = hosts.guest(hosts.a)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark_a, mark_b = source.mark(), destination.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, bandwidth_mib_s=4)
    wait_copying(source, guest)
    hosts.a.domain(guest.uuid).abortJob()
    assert migration.wait() is not None
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="stopped-failed")
    for _ in range(2):
        reading = source.read(guest.uuid)
        assert (reading["state"], reading["known"], reading["kind"]) == ("running", 1, "none")
    assert set(words(source, mark_a, guest)) == {"iteration"}
    assert destination.read(guest.uuid)["state"] == "absent"
    source.stop()
    destination.stop()


def test_destination_qemu_killed(hosts):
    guest = hosts.guest(hosts.a)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark_b = destination.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, bandwidth_mib_s=4)
    wait_copying(source, guest)
    hosts.b.kill_qemu(guest.name)
    assert migration.wait() is not None
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="stopped-failed")
    assert source.read(guest.uuid)["state"] == "running"
    source.stop()
    destination.stop()


def test_a_save_is_no_migration(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a)
    mark = observer.mark()
    hosts.a.domain(guest.uuid).save(os.path.join(hosts.serial, "saved"))
    observer.wait(mark, event="lifecycle", uuid=guest.uuid, what="stopped-other")
    # it does raise iteration events, and nothing that speaks of a migration
    assert "stopped-migrated" not in words(observer, mark, guest)
    assert [e for e in observer.since(mark, "job-completed") if e["kind"] == "migration-out"] == []
    observer.stop()


def test_post_copy(hosts):
    if not hosts.account.post_copy_possible:
        pytest.skip(hosts.account.post_copy_reason)
    guest = hosts.guest(hosts.a)
    source, destination = hosts.observe(hosts.a), hosts.observe(hosts.b)
    mark_a, mark_b = source.mark(), destination.mark()
    migration = Migration(hosts.a, hosts.b, guest.uuid, bandwidth_mib_s=8, flags=libvirt.VIR_MIGRATE_POSTCOPY)
    wait_copying(source, guest)
    hosts.a.domain(guest.uuid).migrateStartPostCopy()
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="resumed-postcopy")
    assert source.read(guest.uuid)["state"] in ("paused-postcopy", "absent")
    assert migration.wait() is None
    source.wait(mark_a, event="job-completed", uuid=guest.uuid)
    destination.wait(mark_b, event="lifecycle", uuid=guest.uuid, what="resumed-migrated")
    lifecycles = [w for w in words(source, mark_a, guest) if w != "iteration"]
    assert lifecycles == ["suspended-migrated", "suspended-postcopy", "stopped-migrated", "job-completed"]
    assert words(destination, mark_b, guest) == ["started-migrated", "resumed-postcopy", "resumed-migrated"]
    source.stop()
    destination.stop()


# ---- a libvirtd that goes, or hangs ----

@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_libvirtd_restart(hosts, kill):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a)
    mark = observer.mark()
    if kill:
        hosts.a.kill_libvirtd()
    else:
        hosts.a.stop_libvirtd()
    observer.wait(mark, event="libvirt-lost")
    assert observer.status()["connected"] == 0 and observer.status()["text"]
    assert observer.read(guest.uuid)["state"] == "unknown"
    hosts.a.start()
    observer.wait(mark, event="resync", n=1)
    assert observer.since(mark, "resync-domain")[-1]["state"] == "running"
    assert len(observer.since(mark, "libvirt-lost")) == 1
    assert observer.status()["connected"] == 1
    # the events are registered again
    mark = observer.mark()
    hosts.a.domain(guest.uuid).suspend()
    observer.wait(mark, event="lifecycle", uuid=guest.uuid, what="suspended-other")
    assert words(observer, mark, guest) == ["suspended-other"]
    assert observer.read(guest.uuid)["state"] == "paused"
    observer.stop()


@pytest.mark.sanitized
def test_many_restarts(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a)
    for _ in range(3):
        mark = observer.mark()
        hosts.a.restart_libvirtd(kill=True)
        observer.wait(mark, event="libvirt-lost")
        observer.wait(mark, event="resync", n=1)
    mark = observer.mark()
    hosts.a.domain(guest.uuid).suspend()
    observer.wait(mark, event="lifecycle", uuid=guest.uuid, what="suspended-other")
    time.sleep(0.2)  # a callback left over from before would post it again
    assert words(observer, mark, guest) == ["suspended-other"]
    observer.stop()


@pytest.mark.sanitized
def test_libvirtd_that_hangs(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a, deadline_ms=500)
    hosts.a.libvirtd.signal(signal.SIGSTOP)
    began = time.monotonic()
    mark = observer.mark()
    reading = observer.read(guest.uuid)
    assert reading["state"] == "unknown" and reading["text"] == "libvirt did not answer within 500 ms"
    assert 0.4 < time.monotonic() - began < 15
    status = observer.status()
    assert status["overdue"] == 1 and status["connected"] == 1
    # the events thread lives on
    wait_for(lambda: observer.status()["alive_boot_us"] > status["alive_boot_us"], 30, "signs of life")
    assert observer.read(guest.uuid)["state"] == "unknown"
    assert observer.status()["overdue"] == 1
    hosts.a.libvirtd.signal(signal.SIGCONT)
    wait_for(lambda: observer.status()["overdue"] == 0, 30, "the late call returns")
    assert len(observer.since(mark, "reading")) == 2
    assert observer.read(guest.uuid)["state"] == "running"
    assert observer.since(mark, "libvirt-lost") == []
    observer.stop()


def test_libvirtd_that_hangs_for_good_is_given_up(hosts):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a, deadline_ms=500)
    mark = observer.mark()
    hosts.a.libvirtd.signal(signal.SIGSTOP)
    lost = observer.wait(mark, 40, event="libvirt-lost")
    assert lost and "keepalive" in observer.status()["text"]
    assert observer.read(guest.uuid)["state"] == "unknown"
    hosts.a.libvirtd.signal(signal.SIGCONT)
    observer.wait(mark, 40, event="resync", n=1)
    observer.stop()


@pytest.mark.sanitized
@pytest.mark.parametrize("reading", [False, True], ids=["idle", "with-a-hanging-read"])
def test_stop_in_time_though_libvirtd_hangs(hosts, reading):
    guest = hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a, deadline_ms=500)
    hosts.a.libvirtd.signal(signal.SIGSTOP)
    if reading:
        assert observer.read(guest.uuid)["state"] == "unknown"
    assert observer.stop(2000) <= 2200


@pytest.mark.sanitized
def test_one_hanging_domain_does_not_hide_the_others(hosts):
    """QEMU of a guest under way does not answer libvirt's question for its progress."""
    hanging, other = hosts.guest(hosts.a), hosts.guest(hosts.a)
    observer = hosts.observe(hosts.a, deadline_ms=1500)
    migration = Migration(hosts.a, hosts.b, hanging.uuid, bandwidth_mib_s=1)
    wait_copying(observer, hanging)
    pid = hosts.a.qemu_pids()[hanging.name]
    os.kill(pid, signal.SIGSTOP)
    mark = observer.mark()
    readings = observer.resync()
    assert {u: r["state"] for u, r in readings.items()} == {hanging.uuid: "unknown", other.uuid: "running"}
    assert observer.read(other.uuid)["state"] == "running"
    assert observer.read(hanging.uuid)["state"] == "unknown"
    assert observer.status()["overdue"] == 1 and observer.since(mark, "libvirt-lost") == []
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: observer.status()["overdue"] == 0, 30, "the hanging call returns")
    reading = observer.read(hanging.uuid)
    assert (reading["state"], reading["kind"]) == ("running", "migration-out")
    hosts.a.domain(hanging.uuid).abortJob()
    assert migration.wait() is not None
    observer.stop()
