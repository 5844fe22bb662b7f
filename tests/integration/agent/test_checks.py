"""The destination's checks, each made to pass and to fail for real on two hosts: what the agents' report says of a
migration that Nova carries out all the same."""

import contextlib
import os
import socket
import subprocess
import xml.etree.ElementTree as ET

import pytest

from tests.integration.agent.world import DESTINATION, EASY, LONG, LONG_MIB_S, SOURCE
from tests.lab import huge_pages
from tests.lab.ports import PortRange

# on one machine all is well but what the machine does not have
NEVER_UNKNOWN = {"memory", "huge_pages", "numa", "memory_pressure", "disk", "cpu", "machine", "versions", "vcpus", "incoming",
                 "maintenance", "devices", "path", "tls", "link", "post_copy", "clocks"}

GUEST_PAGES = 64  # of 2 MiB


def unhurry(world):
    """A real Nova prepares its destination for seconds (images, volumes, ports); the lab's would have the guest arrive
    before libvirt on a busy machine has answered, and the verdict is then given without it."""
    world.knobs(DESTINATION).held.add("pre_live_migration")


def checks_of(world, guest):
    """They are made while Nova prepares, which it may end then."""
    checks = world.wait(guest, DESTINATION, "pre_migration.end")["checks"]
    world.knobs(DESTINATION).held.clear()
    return {check["check"]: check for check in checks}


def judged(world, guest):
    """The checks of one migration, which is seen to its end."""
    unhurry(world)
    migration = world.lab.live_migrate(guest, DESTINATION)
    checks = checks_of(world, guest)
    assert migration.wait() == "completed"
    world.wait(guest, DESTINATION, "commitment.end")
    world.check_reports(guest)
    return checks


def judged_of_disk(world, guest):
    """libvirt refuses to move a file between what it takes for two hosts without shared storage: the verdict counts."""
    unhurry(world)
    migration = world.lab.live_migrate(guest, DESTINATION)
    checks = checks_of(world, guest)
    assert migration.wait() == "failed"
    return checks


@pytest.mark.sanitized
def test_every_check_is_made(world):
    world.both()
    guest = world.guest()
    checks = judged(world, guest)
    assert set(checks) >= NEVER_UNKNOWN
    for name in NEVER_UNKNOWN:
        assert checks[name]["verdict"] in ("ok", "warning"), checks[name]
    assert checks["versions"]["needed"] == checks["versions"]["available"] > 0
    assert "pc-i440fx" in checks["machine"]["text"]


def test_source_without_an_agent(world):
    """Nothing that only the source knows is called ok."""
    world.agent(DESTINATION)
    checks = judged(world, world.guest())
    assert checks["memory"]["verdict"] == "ok"
    for name in ("cpu", "machine", "versions", "devices", "path", "disk", "huge_pages", "clocks"):
        assert checks[name]["verdict"] == "unknown"
        assert checks[name]["text"].startswith("needs the source's agent"), checks[name]


def test_read_only(world):
    """What libvirt refuses on a read-only connection is named."""
    world.agent(SOURCE)
    world.agent(DESTINATION, sections={"libvirt": {"access": "read-only"}})
    checks = judged(world, world.guest())
    for name in ("cpu", "machine"):
        assert checks[name]["verdict"] == "unknown"
        assert "read-write" in checks[name]["text"], checks[name]
    assert checks["versions"]["verdict"] == "ok"


def test_cpu_that_the_host_lacks(world):
    world.both()
    guest = world.guest(adjust=lambda xml: xml.replace(
        "<features>", "<cpu mode='custom' match='exact' check='none'><model>Nehalem</model>"
                      "<feature policy='require' name='avx512f'/></cpu><features>", 1))
    checks = judged(world, guest)
    assert checks["cpu"]["verdict"] == "warning"
    assert checks["cpu"]["reason"] == "cpu_unchecked"
    assert "avx512f" in checks["cpu"]["text"]


def test_cpu_that_the_host_has(world):
    world.both()
    guest = world.guest(adjust=lambda xml: xml.replace(
        "<features>", "<cpu mode='custom' match='exact' check='partial'><model>Nehalem</model></cpu><features>", 1))
    checks = judged(world, guest)
    assert checks["cpu"]["verdict"] == "ok", checks["cpu"]


def test_emulator_that_is_gone(world):
    """The guest's QEMU was removed, or never installed there."""
    world.both()
    emulator = world.lab.path("qemu-of-the-source")
    os.symlink("/usr/bin/qemu-system-x86_64", emulator)
    guest = world.guest(adjust=lambda xml: xml.replace("/usr/bin/qemu-system-x86_64", emulator))
    os.unlink(emulator)
    unhurry(world)
    world.lab.live_migrate(guest, DESTINATION)
    machine = checks_of(world, guest)["machine"]
    assert (machine["verdict"], machine["reason"]) == ("refused", "emulator_missing"), machine
    assert emulator in machine["text"]
    assert world.wait(guest, DESTINATION, "reservation.error")["reason"] == "emulator_missing"


