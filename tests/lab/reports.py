"""The controller's part: a real oslo.messaging notification listener that collects the agents' reports."""

import threading
import time

import oslo_messaging

from .process import LabError, wait_for
from .rpc import configuration

TOPIC = "live_migration_reports"


class Reports:
    """Everything that arrived, in order of arrival; repeats (same host, attempt and sequence) are kept apart."""

    def __init__(self, url, topic=TOPIC, exchange="nova"):
        self._transport = oslo_messaging.get_notification_transport(configuration(), url)
        target = oslo_messaging.Target(topic=topic, exchange=exchange)
        self._lock = threading.Lock()
        self._seen = set()
        self._all = []
        self._forecasts = []
        self._audits = []
        self.repeats = []
        self._listener = oslo_messaging.get_notification_listener(
            self._transport, [target], [self], executor="threading")

    def start(self):
        self._listener.start()
        return self

    def stop(self):
        self._listener.stop()
        self._listener.wait()
        self._transport.cleanup()

    # the endpoint's method: oslo.messaging calls it for priority info
    def info(self, _context, publisher_id, event_type, payload, metadata):
        report = dict(payload, event_type=event_type, publisher_id=publisher_id, arrived=time.time(),
                      message_id=metadata["message_id"])
        with self._lock:
            if report["kind"] == "forecast":
                self._forecasts.append(report)
                return
            if report["kind"] == "config_audit":
                self._audits.append(report)
                return
            if report["kind"] != "progress":
                key = (report["host"], report["attempt_id"], report["sequence"])
                if key in self._seen:
                    self.repeats.append(report)
                    return
                self._seen.add(key)
            self._all.append(report)

    def all(self, instance=None, host=None):
        with self._lock:
            reports = list(self._all)
        return [r for r in reports if (instance is None or r["instance_uuid"] == instance)
                and (host is None or r["host"] == host)]

    def forecasts(self, instance):
        """What was forecast of one instance, in order of arrival."""
        with self._lock:
            return [f for f in self._forecasts if f["instance_uuid"] == instance]

    def audits(self, host, peer=None):
        """What one host said of its nova.conf, alone or beside a peer's, in order of arrival."""
        with self._lock:
            return [a for a in self._audits if a["host"] == host and a["peer"] == peer]

    def phases(self, instance, host):
        """What one host said about one instance, without progress: ['pre_migration.start', …] in its order."""
        told = [r for r in self.all(instance, host) if r["kind"] != "progress"]
        return [f"{r['phase']}.{r['kind']}" for r in told]

    def wait(self, instance, host, phase_and_kind, timeout=30):
        """The first such report."""
        def there():
            for report in self.all(instance, host):
                if f"{report['phase']}.{report['kind']}" == phase_and_kind:
                    return report
            return None
        try:
            return wait_for(there, timeout, f"{phase_and_kind} of {instance} from {host}", 0.02)
        except LabError as error:
            raise LabError(f"{error}; there is: {self.phases(instance, host)}") from None
