"""nova-compute's part in a live migration, in Nova's order and with Nova's messages.

Steps that a test can delay (Knobs.delay_s) or hold (Knobs.held): check_destination, check_source, queued, preparing,
pre_live_migration, start_job, post, post_destination, rollback.
"""

import copy
import threading

import libvirt
import oslo_messaging

from .driver import CANCELLED, COMPLETED, Abandoned, LiveMigration
from .knobs import Knobs
from .pool import Pool
from .recorded import nova_object, recording
from .rpc import COMPUTE_ALT_METHODS, Service, nova_exception, received



class Compute(Service):
    """`hosts`: all hosts by name. With alt_topic it serves and uses compute-alt as Nova 33 does; both topics are
    served with every method, as there."""

    def __init__(self, link, host, hosts, alt_topic=False, knobs=None):
        super().__init__(f"nova-compute@{host.name}", link)
        self.host, self.hosts, self.alt_topic = host, hosts, alt_topic
        self.knobs = knobs or Knobs()
        self.stopping = threading.Event()
        self.active = {}  # instance uuid -> LiveMigration
        self.waiting = {}  # instance uuid -> (migration, future)
        self._pool = Pool(self.knobs.max_concurrent, f"live-migration-{host.name}")
        self._connection = None

    def start(self):
        endpoint = Endpoint(self)
        self.serve("compute", self.host.name, [endpoint])
        if self.alt_topic:
            self.serve("compute-alt", self.host.name, [endpoint])

    def stop(self):
        self.stopping.set()
        super().stop()
        self.disconnect()

    def disconnect(self):
        """From libvirt."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except libvirt.libvirtError:
                pass

    # ---- helpers ----

    def connection(self):
        if self._connection is None or not self._connection.isAlive():
            self._connection = libvirt.open(self.host.uri)
        return self._connection

    def step(self, name):
        self.journal.note(self.name, "step", name)
        delay = self.knobs.delay_s.get(name)
        if delay:
            self.stopping.wait(delay)
        while name in self.knobs.held and not self.stopping.wait(0.02):
            pass

    def topic_for(self, method):
        return "compute-alt" if self.alt_topic and method in COMPUTE_ALT_METHODS else "compute"

    def ask(self, context, key, instance, adjust=None):
        data = instance["nova_object.data"]
        names = {"instance_uuid": data["uuid"], "user_id": data["user_id"], "project_id": data["project_id"],
                 "source": self.host.name, "destination": self.host.name}
        return self.ask_conductor(context, key, names, adjust)

    def event(self, context, key, instance, name):
        def adjust(args):
            args["args"][1] = f"compute_{name}"
            if "host" in args["kwargs"]:
                args["kwargs"]["host"] = self.host.name
        self.ask(context, f"InstanceActionEvent.{key}", instance, adjust)

    def save_migration(self, context, instance, migration, **values):
        """Migration.save of the changed fields, through the conductor's object_action."""
        migration["nova_object.data"].update(values)
        saved = copy.deepcopy(migration)
        saved["nova_object.changes"] = list(values)

        def adjust(args):
            args["objinst"] = saved
        key = "Migration.save(status)" if "status" in values else "Migration.save(progress)"
        self.ask(context, key, instance, adjust)

    def save_instance(self, context, instance, method="save", kwargs=None, **values):
        data = instance["nova_object.data"]
        data.update(values)
        changes = [*values, *instance.pop("nova_object.changes", [])]
        template = recording().requests["Instance.save"]["args"]["objinst"]

        def adjust(args):
            args["objinst"] = nova_object(template, data, changes or ["info_cache"])
            args["kwargs"] = kwargs or {}
        self.ask(context, f"Instance.{method}", instance, adjust)

    # ---- destination ----

    def check_destination(self, context, instance):
        self.step("check_destination")
        self.ask(context, "InstanceGroup.get_by_instance_uuid", instance)
        for host in (instance["nova_object.data"]["host"], self.host.name):
            def adjust(args, host=host):
                args["args"] = [host]
            self.ask(context, "ComputeNode.get_first_node_by_host_for_old_compat", instance, adjust)
        model = self.ask(context, "VirtCPUModel.get_by_instance_uuid", instance)
        if self.knobs.refuse:
            raise nova_exception("MigrationPreCheckError", f"Migration pre-check error: {self.knobs.refuse}",
                                 reason=self.knobs.refuse, code=500)
        instance["nova_object.data"]["vcpu_model"] = model
        instance["nova_object.changes"] = [*instance.get("nova_object.changes", []), "vcpu_model"]
        key = "check_can_live_migrate_source"
        checked = copy.deepcopy(recording().requests[key]["args"]["dest_check_data"])
        return self.call(context, "compute", key, {"instance": instance, "dest_check_data": checked},
                         server=instance["nova_object.data"]["host"])

    def prepare_destination(self, context, instance, migrate_data):
        self.step("pre_live_migration")
        if self.knobs.refuse_pre:
            raise nova_exception("MigrationError", f"Migration error: {self.knobs.refuse_pre}",
                                 reason=self.knobs.refuse_pre, code=500)
        for key in ("InstanceGroup.get_by_instance_uuid", "BlockDeviceMappingList.get_by_instance_uuid",
                    "InstanceInfoCache.refresh", "InstanceInfoCache.save", "TrustedCerts.get_by_instance_uuid",
                    "MigrationContext.get_by_instance_uuid"):
            self.ask(context, key, instance)
        result = copy.deepcopy(recording().replies["pre_live_migration"]["result"])
        result["nova_object.data"].update(migrate_data["nova_object.data"])
        result["nova_object.data"]["target_connect_addr"] = self.host.address
        return result

    def finish_destination(self, context, instance):
        self.step("post_destination")
        for key in ("InstanceInfoCache.refresh", "InstanceInfoCache.save",
                    "BlockDeviceMappingList.get_by_instance_uuid",
                    "ComputeNode.get_first_node_by_host_for_old_compat"):
            self.ask(context, key, instance)
        state = self.connection().lookupByUUIDString(instance["nova_object.data"]["uuid"]).state()[0]
        self.save_instance(context, instance, method="drop_migration_context")
        self.save_instance(
            context, instance, kwargs={"expected_task_state": "migrating"}, host=self.host.name,
            node=self.host.name, task_state=None, power_state=3 if state == libvirt.VIR_DOMAIN_PAUSED else 1,
            progress=0, info_cache=instance["nova_object.data"]["info_cache"])

    # ---- source ----

    def check_source(self, context, instance, dest_check_data):
        self.step("check_source")
        self.ask(context, "BlockDeviceMappingList.get_by_instance_uuid", instance)
        result = copy.deepcopy(recording().replies["check_can_live_migrate_source"]["result"])
        result["nova_object.data"].update(dest_check_data["nova_object.data"])
        # the lab's guests have no disk: to Nova they look volume-backed
        result["nova_object.data"].update(
            block_migration=False, is_volume_backed=True, is_shared_block_storage=True,
            instance_relative_path=instance["nova_object.data"]["uuid"])
        return result

    def queue(self, context, dest, instance, migration, migrate_data):
        self.save_migration(context, instance, migration, status="queued")
        uuid = instance["nova_object.data"]["uuid"]
        self.waiting[uuid] = (None, None)
        future = self._pool.submit(self._live_migration, context, dest, instance, migration, migrate_data)
        self.waiting[uuid] = (migration, future)

    def _live_migration(self, context, dest, instance, migration, migrate_data):
        try:
            self._migrate(context, dest, instance, migration, migrate_data)
        except Abandoned:
            self.journal.note(self.name, "step", "abandoned")
        except Exception as error:
            self.journal.note(self.name, "raised", "live_migration", error=f"{type(error).__name__}: {error}")
            raise

    def _migrate(self, context, dest, instance, migration, migrate_data):
        uuid = instance["nova_object.data"]["uuid"]
        self.step("queued")
        self.save_migration(context, instance, migration, status="preparing")
        self.ask(context, "BlockDeviceMappingList.get_by_instance_uuid", instance)
        self.step("preparing")
        try:
            migrate_data = self.call(
                context, self.topic_for("pre_live_migration"), "pre_live_migration",
                {"instance": instance, "disk": None, "migrate_data": migrate_data}, server=dest)
        except Exception:
            self.save_migration(context, instance, migration, status="error")
            self._rollback(context, dest, instance, migration, migrate_data, "failed")
            raise
        if self.waiting.pop(uuid, None) is None:
            self._rollback(context, dest, instance, migration, migrate_data, "cancelled")
            return
        self.save_migration(context, instance, migration, status="running")
        self.ask(context, "BlockDeviceMappingList.get_by_instance_uuid", instance)
        instance["nova_object.data"]["migration_context"] = self.ask(
            context, "MigrationContext.get_by_instance_uuid", instance)
        self.step("start_job")
        try:
            self._run_job(context, dest, instance, migration, migrate_data)
        except Abandoned:
            raise
        except Exception:
            self.save_migration(context, instance, migration, status="error")
            self.save_instance(context, instance, vm_state="error", task_state=None)
            raise
        finally:
            self.active.pop(uuid, None)

    def _run_job(self, context, dest, instance, migration, migrate_data):
        data = instance["nova_object.data"]

        def note_failure(call, error):
            self.journal.note(self.name, "refused", call, error=error)

        job = LiveMigration(self.connection().lookupByUUIDString(data["uuid"]), self.hosts[dest],
                            migrate_data["nova_object.data"]["target_connect_addr"], self.knobs, self.stopping,
                            paused=data["vm_state"] == "paused", note_failure=note_failure)
        self.active[data["uuid"]] = job

        def save_stats(info):
            total, remaining = info.get("memory_total", 0), info.get("memory_remaining", 0)
            self.save_migration(
                context, instance, migration, memory_total=total, memory_remaining=remaining,
                memory_processed=info.get("memory_processed", 0), disk_total=info.get("disk_total", 0),
                disk_processed=info.get("disk_processed", 0), disk_remaining=info.get("disk_remaining", 0))
            self.save_instance(context, instance,
                               progress=100 - (round(remaining * 100 / total) if total else 100))

        end = job.run(data["memory_mb"], save_stats,
                      lambda status: self.save_migration(context, instance, migration, status=status))
        if end == COMPLETED:
            self._post(context, dest, instance, migration)
        else:
            self._rollback(context, dest, instance, migration, migrate_data,
                           "cancelled" if end == CANCELLED else "failed")

    def _post(self, context, dest, instance, migration):
        self.step("post")
        data = instance["nova_object.data"]
        self.save_instance(context, instance, cleaned=True, system_metadata=data["system_metadata"])
        method = "post_live_migration_at_destination"
        try:
            self.call(context, self.topic_for(method), method, {"instance": instance, "block_migration": None},
                      server=dest)
        except oslo_messaging.MessagingException as error:
            self.journal.note(self.name, "raised", method, error=f"{type(error).__name__}: {error}")
        self.ask(context, "MigrationList.get_in_progress_and_error", instance)

        def adjust(args):
            args["kwargs"]["expected_attrs"] = ["migration_context", "flavor"]
        self.ask(context, "Instance.get_by_uuid", instance, adjust)
        self.save_migration(context, instance, migration, status="completed")

    def _rollback(self, context, dest, instance, migration, migrate_data, status):
        self.step("rollback")
        self.ask(context, "BlockDeviceMappingList.get_by_instance_uuid", instance)
        flags = migrate_data["nova_object.data"]
        if not flags["is_shared_instance_path"]:
            method = "rollback_live_migration_at_destination"
            with_migration = copy.deepcopy(migrate_data)
            with_migration["nova_object.data"]["migration"] = migration
            self.cast(context, self.topic_for(method), method,
                      {"instance": instance, "destroy_disks": not flags["is_shared_block_storage"],
                       "migrate_data": with_migration}, server=dest)
        self.save_instance(context, instance, method="drop_migration_context")
        self.save_instance(context, instance, kwargs={"expected_task_state": ["migrating"]}, task_state=None,
                           progress=0)
        self.save_migration(context, instance, migration, status=status)

    # ---- the operator's hand ----

    def abort(self, context, instance, migration_id):
        uuid = instance["nova_object.data"]["uuid"]
        migration, future = self.waiting.pop(uuid, (None, None))
        if migration is not None or future is not None:
            if future and future.cancel():
                self.save_instance(context, instance, task_state=None)
                self.save_migration(context, instance, migration, status="cancelled")
        elif uuid in self.active:
            self.connection().lookupByUUIDString(uuid).abortJob()

    def force_complete(self, instance):
        job = self.active.get(instance["nova_object.data"]["uuid"])
        if job:
            job.tasks.append("force-complete")

    # ---- start after a restart ----

    def fail_interrupted(self, context, instance, migration):
        """What a starting nova-compute does with a migration that it finds in the middle."""
        self.save_migration(context, instance, migration, status="error")
        self.save_instance(context, instance, task_state=None)


