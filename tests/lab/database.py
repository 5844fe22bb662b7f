"""Nova's tables, as far as a live migration needs them: instances and migrations."""

import copy
import threading
import time
import uuid as uuids
from datetime import datetime, timezone

from .recorded import recording

OVER = ("confirmed", "reverted", "failed", "completed", "cancelled", "done")
SEEN_BY_INSTANCE = ("queued", "preparing", "running", "post-migrating")


def utc_now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Database:
    def __init__(self):
        self._lock = threading.Lock()
        self._instances, self._migrations = {}, []
        self.request_ids = set()  # of the operators' requests: each has an instance action
        args = recording().requests["live_migration"]["args"]
        self.instance_template, self.migration_template = args["instance"], args["migration"]

    # ---- instances ----

    def add_instance(self, identity, host, power_state=1):
        """Row of an instance that runs on `host`; power_state 1 running, 3 paused."""
        flavor = copy.deepcopy(self.instance_template["nova_object.data"]["flavor"])
        flavor["nova_object.data"].update(name=identity.flavor, memory_mb=identity.memory_mib, root_gb=0)
        row = copy.deepcopy(self.instance_template["nova_object.data"])
        for key in ("info_cache", "pci_requests"):
            row[key]["nova_object.data"]["instance_uuid"] = identity.uuid
        with self._lock:
            row.update(id=len(self._instances) + 1, uuid=identity.uuid, user_id=identity.user_id,
                       project_id=identity.project_id, hostname=identity.display_name,
                       display_name=identity.display_name, memory_mb=identity.memory_mib, root_gb=0, host=host,
                       node=host, launched_on=host, task_state=None, power_state=power_state,
                       vm_state="paused" if power_state == 3 else "active", image_ref="", flavor=flavor,
                       created_at=utc_now(), updated_at=None, launched_at=utc_now())
            row["name"] = identity.name
            self._instances[identity.uuid] = row

    def instance(self, uuid):
        with self._lock:
            row = self._instances.get(uuid)
            return copy.deepcopy(row) if row else None

    def update_instance(self, uuid, values):
        with self._lock:
            if uuid in self._instances:
                self._instances[uuid].update(copy.deepcopy(values), updated_at=utc_now())

    # ---- migrations ----

    def add_migration(self, instance, source, destination=None):
        row = copy.deepcopy(self.migration_template["nova_object.data"])
        row.update({key: None for key in row if key.startswith(("memory_", "disk_"))})
        with self._lock:
            row.update(id=len(self._migrations) + 1, uuid=str(uuids.uuid4()), source_compute=source,
                       dest_compute=destination, source_node=None, dest_node=None, instance_uuid=instance["uuid"],
                       status="accepted", user_id=instance["user_id"], project_id=instance["project_id"],
                       created_at=utc_now(), updated_at=None)
            self._migrations.append(row)
            return copy.deepcopy(row)

    def migration(self, **where):
        """The newest that matches, e.g. migration(instance_uuid=U)."""
        found = self.migrations(**where)
        return found[-1] if found else None

    def migrations(self, **where):
        with self._lock:
            return [copy.deepcopy(row) for row in self._migrations
                    if all(row[key] in value if isinstance(value, (list, tuple)) else row[key] == value
                           for key, value in where.items())]

    def update_migration(self, uuid, values):
        with self._lock:
            for row in self._migrations:
                if row["uuid"] == uuid:
                    row.update(values, updated_at=utc_now())

    def in_progress_and_error(self, host, node):
        """As Nova's query: of this host and node on either side (node is null until a destination was chosen)."""
        return [row for row in self.migrations() if row["status"] not in OVER
                and ((row["source_compute"], row["source_node"]) == (host, node)
                     or (row["dest_compute"], row["dest_node"]) == (host, node))]

    def wait_migration(self, timeout, statuses, newer_than=0, **where):
        """Poll until the newest matching migration (id above newer_than) has one of the statuses; returns the row as
        it is at the end."""
        deadline = time.monotonic() + timeout
        while True:
            row = self.migration(**where)
            if row and row["id"] <= newer_than:
                row = None
            if (row and row["status"] in statuses) or time.monotonic() > deadline:
                return row
            time.sleep(0.02)