def forget_machine(lab, host, emulator, machine):
    """libvirt there answers as for a QEMU of before that machine type."""
    path = lab.hosts[host].capabilities_file(emulator)
    lab.stop_libvirtd(host)
    kept = ET.parse(path)
    for entry in kept.getroot().findall(f"machine[@name='{machine}']"):
        kept.getroot().remove(entry)
    kept.write(path)
    lab.start_libvirtd(host)


def test_machine_type_that_the_destination_lacks(world):
    """Its QEMU is older. Under a path of its own: the QEMU of all other tests stays what it is."""
    emulator = world.lab.path("qemu-of-two-ages")
    os.symlink("/usr/bin/qemu-system-x86_64", emulator)
    guest = world.guest(adjust=lambda xml: xml.replace("/usr/bin/qemu-system-x86_64", emulator))
    running = ET.fromstring(world.lab.hosts[SOURCE].domain(guest.uuid).XMLDesc())
    machine = running.find("os/type").get("machine")
    forget_machine(world.lab, DESTINATION, emulator, machine)
    world.both()
    unhurry(world)
    migration = world.lab.live_migrate(guest, DESTINATION)
    check = checks_of(world, guest)["machine"]
    assert (check["verdict"], check["reason"]) == ("refused", "machine_type_missing"), check
    assert machine in check["text"]
    assert world.wait(guest, DESTINATION, "reservation.error")["reason"] == "machine_type_missing"
    assert migration.wait() == "failed"  # libvirt says so too


