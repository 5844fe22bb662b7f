"""Makes a trace (schemas/trace.schema.json) of a recording as record.py and tests/data/real-nova have it.

    python3 -m tests.lab.trace tests/data/real-nova/block-slow A rnlab-b > tests/data/traces/block-slow.jsonl

A or B: the source's files. What is read more than once a second between two syncs is thinned out, as the agent reads.
"""

import json
import os
import sys

SCHEMA_VERSION = "1.0"
LIFECYCLES = {("suspended", "migrated"): "suspended_migrated", ("suspended", "post-copy"): "suspended_postcopy",
              ("stopped", "migrated"): "stopped_migrated", ("stopped", "failed"): "stopped_failed",
              ("resumed", "migrated"): "resumed_migrated"}
STATES = {1: "running", 3: "paused"}
PAUSED_MIGRATION = 2
FIGURES = {"elapsed_ms": "time_elapsed", "data_total_bytes": "data_total", "memory_total_bytes": "memory_total",
           "memory_processed_bytes": "memory_processed", "memory_remaining_bytes": "memory_remaining",
           "memory_normal_pages": "memory_normal", "memory_zero_pages": "memory_constant",
           "memory_normal_bytes": "memory_normal_bytes", "bandwidth_bytes_s": "memory_bps",
           "dirty_rate_pages_s": "memory_dirty_rate", "page_size_bytes": "memory_page_size",
           "iteration": "memory_iteration", "postcopy_requests": "memory_postcopy_requests",
           "disk_total_bytes": "disk_total", "disk_processed_bytes": "disk_processed",
           "disk_remaining_bytes": "disk_remaining", "disk_bandwidth_bytes_s": "disk_bps",
           "downtime_net_ms": "downtime_net", "setup_time_ms": "setup_time"}
OPERATIONS = {4: "migration_in", 5: "migration_out"}


def rows(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def statistics(stats, final):
    value = {name: stats.get(libvirt) for name, libvirt in FIGURES.items()}
    kind = OPERATIONS.get(stats.get("operation"), "other") if stats.get("type") else "none"
    return {"job": kind, **value, "downtime_ms" if final else "expected_downtime_ms": stats.get("downtime")}


def reading(row):
    stats, state = row["stats"], row["state"]
    name = "paused_migration" if state == [3, PAUSED_MIGRATION] else STATES.get(state[0], "unknown")
    return {"kind": "reading", "state": name, "statistics": statistics(stats, False)}


def collect(folder, side):
    """(time, line) of everything that a source is told."""
    found = []
    for row in rows(folder, f"events-{side}.jsonl"):
        if row["event"] == "migration_iteration":
            found.append((row["t"], {"kind": "iteration", "iteration": row["args"][0]}))
        elif row["event"] == "job_completed":
            found.append((row["t"], {"kind": "job_completed", "statistics": statistics(
                {"type": 3, **row["args"][0]}, True)}))
        elif row["event"] == "lifecycle" and tuple(row["args"][:2]) in LIFECYCLES:
            found.append((row["t"], {"kind": "lifecycle", "what": LIFECYCLES[tuple(row["args"][:2])]}))
    syncs = [time for time, line in found if line["kind"] == "iteration"]
    last = 0
    for row in rows(folder, f"jobs-{side}.jsonl"):
        after_sync = any(last < sync <= row["t"] for sync in syncs)
        if "stats" in row and row["stats"].get("type") and (after_sync or row["t"] - last >= 0.9):
            found.append((row["t"], reading(row)))
            last = row["t"]
    return sorted(found, key=lambda pair: pair[0])


def convert(folder, side, destination, instance_uuid, max_downtime_ms=500, first_downtime_ms=50):
    found = collect(folder, side)
    begun = min(time for time, line in found if line["kind"] in ("iteration", "reading"))
    head = {"kind": "trace", "schema_version": SCHEMA_VERSION, "host": "source", "instance_uuid": instance_uuid,
            "begun_at": "2026-11-21T22:00:00.000000Z", "max_downtime_ms": max_downtime_ms,
            "first_downtime_ms": first_downtime_ms, "fixed_cost_ms": 50, "step_ms": 150000}
    cast = {"kind": "nova_call", "method": "live_migration", "destination": destination, "migration_id": 1,
            "memory_mib": None, "at_us": 0}
    yield from (head, cast)
    for time, line in found:
        if time >= begun:
            yield {**line, "at_us": round((time - begun) * 1e6)}


def main(folder, side, destination):
    for line in convert(folder, side, destination, "96fb22dc-0efe-4251-b167-e651db6d5fb0"):
        print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main(*sys.argv[1:])