class Endpoint:
    """The RPC methods; each one is counted, then bracketed by its instance event."""

    target = oslo_messaging.Target(version="6.5")

    def __init__(self, compute):
        self.compute, self.name, self.journal = compute, compute.name, compute.journal

    def _in_event(self, context, instance, name, function, *args):
        self.compute.event(context, "event_start", instance, name)
        try:
            return function(context, *args)
        finally:
            self.compute.event(context, "event_finish_with_failure", instance, name)

    @received
    def check_can_live_migrate_destination(self, context, instance, block_migration, disk_over_commit, migration,
                                           limits):
        return self._in_event(context, instance, "check_can_live_migrate_destination",
                              self.compute.check_destination, instance)

    @received
    def check_can_live_migrate_source(self, context, instance, dest_check_data):
        return self._in_event(context, instance, "check_can_live_migrate_source", self.compute.check_source,
                              instance, dest_check_data)

    @received
    def live_migration(self, context, dest, instance, block_migration, migration, migrate_data):
        self._in_event(context, instance, "live_migration", self._queue, dest, instance, migration, migrate_data)

    def _queue(self, context, dest, instance, migration, migrate_data):
        self.compute.queue(context, dest, instance, migration, migrate_data)

    @received
    def pre_live_migration(self, context, instance, disk, migrate_data):
        return self._in_event(context, instance, "pre_live_migration", self.compute.prepare_destination, instance,
                              migrate_data)

    @received
    def post_live_migration_at_destination(self, context, instance, block_migration):
        self._in_event(context, instance, "post_live_migration_at_destination", self.compute.finish_destination,
                       instance)

    @received
    def rollback_live_migration_at_destination(self, context, instance, destroy_disks, migrate_data):
        self._in_event(context, instance, "rollback_live_migration_at_destination", lambda _context: None)

    @received
    def drop_move_claim_at_destination(self, context, instance):
        return None

    @received
    def live_migration_abort(self, context, instance, migration_id):
        self._in_event(context, instance, "live_migration_abort", self.compute.abort, instance, migration_id)

    @received
    def live_migration_force_complete(self, context, instance):
        self._in_event(context, instance, "live_migration_force_complete",
                       lambda _context: self.compute.force_complete(instance))
