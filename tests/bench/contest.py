"""Policies side by side on real guests: the same six guests under each hand, one after the other. Nova's ladder and timeout
are at the least that its options permit, so that they end; its timeout and KubeVirt's rules are played here, through Nova's
own RPC and libvirt."""

import statistics
import time
from dataclasses import dataclass, field

import libvirt

from tests.lab.domain import GuestLoad
from tests.lab.nova import ENDED
from tests.lab.process import wait_for
from tests.lab.reports import Reports

from . import figures
from .kubevirt import KubeVirt

LINK_MIB_S = 16
# Nova counts 2 GiB at least: steps of 6 s, all of the limit after 18 s, its timeout after 30 s
STEPS, DELAY_S, TIMEOUT_S_GIB, LEAST_GIB = 3, 3, 15, 2
GIVE_UP_S = 75  # whoever has no timeout of his own
MEMORY_MIB = 128
CAP_DOWNTIME_S, CAP_PAUSE_S = 2.0, 30.0
SWITCHOVER_S = 0.5  # of a real guest, on two processors that do other work too
POLL_S = 0.1

GUESTS = {
    "idle": GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=40),
    "calm": GuestLoad(working_set_mib=16, rate_mib_s=6, fill_mib=40),
    "busy": GuestLoad(working_set_mib=32, rate_mib_s=12, fill_mib=24),
    "hot": GuestLoad(working_set_mib=6, rate_mib_s=60, fill_mib=40),
    "needs 1.3 s": GuestLoad(working_set_mib=20, rate_mib_s=60, fill_mib=32),
    "needs 4 s": GuestLoad(working_set_mib=64, rate_mib_s=60, fill_mib=8),
}


@dataclass(frozen=True)
class Hand:
    name: str
    policy: str = ""  # ours, beside Nova's ladder
    downtime_ms: int = 500
    steps: int = STEPS
    timeout: str = "abort"  # of Nova's; "" has none
    kubevirt: bool = False

    def nova_conf(self):
        return (f"[libvirt]\nlive_migration_bandwidth = {LINK_MIB_S}\nlive_migration_downtime = {self.downtime_ms}\n"
                f"live_migration_downtime_steps = {STEPS}\nlive_migration_downtime_delay = {DELAY_S}\n"
                f"live_migration_completion_timeout = {TIMEOUT_S_GIB}\n"
                f"live_migration_timeout_action = {self.timeout or 'abort'}\n")

    def sections(self):
        return {"agent": {"mode": "steer"}, "policy": {"name": self.policy}} if self.policy else \
            {"agent": {"mode": "observe"}}


HANDS = (Hand("careful", policy="careful"), Hand("must-finish", policy="must-finish"), Hand("Nova's ladder"),
         Hand("Nova, force_complete", timeout="force_complete"), Hand("virsh", downtime_ms=300, steps=1, timeout=""),
         Hand("KubeVirt, may disrupt", downtime_ms=150, steps=1, timeout="", kubevirt=True))


@dataclass
class Run:
    finished: bool = False
    total_s: float = 0
    sent_mib: float = 0
    downtime_s: float = 0
    paused_s: float = 0
    remedies: list = field(default_factory=list)

    def within(self):
        return self.finished and self.downtime_s <= CAP_DOWNTIME_S + SWITCHOVER_S and self.paused_s <= CAP_PAUSE_S


class Watch:
    """One migration from the outside: how long it copies and stands still; what Nova's timeout or KubeVirt does."""

    def __init__(self, lab, host, guest, hand, migration):
        self.domain, self.hand, self.migration = lab.hosts[host].domain(guest.uuid), hand, migration
        self.kubevirt = KubeVirt(MEMORY_MIB) if hand.kubevirt else None
        self.began = time.monotonic()
        self.acted, self.stopped, self.still, self.sent = False, False, [], 0

    def _act(self, elapsed_s, stats):
        if self.kubevirt is not None and not self.stopped:
            if self.kubevirt.look(self.domain, elapsed_s, stats):
                self.stopped = True
                self.domain.suspend()
        if not self.acted and elapsed_s > (TIMEOUT_S_GIB * LEAST_GIB if self.hand.timeout else GIVE_UP_S):
            self.acted = True
            if self.hand.timeout == "force_complete":
                self.migration.force_complete()
            else:
                self.migration.abort()

    def _look(self):
        try:
            stats, state = self.domain.jobStats(), self.domain.state()
        except libvirt.libvirtError:
            return  # it has gone
        now = time.monotonic()
        if state == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION]:
            self.still.append(now)
        if stats.get("memory_iteration", 0) < 1:
            return
        self.sent = max(self.sent, stats.get("memory_processed", 0))
        try:
            self._act(stats["time_elapsed"] / 1000, stats)
        except libvirt.libvirtError:
            pass  # it ended at that moment

    def follow(self):
        while self.migration.status not in ENDED:
            self._look()
            time.sleep(POLL_S)
        return self.migration.status == "completed"


