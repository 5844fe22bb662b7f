"""KubeVirt's convergence rules of 1.9 acting on a real guest through libvirt: KubeVirt itself needs a cluster and cannot
be run here. The same rules, in virtual time: tests/sim/peers.c."""

import math

STALL_WINDOW_S, STALL_MARGIN, PATIENCE_S = 40.0, 0.04, 40.0
COMPLETION_S_GIB = 150.0  # for each GiB that was begun
TUNE_FIRST_MS, TUNE_STEPS, TUNE_ITERATION, TUNE_EVERY_S = 150, 7, 3, 10.0


class KubeVirt:
    """May disrupt: stops the guest where its rules call for it."""

    def __init__(self, memory_mib, max_downtime_ms=900):
        self.completion_s = COMPLETION_S_GIB * math.ceil(memory_mib / 1024)
        self.max_downtime_ms, self.downtime_ms = max_downtime_ms, TUNE_FIRST_MS
        self.records, self.iteration, self.tuned_s = [], 0, 0.0
        self.stalled_s = self.best = None
        self.patience_s = PATIENCE_S

    def _tune(self, domain, elapsed_s):
        if self.iteration < TUNE_ITERATION or elapsed_s - self.tuned_s < TUNE_EVERY_S or \
                self.downtime_ms >= self.max_downtime_ms:
            return
        step = (self.max_downtime_ms - TUNE_FIRST_MS) / TUNE_STEPS
        self.downtime_ms = min(self.downtime_ms + step, self.max_downtime_ms)
        self.tuned_s = elapsed_s
        domain.migrateSetMaxDowntime(int(self.downtime_ms))

    def _stalls(self, elapsed_s, remaining):
        """What remains is not less than before the window, but for a margin."""
        old = [rest for at, rest in self.records if at < elapsed_s - STALL_WINDOW_S]
        return bool(old) and remaining >= (1 - STALL_MARGIN) * min(old)

    def look(self, domain, elapsed_s, stats):
        """At each reading of the job. True: it stops the guest now."""
        if elapsed_s >= self.completion_s:
            return True
        synced = stats["memory_iteration"] != self.iteration
        self.iteration = stats["memory_iteration"]
        self._tune(domain, elapsed_s)
        if not synced:
            return False
        remaining = stats["memory_remaining"]
        if self.stalled_s is None and self._stalls(elapsed_s, remaining):
            self.stalled_s = elapsed_s
            self.best = min(rest for _, rest in self.records + [(elapsed_s, remaining)])
        self.records.append((elapsed_s, remaining))
        if self.stalled_s is None:
            return False
        # a rest as small as the best is waited for, then the bound is relaxed
        if elapsed_s - self.stalled_s > self.patience_s:
            self.stalled_s, self.patience_s, self.best = elapsed_s, self.patience_s / 2, self.best * (1 + 10 * STALL_MARGIN)
        return remaining <= self.best * (1 + STALL_MARGIN)