@pytest.fixture
def with_huge_pages(lab):
    """Twice what a guest needs: it takes its own on both hosts for a while."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(huge_pages.for_guests_of(lab, 2 * GUEST_PAGES))
        except huge_pages.NoHugePages as error:
            pytest.skip(str(error))
        yield


@pytest.mark.parametrize("kept, verdict", [(0, "ok"), (1, "refused")])
def test_huge_pages(with_huge_pages, world, kept, verdict):
    """The destination keeps none, or one too many, of the pages that both hosts share."""
    world.agent(SOURCE)
    guest = world.guest(adjust=huge_pages.backed)
    free = huge_pages.free_pages()
    kept_pages = max(free) - GUEST_PAGES + kept
    world.agent(DESTINATION, nova_extra="".join(
        f"reserved_huge_pages = node:{node},size:{huge_pages.SIZE_KIB},count:{kept_pages}\n"
        for node in range(len(free))))
    check = judged(world, guest)["huge_pages"]
    assert check["verdict"] == verdict, check
    assert check["needed"] == GUEST_PAGES
    assert check["available"] == sum(max(pages - kept_pages, 0) for pages in free)
    if verdict == "refused":
        assert check["reason"] == "huge_pages_insufficient" and "choose another" in check["text"]


def test_too_many_arrive(world):
    world.agent(SOURCE)
    world.agent(DESTINATION, sections={"checks": {"max_incoming": 1}})
    first, second = world.guest(LONG), world.guest(EASY)
    world.slow_link(LONG_MIB_S)
    one = world.lab.live_migrate(first, DESTINATION)
    world.wait(first, DESTINATION, "reservation.end")
    assert checks_of(world, first)["incoming"]["verdict"] == "ok"
    unhurry(world)
    two = world.lab.live_migrate(second, DESTINATION)
    refused = checks_of(world, second)["incoming"]
    assert (refused["verdict"], refused["reason"]) == ("refused", "incoming_limit")
    assert (refused["needed"], refused["available"]) == (2, 1)
    assert one.wait() == "completed" and two.wait() == "completed"


def test_maintenance(world):
    flag = world.lab.path("maintenance")
    world.agent(SOURCE)
    world.agent(DESTINATION, sections={"checks": {"maintenance_file": flag}})
    with open(flag, "w", encoding="ascii"):
        pass
    checks = judged(world, world.guest())
    os.unlink(flag)
    assert checks["maintenance"]["reason"] == "host_in_maintenance"
    assert judged(world, world.guest())["maintenance"]["verdict"] == "ok"


def test_name_that_nobody_knows(world):
    world.agent(SOURCE)
    world.agent(DESTINATION, nova_extra="[libvirt]\nlive_migration_inbound_addr = no-such-host.invalid\n")
    path = judged(world, world.guest())["path"]
    assert (path["verdict"], path["reason"]) == ("refused", "name_not_resolved")
    assert "no-such-host.invalid" in path["text"]


def test_port_that_is_blocked(world):
    """A listener that takes no more connections answers none: to who knocks it is as a firewall that drops."""
    address = world.lab.hosts[DESTINATION].address
    ports = PortRange()
    port = ports.take(1)[0]
    world.agent(SOURCE)
    world.agent(DESTINATION, sections={"checks": {"migration_port": port}})
    assert judged(world, world.guest())["path"]["verdict"] == "ok"  # refused by the host: nobody drops it
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(0)
        knocking = [socket.socket() for _ in range(4)]
        for one in knocking:
            one.setblocking(False)
            one.connect_ex((address, port))
        path = judged(world, world.guest())["path"]
        for one in knocking:
            one.close()
    ports.close()
    assert (path["verdict"], path["reason"]) == ("refused", "port_blocked")
    assert str(port) in path["text"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_pki(folder, address, days="365"):
    """An authority and QEMU's two certificates, the server's for that address."""
    os.makedirs(folder)
    path = lambda name: os.path.join(folder, name)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "365",
            "-keyout", path("ca-key.pem"), "-out", path("ca-cert.pem"))
    for name in ("server", "client"):
        with open(path(f"{name}.ext"), "w", encoding="ascii") as extension:
            extension.write(f"subjectAltName=IP:{address}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", path(f"{name}-key.pem"),
                "-out", path(f"{name}.csr"))
        openssl("x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("ca-cert.pem"), "-CAkey", path("ca-key.pem"),
                "-CAcreateserial", "-days", days, "-extfile", path(f"{name}.ext"), "-out", path(f"{name}-cert.pem"))


@pytest.mark.parametrize("kind, reason", [
    ("right", None), ("wrong name", "certificate_wrong_name"), ("soon", "certificate_expires"),
    ("expired", "certificate_expired"), ("none", "certificate_missing")])
def test_certificates(world, kind, reason):
    folder = world.lab.path("pki-" + kind.replace(" ", "-"))
    address = world.lab.hosts[DESTINATION].address
    if kind != "none":
        make_pki(folder, "192.0.2.99" if kind == "wrong name" else address,
                 {"soon": "3", "expired": "-1"}.get(kind, "365"))
    options = {"sections": {"checks": {"qemu_pki_dir": folder}},
               "nova_extra": "[libvirt]\nlive_migration_with_native_tls = true\n"}
    world.agent(SOURCE, **options)
    world.agent(DESTINATION, **options)
    tls = judged(world, world.guest())["tls"]
    assert tls["reason"] == (reason or "none"), tls
    assert tls["verdict"] == {None: "ok", "certificate_expires": "warning"}.get(reason, "refused")


def disk_of(path):
    return lambda xml: xml.replace("<serial ", f"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                                               f"<source file='{path}'/><target dev='vda' bus='virtio'/></disk>"
                                               "<serial ", 1)


def make_image(world, name, mib, file="disk"):
    """QEMU locks it as long as its guest runs."""
    folder = world.lab.account.make_directory(world.lab.path(name))
    image = os.path.join(folder, file)
    with open(image, "wb") as disk:
        disk.write(os.urandom(1024 * 1024) * mib)
    world.lab.account.own(image)
    return folder, image


def test_disk_on_shared_storage(world):
    """Both hosts of the lab see the one file."""
    folder, image = make_image(world, "shared", 4)
    extra = f"[DEFAULT]\ninstances_path = {folder}\nreserved_host_disk_mb = 2000000000\n"
    world.agent(SOURCE)
    world.agent(DESTINATION, nova_extra=extra)
    disk = judged_of_disk(world, world.guest(adjust=disk_of(image)))["disk"]
    assert disk["verdict"] == "ok" and "share" in disk["text"], disk


def test_disk_without_room(world):
    """The destination's agent sees a small file system of its own where the source has the guest's disk."""
    folder, image = make_image(world, "instances", 24)
    extra = f"[DEFAULT]\ninstances_path = {folder}\n"
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    small = [*namespace, "sh", "-c", f'mount -t tmpfs -o size=8m tmpfs {folder} && exec "$@"', "sh"]
    world.agent(SOURCE)
    world.agent(DESTINATION, nova_extra=extra, prefix=small)
    disk = judged_of_disk(world, world.guest(adjust=disk_of(image)))["disk"]
    assert (disk["verdict"], disk["reason"]) == ("refused", "disk_insufficient"), disk
    assert disk["needed"] == 24 << 20 and disk["available"] <= 8 << 20
    world.agents[DESTINATION].stop()
    world.agent(DESTINATION, nova_extra=extra, prefix=[part.replace("size=8m", "size=64m") for part in small])
    disk = judged_of_disk(world, world.guest(adjust=disk_of(make_image(world, "instances", 24, "another")[1])))["disk"]
    assert disk["verdict"] == "ok" and disk["needed"] == 24 << 20, disk
