"""nova-conductor's part: answers the object calls of the computes (and agents) from the tables, and runs the
live-migration task: check a destination, then cast live_migration to the source."""

import copy

import oslo_messaging

from .database import SEEN_BY_INSTANCE, utc_now
from .knobs import Knobs
from .recorded import nova_object, recording
from .rpc import COMPUTE_ALT_METHODS, Service, nova_exception, received


class Conductor(Service):
    """alt_topic: hosts that run Nova 33 (or its version cap allows 6.5) get their second topic."""

    def __init__(self, link, database, alt_topic=False):
        super().__init__("nova-conductor@controller", link)
        self.database, self.alt_topic, self.knobs = database, alt_topic, Knobs()
        self.candidates = {}  # instance uuid -> destinations in the scheduler's order

    def start(self):
        self.serve("conductor", "controller", [ObjectEndpoint(self), TaskEndpoint(self)])

    def topic_for(self, method):
        return "compute-alt" if self.alt_topic and method in COMPUTE_ALT_METHODS else "compute"

    # ---- live migration task ----

    def live_migrate(self, context, uuid, forced_host):
        row = self.database.instance(uuid)
        migration = self.database.add_migration(row, row["host"], forced_host)
        destinations = [forced_host] if forced_host else self.candidates.get(uuid, [])
        for destination in destinations:
            try:
                migrate_data = self._check(context, row, migration, destination)
            except oslo_messaging.RemoteError as error:
                self.journal.note(self.name, "step", "destination_refused", host=destination, error=error.exc_type)
                continue
            break
        else:
            self.database.update_migration(migration["uuid"], {"status": "error"})
            self.database.update_instance(uuid, {"task_state": None})
            return
        self.database.update_migration(migration["uuid"], {
            "dest_compute": destination, "dest_node": destination, "source_node": row["node"]})
        if self.knobs.lose_cast:
            self.journal.note(self.name, "step", "cast_lost")
            return
        args = {
            "instance": self.instance_object(uuid, "live_migration"), "dest": destination, "block_migration": None,
            "migrate_data": migrate_data, "migration": self.migration_object(migration["uuid"])}
        for _ in range(2 if self.knobs.duplicate_cast else 1):
            self.cast(context, self.topic_for("live_migration"), "live_migration", args, server=row["host"])

    def _check(self, context, row, migration, destination):
        key = "check_can_live_migrate_destination"
        args = {"instance": self.instance_object(row["uuid"], key), "block_migration": None,
                "disk_over_commit": None, "migration": self.migration_object(migration["uuid"]), "limits": None}
        return self.call(context, "compute", key, args, server=destination)

    def instance_object(self, uuid, method):
        """The instance as it was recorded as an argument of that method."""
        template = recording().requests[method]["args"]["instance"]
        return nova_object(template, self.database.instance(uuid), template.get("nova_object.changes"))

    def migration_object(self, uuid):
        return nova_object(self.database.migration_template, self.database.migration(uuid=uuid))


class TaskEndpoint:
    target = oslo_messaging.Target(namespace="compute_task", version="1.25")

    def __init__(self, conductor):
        self.conductor, self.name, self.journal = conductor, conductor.name, conductor.journal

    @received
    def live_migrate_instance(self, context, instance, scheduler_hint, block_migration, disk_over_commit,
                              request_spec):
        self.conductor.live_migrate(context, instance["nova_object.data"]["uuid"], scheduler_hint.get("host"))


