"""Huge pages of 2 MiB for the lab's guests: the kernel's own, which all hosts of one machine share."""

import contextlib
import fcntl
import glob
import os
import subprocess
import tempfile

SIZE_KIB = 2048
_WANTED = "/proc/sys/vm/nr_hugepages"


class NoHugePages(Exception):
    """This machine has none to give, and why."""


def free_pages(size_kib=SIZE_KIB):
    """Of that size, on each NUMA node, as the kernel counts them."""
    found = []
    for path in glob.glob(f"/sys/devices/system/node/node*/hugepages/hugepages-{size_kib}kB/free_hugepages"):
        with open(path, encoding="ascii") as count:
            found.append(int(count.read()))
    return found


@contextlib.contextmanager
def alone():
    """They are the machine's: tests that count them or take them wait for one another."""
    # on a directory that every user may open: a file made by one of them is not the next one's
    lock = os.open(tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _reserved(pages):
    try:
        with open(_WANTED, encoding="ascii") as wanted:
            before = int(wanted.read())
        _want(before + pages)
    except OSError as error:
        raise NoHugePages(f"{_WANTED} cannot be written: {error.strerror}") from error
    try:
        if max(free_pages(), default=0) < pages:
            raise NoHugePages(f"the kernel found no {pages} huge pages on one NUMA node")
        yield
    finally:
        _want(before)


def _want(pages):
    with open(_WANTED, "w", encoding="ascii") as wanted:
        wanted.write(str(pages))


@contextlib.contextmanager
def _mounted(lab):
    folder = lab.path("huge-pages")
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "hugetlbfs", "-o", f"uid={lab.account.uid},gid={lab.account.gid},mode=0700",
                           "none", folder], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        os.rmdir(folder)
        raise NoHugePages(f"hugetlbfs cannot be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def _configure(lab, qemu_conf):
    for name, host in lab.hosts.items():
        lab.stop_libvirtd(name)
        host.configure(qemu_conf)
        lab.start_libvirtd(name)


@contextlib.contextmanager
def for_guests_of(lab, pages):
    """Free on one node, and where the libvirtd of each host finds them; its guests must be gone at the end."""
    with alone(), _reserved(pages), _mounted(lab) as folder:
        _configure(lab, f'hugetlbfs_mount = "{folder}"\n')
        try:
            yield
        finally:
            _configure(lab, "")


def backed(xml):
    """A guest's XML, its memory in them."""
    return xml.replace("<vcpu>", f"<memoryBacking><hugepages><page size='{SIZE_KIB}' unit='KiB'/></hugepages>"
                                 "</memoryBacking><vcpu>", 1)
