"""What a test works with: three hosts with fresh agents and guests, and what the agents said."""

import json
import os
import shutil

import jsonschema
import kombu
import oslo_messaging

from tests.lab.agents import Agent
from tests.lab.domain import GuestLoad
from tests.lab.rpc import configuration

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

SOURCE, DESTINATION, OTHER = HOSTS = "lab-a", "lab-b", "lab-c"

# what each side says of a migration that goes well
SOURCE_SAYS = ["pre_migration.start", "pre_migration.end", "pre_copy.start", "pre_copy.end",
               "stop_and_copy.start", "stop_and_copy.end", "commitment.start", "commitment.end"]
DESTINATION_SAYS = ["pre_migration.start", "pre_migration.end", "reservation.start", "reservation.end",
                    "stop_and_copy.end", "commitment.start", "commitment.end"]

EASY = GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=16)
# copies for some seconds at 16 MiB/s, in several passes
SLOW = GuestLoad(working_set_mib=16, rate_mib_s=6, fill_mib=48)
# copies for a quarter of a minute at LONG_MIB_S: what is done meanwhile need not hurry
LONG = GuestLoad(working_set_mib=4, rate_mib_s=1, fill_mib=96)
LONG_MIB_S = 6
# dirties more than 16 MiB/s can carry: never ends by itself
HARD = GuestLoad(working_set_mib=64, rate_mib_s=60, fill_mib=8)


class World:
    """What a test works with."""

    def __init__(self, lab, reports):
        self.lab, self.reports, self.agents, self.guests = lab, reports, {}, []

    def agent(self, host, **options):
        """A started agent beside that host's nova-compute."""
        shutil.rmtree(self.lab.path(f"agent-{host}"), ignore_errors=True)
        self.agents[host] = Agent(self.lab, host, **options).start()
        return self.agents[host]

    def both(self):
        return self.agent(SOURCE), self.agent(DESTINATION)

    def guest(self, load=EASY, host=SOURCE, **options):
        self.guests.append(self.lab.start_guest(host, load, **options))
        return self.guests[-1]

    def slow_link(self, mib_s=16, host=SOURCE):
        self.lab.nova.knobs[host].bandwidth_mib_s = mib_s

    def knobs(self, host=SOURCE):
        return self.lab.nova.knobs[host]

    def wait(self, guest, host, what, timeout=40):
        return self.reports.wait(guest.uuid, host, what, timeout)

    def said(self, guest, host):
        return self.reports.phases(guest.uuid, host)

    def call(self, host, method, timeout=20, **arguments):
        """One request to that host's agent, by the real oslo.messaging."""
        transport = oslo_messaging.get_rpc_transport(configuration(), self.lab.url)
        try:
            target = oslo_messaging.Target(topic="nova_migration_agent", server=host, version="1.0",
                                           namespace="nova_migration_agent")
            return oslo_messaging.get_rpc_client(transport, target, timeout=timeout).call({}, method, **arguments)
        finally:
            transport.cleanup()

    def check_reports(self, guest):
        """What holds for every migration: valid by the schema, numbered without a gap, on each host."""
        with open(os.path.join(TOP, "schemas", "report.schema.json"), encoding="utf-8") as schema:
            validator = jsonschema.Draft202012Validator(json.load(schema))
        own = ("event_type", "publisher_id", "arrived", "message_id")
        numbers = {}
        for report in self.reports.all(guest.uuid):
            validator.validate({key: value for key, value in report.items() if key not in own})
            assert report["event_type"] == f"live_migration.{report['phase']}.{report['kind']}"
            assert report["publisher_id"] == f"nova-migration-agent:{report['host']}"
            if report["kind"] != "progress":
                numbers.setdefault((report["host"], report["attempt_id"]), []).append(report["sequence"])
        for key, sequence in numbers.items():
            assert sequence == list(range(1, len(sequence) + 1)), key

    def check_success(self, guest, migration):
        """Nova is content, both agents have told every phase once and in order, the guest has moved."""
        assert migration.wait() == "completed"
        self.wait(guest, SOURCE, "commitment.end")
        self.wait(guest, DESTINATION, "commitment.end")
        assert self.said(guest, SOURCE) == SOURCE_SAYS
        assert self.said(guest, DESTINATION) == DESTINATION_SAYS
        assert self.lab.runs_on(guest) == [DESTINATION]
        self.check_reports(guest)

    def close(self):
        for agent in self.agents.values():
            agent.stop()
        for guest in self.guests:
            self.lab.remove_guest(guest)
        self.lab.nova.reset_knobs()


class OlderAgent:
    """A peer that speaks a version of the agents' RPC from before ours."""

    target = oslo_messaging.Target(namespace="nova_migration_agent", version="0.9")

    def __init__(self, url, host):
        self._url, self._host = url, host
        self._transport = oslo_messaging.get_rpc_transport(configuration(), url)
        self._server = oslo_messaging.get_rpc_server(
            self._transport, oslo_messaging.Target(topic="nova_migration_agent", server=host), [self],
            executor="threading")
        self._server.start()

    def stop(self):
        self._server.stop()
        self._server.wait()
        self._transport.cleanup()
        # oslo's own queues never expire: a later agent of ours would find them with other flags
        with kombu.Connection(self._url.replace("rabbit://", "amqp://", 1)) as connection:
            for queue in ("nova_migration_agent", f"nova_migration_agent.{self._host}"):
                connection.default_channel.queue_delete(queue)