class ObjectEndpoint:
    """object_action and object_class_action_versions, from the tables; else what the recording was answered."""

    target = oslo_messaging.Target(version="3.0")

    def __init__(self, conductor):
        self.database = conductor.database
        self.name, self.journal = conductor.name, conductor.journal

    @received
    def object_action(self, context, objinst, objmethod, args, kwargs):
        name, data = objinst["nova_object.name"], objinst["nova_object.data"]
        changed = {key: data[key] for key in objinst.get("nova_object.changes", []) if key in data}
        updates = {"obj_what_changed": []}
        if (name, objmethod) == ("Migration", "save"):
            self.database.update_migration(data["uuid"], changed)
            updates["updated_at"] = utc_now()
        elif (name, objmethod) == ("Instance", "save"):
            if "flavor" not in changed:
                self.database.update_instance(data["uuid"], changed)
            updates["updated_at"] = utc_now()
        elif objmethod == "save":
            updates["updated_at"] = utc_now()
        return [updates, None]

    @received
    def object_class_action_versions(self, context, objname, objmethod, object_versions, args, kwargs):
        if objname == "InstanceActionEvent":
            self._find_action(context, args[0])
        answer = getattr(self, f"_{objname}_{objmethod}", None)
        if answer:
            return answer(*args, **(kwargs or {}))
        reply = recording().replies.get(f"{objname}.{objmethod}")
        if reply is None:
            raise nova_exception("UnsupportedObjectError", f"Unsupported object type {objname}", objtype=objname)
        if reply["failure"]:
            raise nova_exception("InstanceGroupNotFound", "Instance group  could not be found.", group_uuid="",
                                 code=404)
        return copy.deepcopy(reply["result"])

    def _find_action(self, context, instance_uuid):
        """Nova finds the action of the request id; only without a project does it take the last one instead."""
        request_id = context.get("request_id")
        if context.get("project_id") and request_id not in self.database.request_ids:
            message = f"Action for request_id {request_id} on instance {instance_uuid} not found"
            raise nova_exception("InstanceActionNotFound", message, request_id=request_id,
                                 instance_uuid=instance_uuid, code=404)

    # ---- one method for each query ----

    def _one(self, row, wanted):
        if row is None:
            raise nova_exception("MigrationNotFound", f"Migration {wanted} could not be found.",
                                 migration_id=wanted, code=404)
        return nova_object(self.database.migration_template, row)

    def _many(self, rows):
        result = copy.deepcopy(recording().replies["MigrationList.get_in_progress_and_error"]["result"])
        result["nova_object.data"]["objects"] = [nova_object(self.database.migration_template, row) for row in rows]
        return result

    def _Migration_get_by_uuid(self, migration_uuid):
        return self._one(self.database.migration(uuid=migration_uuid), migration_uuid)

    def _Migration_get_by_id(self, migration_id):
        return self._one(self.database.migration(id=migration_id), migration_id)

    def _Migration_get_by_id_and_instance(self, migration_id, instance_uuid):
        return self._one(self.database.migration(id=migration_id, instance_uuid=instance_uuid), migration_id)

    def _Migration_get_by_instance_and_status(self, instance_uuid, status):
        return self._one(self.database.migration(instance_uuid=instance_uuid, status=status), instance_uuid)

    def _MigrationList_get_in_progress_and_error(self, host, node):
        return self._many(self.database.in_progress_and_error(host, node))

    def _MigrationList_get_in_progress_by_host_and_node(self, host, node):
        return self._many([row for row in self.database.in_progress_and_error(host, node)
                           if row["status"] not in ("accepted", "error")])

    def _MigrationList_get_in_progress_by_instance(self, instance_uuid, migration_type=None):
        return self._many(self.database.migrations(instance_uuid=instance_uuid, status=SEEN_BY_INSTANCE))

    def _MigrationList_get_by_filters(self, filters, sort_keys=None, sort_dirs=None, limit=None, marker=None):
        where = {key: filters[key] for key in
                 ("status", "uuid", "id", "instance_uuid", "source_compute", "dest_compute", "migration_type")
                 if filters.get(key) is not None}
        rows = self.database.migrations(**where)
        if filters.get("host"):
            rows = [row for row in rows if filters["host"] in (row["source_compute"], row["dest_compute"])]
        return self._many(rows[:limit])

    def _Instance_get_by_uuid(self, uuid, expected_attrs=None, use_slave=False):
        row = self.database.instance(uuid)
        if row is None:
            raise nova_exception("InstanceNotFound", f"Instance {uuid} could not be found.", instance_id=uuid,
                                 code=404)
        # asked for nothing more, Nova answers with the bare row
        template = (self.database.instance_template if expected_attrs
                    else recording().replies["Instance.get_by_uuid"]["result"])
        return nova_object(template, row)
