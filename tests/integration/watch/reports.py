"""Payloads of reports as agents send them, for tests: valid by schemas/report.schema.json."""
import datetime

BEGIN = datetime.datetime(2026, 3, 1, 2, 58, tzinfo=datetime.timezone.utc)
INSTANCE = "4f2a1c3e-0000-4000-8000-000000000001"
MIGRATION = "0b0f3d52-0000-4000-8000-00000000000a"
MIB = 1024 * 1024


def statistics(remaining_mib, iteration, downtime_ms=None):
    """What libvirt tells while memory flows (downtime_ms None), or in the end."""
    return {
        "job": "migration_out", "elapsed_ms": 1000, "memory_total_bytes": 8192 * MIB,
        "memory_processed_bytes": 4096 * MIB, "memory_remaining_bytes": remaining_mib * MIB,
        "bandwidth_bytes_s": 112 * MIB, "dirty_rate_pages_s": 6400, "dirty_rate_bytes_s": 25 * MIB,
        "page_size_bytes": 4096, "iteration": iteration,
        "expected_downtime_ms": 300 if downtime_ms is None else None, "downtime_ms": downtime_ms,
        "throttle_percent": None, "postcopy_requests": None,
    }


def report(side, phase, kind, sequence, progress=0, *, at=0.0, step=None, place="on_source", state="running",
           reason="none", text=None, duration_ms=None, stats=None, nova_status=None, instance=INSTANCE,
           migration=MIGRATION, migration_id=42, source="cmp-a", destination="cmp-b"):
    """One payload; side is "source" or "destination"; the destination's clock is an hour ahead."""
    clock = BEGIN + datetime.timedelta(seconds=at, hours=side == "destination")
    return {
        "schema_version": "1.0", "instance_uuid": instance, "instance_name": "web-7", "flavor": "m1.large",
        "memory_mib": 8192, "vcpus": 4, "migration_uuid": migration, "migration_id": migration_id,
        "request_id": None, "source": source, "destination": destination,
        "host": source if side == "source" else destination, "role": side,
        "attempt_id": ("aaaaaaaa" if side == "source" else "bbbbbbbb") + instance[8:],
        "phase": phase, "kind": kind, "step": step, "sequence": sequence, "progress_count": progress,
        "occurred_at": clock.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "evidence": "observed",
        "not_before": None, "not_after": None, "phase_duration_ms": duration_ms, "statistics": stats,
        "severity": "error" if kind == "error" else "info",
        "reason": reason, "reason_text": text, "guest": {"place": place, "state": state}, "cause": None,
        "skipped": False, "nova_status": nova_status, "peer": None, "clock_offset_ms": None,
        "clock_offset_error_ms": None, "checks": None,
    }


def success(**who):
    """The whole story of a migration that succeeds, in the order of a true clock."""
    there = {"place": "on_destination", **who}
    return [
        report("destination", "pre_migration", "start", 1, **who),
        report("destination", "pre_migration", "end", 2, duration_ms=100.0, **who),
        report("destination", "reservation", "start", 3, at=1, step="soft", **who),
        report("source", "pre_migration", "start", 1, at=1, step="waiting", **who),
        report("destination", "reservation", "progress", 3, 1, at=2, step="held", **who),
        report("source", "pre_migration", "end", 2, at=4, duration_ms=3000.0, **who),
        report("source", "pre_copy", "start", 3, at=4, step="memory", **who),
        report("destination", "reservation", "end", 4, 1, at=4, duration_ms=3000.0, **who),
        report("source", "pre_copy", "progress", 3, 1, at=5, step="memory", stats=statistics(6144, 1), **who),
        report("source", "pre_copy", "progress", 3, 2, at=65, step="memory", stats=statistics(2048, 3), **who),
        report("source", "pre_copy", "end", 4, 2, at=70, duration_ms=66000.0, **who),
        report("source", "stop_and_copy", "start", 5, 2, at=70, state="paused", **who),
        report("destination", "commitment", "start", 5, 1, at=70.2, **there),
        report("source", "stop_and_copy", "end", 6, 2, at=70.3, duration_ms=300.0,
               stats=statistics(0, 5, 243), **there),
        report("source", "commitment", "start", 7, 2, at=70.3, stats=statistics(0, 5, 243), **there),
        report("destination", "commitment", "end", 6, 1, at=72, duration_ms=1800.0, nova_status="completed",
               **there),
        report("source", "commitment", "end", 8, 2, at=72.5, duration_ms=2200.0, nova_status="completed",
               **there),
    ]
