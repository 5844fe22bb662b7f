"""The whole of Nova's part: a conductor, an API and a compute on each host, over a real broker."""

from concurrent.futures import ThreadPoolExecutor

from .api import Api
from .compute import Compute
from .conductor import Conductor
from .database import Database
from .journal import Journal
from .knobs import Knobs
from .rpc import Link

ENDED = ("completed", "failed", "cancelled", "error")


class Nova:
    """`hosts`: name -> Host. alt_topic: as a whole deployment of Nova 33 behaves (second RPC topic)."""

    def __init__(self, url, hosts, journal_path, alt_topic=False):
        self.hosts, self.alt_topic = hosts, alt_topic
        self.journal = Journal(journal_path)
        self.link = Link(url, self.journal)
        self.database = Database()
        self.knobs = {name: Knobs() for name in hosts}
        self.conductor = Conductor(self.link, self.database, alt_topic)
        self.api = Api(self.link, self.database)
        self.computes = {}

    def start(self):
        self.conductor.start()
        for name in self.hosts:
            self.start_compute(name)

    def reset_knobs(self):
        for knobs in [self.conductor.knobs, *self.knobs.values()]:
            vars(knobs).update(vars(Knobs()))

    def start_compute(self, name):
        compute = Compute(self.link, self.hosts[name], self.hosts, self.alt_topic, self.knobs[name])
        compute.start()
        self.computes[name] = compute
        return compute

    def stop_compute(self, name):
        self.computes.pop(name).stop()

    def restart_compute(self, name):
        """What it was watching is abandoned, and set to error when it is back."""
        self.stop_compute(name)
        compute = self.start_compute(name)
        for row in self.database.migrations(source_compute=name, status=("queued", "preparing", "running")):
            instance = self.conductor.instance_object(row["instance_uuid"], "live_migration")
            context = self.api.context(self.database.instance(row["instance_uuid"]))
            compute.fail_interrupted(context, instance, self.conductor.migration_object(row["uuid"]))
        return compute

    def upgrade(self, alt_topic):
        """Every compute is restarted with (or without) the second topic, and the conductor's version cap follows."""
        self.alt_topic = alt_topic
        with ThreadPoolExecutor(len(self.hosts)) as together:
            list(together.map(self.restart_compute, list(self.hosts)))
        self.conductor.alt_topic = alt_topic

    def stop(self):
        """All at once: each waits some seconds for its threads."""
        self.link.open_gate()
        services = [*self.computes.values(), self.conductor, self.api]
        with ThreadPoolExecutor(len(services)) as together:
            list(together.map(lambda service: service.stop(), services))
        self.computes = {}
        self.journal.close()


class Migration:
    """One live migration that was asked for; reads Nova's tables."""

    def __init__(self, nova, instance_uuid, request_id, newer_than):
        self.nova, self.instance_uuid, self.request_id = nova, instance_uuid, request_id
        self._newer_than = newer_than

    @property
    def row(self):
        row = self.nova.database.migration(instance_uuid=self.instance_uuid)
        return row if row and row["id"] > self._newer_than else None

    @property
    def status(self):
        return self.row["status"] if self.row else None

    def wait(self, *statuses, timeout=60):
        """Status once it is one of these (default: any end), else as it is when the time is over."""
        row = self.nova.database.wait_migration(timeout, statuses or ENDED, newer_than=self._newer_than,
                                                instance_uuid=self.instance_uuid)
        return row["status"] if row else None

    def abort(self):
        self.nova.api.abort(self.instance_uuid, self.row["id"])

    def force_complete(self):
        self.nova.api.force_complete(self.instance_uuid)


def live_migrate(nova, instance_uuid, host=None):
    """Cast it as nova-api does. host=None: the scheduler's list (conductor.candidates) decides."""
    last = nova.database.migration(instance_uuid=instance_uuid)
    request_id = nova.api.live_migrate(instance_uuid, host)
    return Migration(nova, instance_uuid, request_id, last["id"] if last else 0)
