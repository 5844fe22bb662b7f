"""One host, and the agent's word on guests that it would be sent."""

import os
import subprocess

import libvirt

from tests.lab.hosts import Host
from tests.lab.ports import PortRange
from tests.lab.process import Account, kill_pid, pids_naming

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("top_builddir", os.path.join(HERE, "..", "..", "..", "_build", "default"))
PROGRAM = os.path.join(BUILD, "tests", "integration", "virt", "accept")

XML = """<domain type='qemu'><name>cpu{number}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
{more}<os><type arch='{arch}' machine='{machine}'>hvm</type></os>{cpu}
<devices><emulator>{emulator}</emulator><controller type='usb' model='none'/><memballoon model='none'/></devices>
</domain>
"""


class Asked:
    """checks: those whose verdicts are asked as well, by name."""

    def __init__(self, directory, *checks):
        self.directory, self.checks, self.number = directory, checks, 0
        os.chmod(directory, 0o755)
        self.ports = PortRange()
        self.host = Host("a", os.path.join(directory, "a"), Account(), self.ports)
        self.processes = {}

    def start(self):
        self.host.start()
        self.host.learn_capabilities()
        self.processes = {check: subprocess.Popen([PROGRAM, self.host.uri, *check], stdin=subprocess.PIPE,
                                                  stdout=subprocess.PIPE, text=True)
                          for check in ((), *((check,) for check in self.checks))}

    def pause(self):
        """Until start(): who asks ends, and libvirtd."""
        for process in self.processes.values():
            process.stdin.close()
            process.wait(20)
        self.processes = {}
        self.host.stop_libvirtd()

    def stop(self):
        self.pause()
        self.host.stop()
        for pid in pids_naming(self.directory):
            kill_pid(pid)
        self.ports.close()

    def xml(self, cpu, arch="x86_64", machine="pc", emulator="/usr/bin/qemu-system-x86_64", more=""):
        self.number += 1
        return XML.format(number=self.number, cpu=cpu, arch=arch, machine=machine, emulator=emulator, more=more)

    def verdict(self, xml, *check):
        path = os.path.join(self.directory, "guest.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml)
        process = self.processes[check]
        process.stdin.write(path + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def outcome(self, xml):
        """What libvirt does: (started, its words)."""
        try:
            domain = self.host.connection.createXML(
                xml, libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        except libvirt.libvirtError as error:
            return False, error.get_error_message()
        domain.destroy()
        return True, ""
