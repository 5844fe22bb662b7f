"""From libvirt's event to the report in a consumer's hand: one process (stopwatch) hears both. The peer is what Nova's
driver has instead of events: a look at the domain every 0.5 s."""

import threading
import time

import libvirt

from tests.lab.domain import GuestLoad
from tests.lab.driver import POLL_S
from tests.lab.process import LabError, wait_for

from . import figures
from .stopwatch import Stopwatch

# libvirt's (event, detail), the side that tells, what it tells
STARTED, SUSPENDED, RESUMED, STOPPED = (2, 1), (3, 1), (4, 1), (5, 3)
TOLD_BY = {STARTED: "reservation.end", SUSPENDED: "stop_and_copy.start", RESUMED: "stop_and_copy.end",
           STOPPED: "stop_and_copy.end"}
NAMES = {"started": STARTED, "suspended": SUSPENDED, "resumed": RESUMED, "stopped": STOPPED}
# the state that a look must find (None: no such domain)
SHOWN_BY = {STARTED: lambda state: state is not None, SUSPENDED: lambda state: state != libvirt.VIR_DOMAIN_RUNNING,
            RESUMED: lambda state: state == libvirt.VIR_DOMAIN_RUNNING, STOPPED: lambda state: state is None}
GOAL_P99_MS = 10
PATIENCE_S = 10
SMALL = GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=8)


def latencies_ms(stopwatch):
    """(event, ms) of each event that a report tells. A report may even be here before our copy of the event: libvirtd
    tells its clients one after the other. Then the figure is below zero."""
    found = []
    for key, events in stopwatch.events.items():
        reports = list(stopwatch.reports[key])
        for time_us, event in events:
            wanted = TOLD_BY.get(event)
            after = [at for at, what in reports if what == wanted and at > time_us - 50_000]
            if wanted and after:
                found.append((event, (min(after) - time_us) / 1000))
    return found


class Poll:
    """Looks at all domains of a host every 0.5 s. A look is (µs when it was over, {instance: state})."""

    def __init__(self, host):
        self.looks = []
        self._host = host
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        connection = libvirt.open(self._host.uri)
        while not self._stop.wait(POLL_S):
            states = {}
            try:
                for domain in connection.listAllDomains():
                    states[domain.UUIDString()] = domain.state()[0]
            except libvirt.libvirtError:
                continue  # it went between the two calls
            self.looks.append((time.monotonic_ns() // 1000, states))
        connection.close()

    def stop(self):
        self._stop.set()
        self._thread.join(5)

    def noticed_ms(self, uuid, event, time_us):
        """From the event to the first look that shows what it told; None when none did."""
        shows = SHOWN_BY[event]
        for at, states in self.looks:
            if at >= time_us and shows(states.get(uuid)):
                return (at - time_us) / 1000
        return None


def told_to_the_end(stopwatch, guest, hosts, number):
    """Whether both sides have; what the conductor says at the end is no part of the figure."""
    try:
        for host in hosts:
            wait_for(lambda: len(stopwatch.told(host, guest.uuid, "commitment.end")) > number, PATIENCE_S, "", 0.05)
    except LabError:
        return False
    return True


def measure(lab):
    # the end of a migration is learnt of the conductor: the next one should not have to wait for it
    sections = {"reports": {"progress_interval_ms": 1000}, "agent": {"conductor_interval_ms": 1000}}
    agents = [figures.fresh_agent(lab, name, sections=sections) for name in lab.hosts]
    polls = {name: Poll(host) for name, host in lab.hosts.items()}
    here, there = lab.hosts
    guest = lab.start_guest(here, SMALL, memory_mib=64)
    unfinished = 0
    with Stopwatch(lab) as stopwatch:
        try:
            for number in range(figures.count("MIGRATIONS", 60)):
                status = lab.live_migrate(guest, there).wait()
                if status != "completed":
                    raise RuntimeError(f"migration {number} ended {status}, no figure; the stand-in's last steps: "
                                       f"{lab.nova.journal.entries[-12:]}")
                unfinished += not told_to_the_end(stopwatch, guest, (here, there), number - unfinished)
                here, there = there, here
            time.sleep(2 * POLL_S)
        finally:
            for stopped in (*polls.values(), *agents):
                stopped.stop()
            lab.remove_guest(guest)
    tell(stopwatch, polls)
    if unfinished:
        figures.say("latency", f"{unfinished} migrations were not told to their end within {PATIENCE_S} s")


def tell(stopwatch, polls):
    timed = latencies_ms(stopwatch)
    noticed = [polls[host].noticed_ms(uuid, event, time_us) for (host, uuid), events in stopwatch.events.items()
               for time_us, event in events if event in TOLD_BY]
    noticed = [ms for ms in noticed if ms is not None]
    for name, wanted in NAMES.items():
        values = [ms for event, ms in timed if event == wanted]
        figures.say(f"latency, {name}/migrated", f"{percentiles(values)}")
    every = [ms for _, ms in timed]
    figures.say("latency, event to report", percentiles(every) + "; "
                + figures.verdict(figures.percentile(every, 99), GOAL_P99_MS, "ms at p99"))
    figures.say("  peer: a look every 500 ms", f"{percentiles(noticed)}; ratio at p50 "
                f"{figures.percentile(noticed, 50) / figures.percentile(every, 50):.0f}, at p99 "
                f"{figures.percentile(noticed, 99) / figures.percentile(every, 99):.0f}")


def percentiles(values):
    return (f"p50 {figures.percentile(values, 50):.1f} ms, p99 {figures.percentile(values, 99):.1f} ms, "
            f"worst {max(values):.1f} ms of {len(values)}")
