"""What Nova's libvirt driver does in a live migration: start the job, look at it every 0.5 s, walk the downtime
ladder, run queued tasks, judge the end."""

import collections
import time

import libvirt

from .pool import in_thread

COMPLETED, FAILED, CANCELLED = (libvirt.VIR_DOMAIN_JOB_COMPLETED, libvirt.VIR_DOMAIN_JOB_FAILED,
                                libvirt.VIR_DOMAIN_JOB_CANCELLED)
POLL_S = 0.5
STATS_EVERY = 10  # polls between two Migration.save


class Abandoned(Exception):
    """The compute was stopped in the middle: nobody looks at the job any more."""


def downtime_ladder(knobs, data_gib):
    """(seconds, ms) of each step; Nova's arithmetic."""
    delay = int(knobs.downtime_delay_s * data_gib)
    base = knobs.downtime_ms / knobs.downtime_steps
    offset = (knobs.downtime_ms - base) / knobs.downtime_steps
    return [(delay * step, int(base + offset * step)) for step in range(knobs.downtime_steps + 1)]


class LiveMigration:
    """One job on the source. `tasks` takes "force-complete"; save_stats(statistics) and save_status(text) go to the
    conductor. note_failure(call, error): what libvirt refused and Nova only logs."""

    def __init__(self, domain, destination, connect_address, knobs, stopping, paused, note_failure):
        self.domain, self.destination, self.connect_address = domain, destination, connect_address
        self.note_failure = note_failure
        self.knobs, self.stopping, self.paused = knobs, stopping, paused
        self.tasks = collections.deque()
        self.job_started = False

    def flags(self):
        flags = (libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
                 | libvirt.VIR_MIGRATE_PERSIST_DEST)
        if self.knobs.post_copy and not self.paused:
            flags |= libvirt.VIR_MIGRATE_POSTCOPY
        elif self.knobs.auto_converge:
            flags |= libvirt.VIR_MIGRATE_AUTO_CONVERGE
        return flags

    def _operation(self):
        xml = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
        params = {libvirt.VIR_MIGRATE_PARAM_URI: f"tcp://{self.connect_address}",
                  libvirt.VIR_MIGRATE_PARAM_DEST_XML: xml, libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: xml}
        if self.knobs.bandwidth_mib_s:
            params[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = self.knobs.bandwidth_mib_s
        self.domain.migrateToURI3(self.destination.uri, params, self.flags())

    def run(self, memory_mib, save_stats, save_status):
        """Returns COMPLETED, FAILED or CANCELLED; raises libvirtError when monitoring itself fails."""
        if self.knobs.never_start_job:
            self.stopping.wait()
            raise Abandoned
        self.job_started = True
        operation = in_thread(self._operation)
        steps = downtime_ladder(self.knobs, max(2, memory_mib // 1024))
        began, polls, downtime, paused_by_us, status = time.monotonic(), 0, None, False, "running"
        while True:
            kind, info = self._job_info()
            if kind == libvirt.VIR_DOMAIN_JOB_NONE and operation.done():
                kind = self._find_job_type()
            if kind == libvirt.VIR_DOMAIN_JOB_UNBOUNDED:
                while self.tasks:
                    self.tasks.popleft()
                    if self.flags() & libvirt.VIR_MIGRATE_POSTCOPY:
                        if status == "running" and self._quietly(self.domain.migrateStartPostCopy):
                            status = "running (post-copy)"
                            save_status(status)
                    else:
                        paused_by_us = self._quietly(self.domain.suspend)
                downtime = self._update_downtime(steps, downtime, time.monotonic() - began)
                if polls % STATS_EVERY == 0:
                    save_stats(info)
                polls += 1
            elif kind == COMPLETED:
                return kind
            elif kind in (FAILED, CANCELLED):
                if paused_by_us:
                    self._quietly(self.domain.resume)
                return kind
            if self.stopping.wait(POLL_S):
                raise Abandoned

    def _job_info(self):
        try:
            info = self.domain.jobStats()
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
                return COMPLETED, {}
            raise
        return info.get("type", libvirt.VIR_DOMAIN_JOB_NONE), info

    def _find_job_type(self):
        """No job and the operation over: where the guest is tells what happened."""
        try:
            return FAILED if self.domain.isActive() else COMPLETED
        except libvirt.libvirtError as error:
            return COMPLETED if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN else FAILED

    def _update_downtime(self, steps, current, elapsed):
        wanted = [ms for seconds, ms in steps if elapsed > seconds]
        if not wanted or wanted[-1] == current:
            return current
        self._quietly(self.domain.migrateSetMaxDowntime, wanted[-1], 0)
        return wanted[-1]

    def _quietly(self, call, *args):
        try:
            call(*args)
        except libvirt.libvirtError as error:
            self.note_failure(call.__name__, str(error))
            return False
        return True
