"""One libvirt host: a session libvirtd with its own directories, host uuid and migration ports."""

import glob
import os
import time
import uuid
import xml.etree.ElementTree as ET

import libvirt

from .domain import domain_xml
from .process import LabError, Process, kill_pid, pid_alive, wait_for

# libvirt's Python binding prints each error to stderr as well
libvirt.registerErrorHandler(lambda _context, _error: None, None)

_LIBVIRTD_CONF = """host_uuid = "{host_uuid}"
log_level = 3
log_outputs = "3:stderr"
"""

# clear_emulator_capabilities: QEMU keeps the one capability the lab may give its daemons, for post-copy
_QEMU_CONF = """stdio_handler = "file"
max_core = 0
clear_emulator_capabilities = 0
migration_address = "{address}"
migration_port_min = {first}
migration_port_max = {last}
"""


class Host:
    """Paths stay short: QEMU's sockets below them must fit into 108 bytes."""

    def __init__(self, name, directory, account, ports, address="127.0.0.2"):
        self.name, self.directory, self.account = name, directory, account
        self.uuid = str(uuid.uuid4())
        self.migration_ports = ports.take(16)
        self._folders = {}
        account.make_directory(directory, 0o755)
        for kind in ("config", "cache", "data", "runtime"):
            self._folders[kind] = account.make_directory(os.path.join(directory, kind[0]))
        self.socket = os.path.join(self._folders["runtime"], "libvirt", "libvirt-sock")
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        self.address = address
        # Nova's live_migration_inbound_addr; libvirt adds a port of the destination's range
        self.migrate_uri = f"tcp://{address}"
        self.log = os.path.join(directory, "libvirtd.log")
        self.libvirtd = None
        self._connection = None
        self.configure()

    def configure(self, qemu_more=""):
        """What libvirtd reads when it starts; qemu_more: lines for qemu.conf."""
        folder = self.account.make_directory(os.path.join(self._folders["config"], "libvirt"))
        first, last = self.migration_ports
        for name, text in (("libvirtd.conf", _LIBVIRTD_CONF.format(host_uuid=self.uuid)),
                           ("qemu.conf", _QEMU_CONF.format(address=self.address, first=first, last=last) + qemu_more)):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii") as conf:
                conf.write(text)
            self.account.own(path)
        self._conf = os.path.join(folder, "libvirtd.conf")

    def _environment(self):
        folders = self._folders
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": folders["data"],
                "USER": self.account.name, "XDG_CONFIG_HOME": folders["config"], "XDG_CACHE_HOME": folders["cache"],
                "XDG_DATA_HOME": folders["data"], "XDG_RUNTIME_DIR": folders["runtime"]}

    # ---- libvirtd ----

    def start(self):
        command = ["libvirtd", "--timeout", "600", "-f", self._conf]
        self.libvirtd = Process(f"libvirtd-{self.name}", self.account.prefix + command, self.log,
                                self._environment())
        wait_for(self._try_connect, 20, f"libvirtd of {self.name} answers (log: {self.log})", 0.05)

    def learn_capabilities(self):
        """libvirt asks each QEMU once what it can do (2 s): this one for its capabilities, all that are installed for a
        version. Better now than inside the first migration."""
        self.connection.getDomainCapabilities("/usr/bin/qemu-system-x86_64", "x86_64", "pc", "qemu")
        self.connection.getVersion()

    def capabilities_file(self, emulator="/usr/bin/qemu-system-x86_64"):
        """Where libvirtd keeps what it learnt from that QEMU. As long as neither is another one it believes it when it
        starts: who rewrites it in between has it answer as for another QEMU, or on another CPU."""
        self.connection.getDomainCapabilities(emulator, "x86_64", None, "qemu")
        folder = os.path.join(self._folders["cache"], "libvirt", "qemu", "cache", "capabilities")
        for path in glob.glob(os.path.join(folder, "*.xml")):
            if ET.parse(path).findtext("emulator") == emulator:
                return path
        raise LabError(f"libvirtd of {self.name} keeps nothing of {emulator}")

    def _try_connect(self):
        if not self.libvirtd.running():
            raise LabError(f"libvirtd of {self.name} ended:\n{self.libvirtd.log_tail()}")
        try:
            self._connection = libvirt.open(self.uri)
        except libvirt.libvirtError:
            return False
        return True

    @property
    def connection(self):
        """A connection that works; opened anew when libvirtd was restarted."""
        if self._connection is None or not self._connection.isAlive():
            self.close_connection()
            self._connection = libvirt.open(self.uri)
        return self._connection

    def close_connection(self):
        if self._connection is not None:
            try:
                self._connection.close()
            except libvirt.libvirtError:
                pass
            self._connection = None

    def kill_libvirtd(self):
        """kill -9; guests live on."""
        self.close_connection()
        self.libvirtd.kill()

    def stop_libvirtd(self):
        self.close_connection()
        if self.libvirtd:
            self.libvirtd.stop()

    def restart_libvirtd(self, kill=False):
        if kill:
            self.kill_libvirtd()
        else:
            self.stop_libvirtd()
        self.start()

    def revive(self):
        """What was stopped or killed answers again. libvirtd was seen to end when it went on after SIGSTOP."""
        try:
            self.connection.getLibVersion()
        except libvirt.libvirtError:
            self.restart_libvirtd()

    # ---- guests ----

    def start_guest(self, identity, load, kernel, serial_file, paused=False, adjust=None):
        """Define and start, as Nova does: its domains are persistent. adjust: what is made of its XML before."""
        xml = domain_xml(identity, load, kernel, serial_file)
        domain = self.connection.defineXML(adjust(xml) if adjust else xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
        return domain

    def domain(self, instance_uuid):
        """The domain, or None where it is not here."""
        try:
            return self.connection.lookupByUUIDString(instance_uuid)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def guest_state(self, instance_uuid):
        """'running', 'paused', 'shut off' or None."""
        domain = self.domain(instance_uuid)
        if domain is None:
            return None
        try:
            state = domain.state()[0]
        except libvirt.libvirtError:
            return None
        return {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_PAUSED: "paused"}.get(state, "shut off")

    def qemu_pids(self):
        """Pid by domain name, from libvirt's own pid files."""
        folder = os.path.join(self._folders["runtime"], "libvirt", "qemu", "run")
        pids = {}
        if os.path.isdir(folder):
            for entry in os.listdir(folder):
                if not entry.endswith(".pid") or entry == "driver.pid":
                    continue
                try:
                    with open(os.path.join(folder, entry), encoding="ascii") as pid_file:
                        pid = int(pid_file.read())
                except (OSError, ValueError):
                    continue
                if pid_alive(pid):
                    pids[entry[:-len(".pid")]] = pid
        return pids

    def kill_qemu(self, name):
        pid = self.qemu_pids().get(name)
        if pid is None:
            raise LabError(f"{self.name} runs no QEMU for {name}")
        kill_pid(pid)

    def destroy_guest(self, instance_uuid):
        domain = self.domain(instance_uuid)
        if domain is not None:
            self._end_domain(domain)

    def _end_domain(self, domain):
        """kill -9; libvirtd notices by itself. Its own way would wait a second or two for init to reap QEMU."""
        pid = self.qemu_pids().get(domain.name())
        if pid:
            kill_pid(pid)
        try:
            domain.undefine()
        except libvirt.libvirtError:
            pass  # transient: it goes with its process

    def destroy_guests(self):
        for domain in self.connection.listAllDomains():
            self._end_domain(domain)

    def stop(self):
        """Everything of this host ends: guests, then libvirtd, then whatever QEMU it left."""
        if self.libvirtd and self.libvirtd.running():
            try:
                self.destroy_guests()
            except libvirt.libvirtError:
                pass
        self.stop_libvirtd()
        for pid in self.qemu_pids().values():
            kill_pid(pid)


def migrate_and_wait(source, destination, instance_uuid, flags=0, timeout=60):
    """A plain peer-to-peer migration without Nova, to try the two hosts."""
    base = (libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            | libvirt.VIR_MIGRATE_PERSIST_DEST)
    begin = time.monotonic()
    source.domain(instance_uuid).migrateToURI3(
        destination.uri, {libvirt.VIR_MIGRATE_PARAM_URI: destination.migrate_uri}, base | flags)
    wait_for(lambda: destination.guest_state(instance_uuid) == "running", timeout, "guest runs on destination")
    return time.monotonic() - begin
