"""nova-api's part: the casts that an operator's REST calls become."""

import uuid as uuids

from .recorded import nova_object, recording, rename
from .rpc import Service


class Api(Service):
    def __init__(self, link, database):
        super().__init__("nova-api@controller", link)
        self.database = database

    def context(self, instance, **changes):
        """A new request by the instance's owner."""
        request_id = f"req-{uuids.uuid4()}"
        self.database.request_ids.add(request_id)
        names = {"user_id": instance["user_id"], "project_id": instance["project_id"]}
        return recording().context(names, request_id=request_id, **changes)

    def live_migrate(self, uuid, host=None):
        """os-migrateLive; host=None leaves the choice to the scheduler. Returns the request id."""
        self.database.update_instance(uuid, {"task_state": "migrating"})
        row = self.database.instance(uuid)
        key = "live_migrate_instance"
        args = rename(recording().requests[key]["args"], {"instance_uuid": uuid, "source": row["host"]})
        args["instance"] = nova_object(recording().requests[key]["args"]["instance"], row)
        args["scheduler_hint"] = {"host": host}
        context = self.context(row)
        self.cast(context, "conductor", key, args, version="1.15", namespace="compute_task")
        return context["request_id"]

    def _instance(self, row):
        return nova_object(self.database.instance_template, row)

    def abort(self, uuid, migration_id):
        row = self.database.instance(uuid)
        self.cast(self.context(row), "compute", "live_migration_abort",
                  {"instance": self._instance(row), "migration_id": migration_id}, server=row["host"])

    def force_complete(self, uuid):
        row = self.database.instance(uuid)
        self.cast(self.context(row), "compute", "live_migration_force_complete",
                  {"instance": self._instance(row)}, server=row["host"])
