"""Domain XML of a guest, with the metadata that Nova 26 writes."""

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

NOVA_NAMESPACE = "http://openstack.org/xmlns/libvirt/nova/1.1"


@dataclass(frozen=True)
class GuestLoad:
    """What the guest does: MiB it dirties in a sweep, MiB/s, MiB filled once with noise, ms between heartbeats."""

    working_set_mib: int = 16
    rate_mib_s: int = 4
    fill_mib: int = 32
    beat_ms: int = 50

    def command_line(self):
        return f"ws={self.working_set_mib} rate={self.rate_mib_s} fill={self.fill_mib} beat={self.beat_ms}"


@dataclass(frozen=True)
class GuestIdentity:
    """Who the guest is to Nova."""

    uuid: str
    name: str = "instance-00000001"
    display_name: str = "vm1"
    flavor: str = "m1.tiny"
    memory_mib: int = 128
    user_id: str = "0d1f7e6a5b4c4d3e9f8a7b6c5d4e3f2a"
    project_id: str = "7c6b5a4938271605f4e3d2c1b0a99887"


def domain_xml(identity, load, kernel, serial_file):
    return f"""<domain type='qemu'>
  <name>{escape(identity.name)}</name>
  <uuid>{identity.uuid}</uuid>
  <metadata>
    <nova:instance xmlns:nova="{NOVA_NAMESPACE}">
      <nova:package version="26.2.1"/>
      <nova:name>{escape(identity.display_name)}</nova:name>
      <nova:creationTime>2026-11-21 21:12:01</nova:creationTime>
      <nova:flavor name={quoteattr(identity.flavor)}>
        <nova:memory>{identity.memory_mib}</nova:memory>
        <nova:disk>0</nova:disk>
        <nova:swap>0</nova:swap>
        <nova:ephemeral>0</nova:ephemeral>
        <nova:vcpus>1</nova:vcpus>
      </nova:flavor>
      <nova:owner>
        <nova:user uuid="{identity.user_id}">lab</nova:user>
        <nova:project uuid="{identity.project_id}">lab</nova:project>
      </nova:owner>
      <nova:ports/>
    </nova:instance>
  </metadata>
  <memory unit='MiB'>{identity.memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{escape(kernel)}</kernel>
    <cmdline>{escape(load.command_line())}</cmdline>
  </os>
  <features><acpi/></features>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <serial type='file'><source path={quoteattr(serial_file)} append='on'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""