def run(lab, reports, hand, load):
    here, there = list(lab.hosts)[:2]
    guest = lab.start_guest(here, load, memory_mib=MEMORY_MIB)
    try:
        migration = lab.live_migrate(guest, there)
        wait_for(lambda: migration.status in (*ENDED, "running"), 60, "it runs", 0.05)
        watch = Watch(lab, here, guest, hand, migration)
        one = Run(finished=watch.follow(), sent_mib=watch.sent / 2**20)
        if one.finished:
            final = reports.wait(guest.uuid, here, "stop_and_copy.end", 60)["statistics"]
            one.total_s, one.sent_mib = final["elapsed_ms"] / 1000, final["memory_processed_bytes"] / 2**20
            one.downtime_s = final["downtime_ms"] / 1000
        else:
            one.total_s = time.monotonic() - watch.began
            wait_for(lambda: lab.runs_on(guest) == [here], 60, "an aborted guest runs where it was", 0.1)
        one.remedies = [r["remedy"] for r in reports.remedies(guest.uuid) if r["outcome"] == "applied"]
        paused = watch.stopped or hand.timeout == "force_complete" and watch.acted or "pause" in one.remedies
        if paused:  # by force: it is no downtime of a switchover
            one.paused_s = one.downtime_s or (watch.still[-1] - watch.still[0] if watch.still else 0)
            one.downtime_s = 0
        return one
    finally:
        lab.remove_guest(guest)


def under(lab, reports, hand):
    """All guests under one hand."""
    here = list(lab.hosts)[0]
    lab.nova.reset_knobs()
    vars(lab.nova.knobs[here]).update(bandwidth_mib_s=LINK_MIB_S, downtime_ms=hand.downtime_ms,
                                      downtime_steps=hand.steps, downtime_delay_s=DELAY_S)
    agent = figures.fresh_agent(lab, here, sections=hand.sections(), nova_extra=hand.nova_conf())
    try:
        runs = {name: run(lab, reports, hand, load) for name, load in GUESTS.items()}
    finally:
        agent.stop()
        lab.nova.reset_knobs()
    return runs


def tell(hand, runs):
    for name, one in runs.items():
        end = "ended" if one.within() else "over its caps" if one.finished else "did not end"
        what = f"; paused {one.paused_s:.1f} s" if one.paused_s else f"; downtime {one.downtime_s:.2f} s" \
            if one.finished else ""
        figures.say(f"  {hand.name}, {name}", f"{end} after {one.total_s:.1f} s, {one.sent_mib:.0f} MiB{what}"
                    + (f"; {', '.join(one.remedies)}" if one.remedies else ""))


def summary(hand, runs):
    ended = [one for one in runs.values() if one.finished]
    figures.say(hand.name, f"{len(ended)} of {len(runs)} ended, {sum(one.within() for one in ended)} within the caps; "
                f"{sum(one.total_s for one in runs.values()):.0f} s and {sum(one.sent_mib for one in runs.values()):.0f} "
                f"MiB in all, median {statistics.median(one.total_s for one in runs.values()):.1f} s; downtime at most "
                f"{max((one.downtime_s for one in ended), default=0):.2f} s, paused at most "
                f"{max(one.paused_s for one in runs.values()):.1f} s")


def measure(lab):
    figures.say("policies, real guests", f"{LINK_MIB_S} MiB/s; Nova's steps of {DELAY_S * LEAST_GIB} s, its timeout after "
                f"{TIMEOUT_S_GIB * LEAST_GIB} s; caps: downtime {CAP_DOWNTIME_S} s, pause {CAP_PAUSE_S:.0f} s")
    reports = Reports(lab.url).start()
    try:
        everything = [(hand, under(lab, reports, hand)) for hand in HANDS]
    finally:
        reports.stop()
    for hand, runs in everything:
        tell(hand, runs)
    for hand, runs in everything:
        summary(hand, runs)
    ours = next(runs for hand, runs in everything if hand.policy == "must-finish")
    missed = [name for name in GUESTS if not ours[name].within() and any(runs[name].within() for _, runs in everything)]
    figures.say("must-finish ends what any other ends", "met" if not missed else f"MISSED: {', '.join(missed)}")
