"""The laboratory: broker, libvirt hosts, Nova's part and any further processes, as one context.

    with Lab() as lab:
        guest = lab.start_guest("lab-a", GuestLoad(working_set_mib=8, rate_mib_s=2))
        migration = lab.live_migrate(guest, "lab-b")
        assert migration.wait() == "completed" and lab.runs_on(guest) == ["lab-b"]

Everything lies in one short directory below /tmp (QEMU's socket paths must stay short, and the ordinary user that runs
the hosts must get there), which is removed at the end unless keep is set.
"""

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from .broker import Broker
from .domain import GuestIdentity, GuestLoad
from .heartbeat import Heartbeat
from .hosts import Host
from .nova import Nova, live_migrate
from .ports import PortRange
from .process import Account, LabError, Process, kill_pid, pids_naming, wait_for
from .record import HostRecorder, TapRecorder, consumers

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
_LIBRARY_LOGGERS = ("amqp", "kombu", "oslo.messaging", "oslo_messaging", "futurist")


class Guest:
    def __init__(self, identity, serial, heartbeat):
        self.identity, self.serial, self.heartbeat = identity, serial, heartbeat
        self.uuid, self.name = identity.uuid, identity.name


class Lab:
    def __init__(self, host_names=("lab-a", "lab-b"), alt_topic=False, nova=True, record=True, keep=False,
                 directory=None):
        self.keep = keep
        self.directory = directory or tempfile.mkdtemp(prefix="nma-lab-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.host_names, self.alt_topic, self.with_nova, self.record = host_names, alt_topic, nova, record
        self.hosts, self.guests, self.processes = {}, [], {}
        self.broker = self.nova = self.tap = None
        self.recorders = {}
        self._heartbeats = []
        self._log_handler = logging.FileHandler(self.path("nova.log"))
        self._ports = PortRange()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    # ---- up and down ----

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._log_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        for name in _LIBRARY_LOGGERS:
            logging.getLogger(name).addHandler(self._log_handler)
            logging.getLogger(name).propagate = False
        self.account = Account()
        self.serial_folder = self.account.make_directory(self.path("serial"))
        self.kernel = self._guest_program()
        for number, name in enumerate(self.host_names):
            self.hosts[name] = Host(name, self.path(chr(ord("a") + number)), self.account, self._ports,
                                    address=f"127.0.0.{number + 2}")
        self.broker = Broker(self.path("broker"))
        with ThreadPoolExecutor() as together:
            tasks = [together.submit(self.broker.start)] + [together.submit(self._start_host, host)
                                                            for host in self.hosts.values()]
            for task in tasks:
                task.result()
        if self.record:
            self.tap = TapRecorder(self.url, self.path("tap.jsonl"))
            for name, host in self.hosts.items():
                self.recorders[name] = HostRecorder(host, self.path(f"events-{name}.jsonl"),
                                                    self.path(f"jobs-{name}.jsonl"))
        if self.with_nova:
            self.nova = Nova(self.url, self.hosts, self.path("nova.jsonl"), self.alt_topic)
            self.nova.start()

    @staticmethod
    def _start_host(host):
        host.start()
        host.learn_capabilities()

    def stop(self):
        """Guests and hosts first: what Nova's part waits for ends, while it can still talk to the broker. Each step is
        taken whatever became of the ones before."""
        steps = [process.stop for process in self.processes.values()]
        steps += [heartbeat.stop for heartbeat in self._heartbeats]
        steps += [recorder.stop for recorder in self.recorders.values()]
        if self.nova:
            steps += [compute.stopping.set for compute in self.nova.computes.values()]
        steps += [host.stop for host in self.hosts.values()]
        steps += [part.stop for part in (self.nova, self.tap) if part]
        if self.broker:
            steps += [self.broker.kill, self.broker.close]
        steps += [self._sweep, self._ports.close, self._close_log]
        with contextlib.ExitStack() as stack:
            for step in reversed(steps):
                stack.callback(step)

    def _sweep(self):
        for pid in pids_naming(self.directory):
            kill_pid(pid)

    def _close_log(self):
        for name in _LIBRARY_LOGGERS:
            logging.getLogger(name).removeHandler(self._log_handler)
        self._log_handler.close()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _guest_program(self):
        """The one that make built, else built here; where the hosts' user can read it."""
        kernel = self.path("guest.elf")
        built = os.path.join(os.environ.get("top_builddir", os.path.join(TOP, "_build", "default")),
                             "tests", "lab", "guest", "guest.elf")
        if os.path.exists(built):
            shutil.copy(built, kernel)
        else:
            subprocess.run([os.path.join(HERE, "guest", "build"), kernel], check=True)
        os.chmod(kernel, 0o644)
        return kernel

    @property
    def url(self):
        return self.broker.url()

    @property
    def post_copy_possible(self):
        return self.account.post_copy_possible

    @property
    def post_copy_reason(self):
        return self.account.post_copy_reason

    # ---- the broker goes and comes ----

    def stop_broker(self, kill=False):
        """Nova's part holds its requests back from now on, so that none is lost by chance."""
        if self.nova:
            self.nova.link.close_gate()
        if kill:
            self.broker.kill()
        else:
            self.broker.stop()

    def start_broker(self, timeout=30):
        """Nova's part goes on as soon as all its servers consume again."""
        self.broker.start()
        if self.nova:
            wait_for(self._servers_are_back, timeout, "Nova's servers consume again", 0.2)
            self.nova.link.open_gate()

    def _servers_are_back(self):
        topics = ["compute", "compute-alt"] if self.nova.alt_topic else ["compute"]
        wanted = {"conductor"} | {f"{topic}.{name}" for topic in topics for name in self.nova.computes}
        return all(consumers(self.url, queue) for queue in wanted)

    # ---- libvirtd goes and comes ----

    def stop_libvirtd(self, host_name):
        """Guests live on. nova-compute connects anew when it needs to."""
        self.hosts[host_name].stop_libvirtd()
        if self.nova:
            self.nova.computes[host_name].disconnect()

    def start_libvirtd(self, host_name):
        self.hosts[host_name].start()

    # ---- guests ----

    def start_guest(self, host_name, load=GuestLoad(), memory_mib=128, paused=False, timeout=30, adjust=None):
        """A guest that Nova knows and that beats; paused: it beat first, then was paused as by an operator. adjust:
        what is made of its domain XML before."""
        number = len(self.guests) + 1
        identity = GuestIdentity(str(uuid.uuid4()), name=f"instance-{number:08x}", display_name=f"vm{number}",
                                 memory_mib=memory_mib)
        serial = os.path.join(self.serial_folder, f"{identity.name}.log")
        domain = self.hosts[host_name].start_guest(identity, load, self.kernel, serial, adjust=adjust)
        heartbeat = Heartbeat(serial)
        self._heartbeats.append(heartbeat)
        wait_for(lambda: heartbeat.ready and heartbeat.count >= 2, timeout, f"{identity.name} beats ({serial})")
        if paused:
            domain.suspend()
            wait_for(heartbeat.caught_up, 5, "the paused guest's last words")
        if self.nova:
            self.nova.database.add_instance(identity, host_name, power_state=3 if paused else 1)
        guest = Guest(identity, serial, heartbeat)
        self.guests.append(guest)
        return guest

    def remove_guest(self, guest):
        """Its life ends on every host; Nova's tables keep it."""
        for host in self.hosts.values():
            host.destroy_guest(guest.uuid)
        guest.heartbeat.stop()

    def runs_on(self, guest, state="running"):
        return [name for name, host in self.hosts.items() if host.guest_state(guest.uuid) == state]

    def live_migrate(self, guest, host=None):
        return live_migrate(self.nova, guest.uuid, host)

    def wait_copying(self, guest, host_name, timeout=30):
        """Until the outgoing job on that host has sent something; returns its statistics."""
        domain = self.hosts[host_name].domain(guest.uuid)

        def copying():
            stats = domain.jobStats()
            return stats if stats.get("memory_processed", 0) > 0 else None
        return wait_for(copying, timeout, f"memory of {guest.name} flows")

    def wait_beats(self, guest, more=3, timeout=20):
        """Until the guest beat that often from now on: it lives."""
        wanted = guest.heartbeat.count + more
        wait_for(lambda: guest.heartbeat.count >= wanted, timeout, f"{guest.name} goes on beating")

    # ---- further processes ----

    def start_process(self, name, command, environment=None):
        """E.g. an agent; stopped with the lab. Its output is in NAME.log."""
        if name in self.processes and self.processes[name].running():
            raise LabError(f"{name} runs already")
        self.processes[name] = Process(name, command, self.path(f"{name}.log"), environment)
        return self.processes[name]

    def write_nova_conf(self, host_name, extra=""):
        """What nova-compute of that host would read; returns the path."""
        host = self.hosts[host_name]
        path = self.path(f"nova-{host_name}.conf")
        with open(path, "w", encoding="utf-8") as conf:
            conf.write(f"[DEFAULT]\nhost = {host_name}\nmy_ip = {host.address}\ntransport_url = {self.url}\n"
                       f"\n[libvirt]\nvirt_type = qemu\nconnection_uri = {host.uri}\n"
                       f"live_migration_inbound_addr = $my_ip\n{extra}")
        return path

    def write_agent_conf(self, host_name, sections=None, nova_extra=""):
        """An agent's own configuration; sections: name -> {option: value} added or replaced. Returns the path."""
        state = self.path(f"agent-{host_name}")
        os.makedirs(state, mode=0o700, exist_ok=True)
        values = {"nova": {"config_files": self.write_nova_conf(host_name, nova_extra)},
                  "libvirt": {"uri": self.hosts[host_name].uri}, "agent": {"state_dir": state}}
        for section, options in (sections or {}).items():
            values.setdefault(section, {}).update(options)
        path = self.path(f"agent-{host_name}.conf")
        with open(path, "w", encoding="utf-8") as conf:
            for section, options in values.items():
                conf.write(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items()) + "\n")
        return path

    def report(self, text):
        """A line with the lab's time, for people who watch."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
