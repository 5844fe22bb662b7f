"""The audit of nova.conf by real agents on a real RabbitMQ."""

import json
import os

import jsonschema
import oslo_messaging
import pytest

from tests.integration.agent.world import DESTINATION, SOURCE, TOP, World
from tests.lab.process import wait_for

SECRET = "hunter2-hunter2"
OWN = ("event_type", "publisher_id", "arrived", "message_id")


def schemas():
    found = {}
    for name in ("config-audit", "report", "rpc"):
        with open(os.path.join(TOP, "schemas", f"{name}.schema.json"), encoding="utf-8") as text:
            found[name] = json.load(text)
    return found


def validate(name, definition, value):
    known = schemas()
    store = {schema["$id"]: schema for schema in known.values()}
    schema = known[name] if not definition else {"$ref": f"{known[name]['$id']}#/definitions/{definition}"}
    resolver = jsonschema.RefResolver(known[name]["$id"], known[name], store=store)
    jsonschema.Draft7Validator(schema, resolver=resolver).validate(value)


class Audited(World):
    """`audits` of one host, valid by the schema."""

    def started(self, host, nova="", **sections):
        sections.setdefault("audit", {}).setdefault("interval_ms", 1000)
        sections["audit"].setdefault("release", "2026.1")
        self.seen = len(self.reports.audits(host))
        return self.agent(host, nova_extra=nova, sections=sections)

    def audits(self, host, peer=None):
        """Those of this test."""
        found = self.reports.audits(host, peer)[self.seen if peer is None else 0:]
        for audit in found:
            validate("config-audit", "", {key: value for key, value in audit.items() if key not in OWN})
            assert audit["event_type"] == "live_migration.config_audit"
            assert audit["publisher_id"] == f"nova-migration-agent:{host}"
        return found

    def wait_audits(self, host, number, peer=None):
        wait_for(lambda: len(self.audits(host, peer)) >= number, 30, f"{number} audits of {host}", 0.05)
        return self.audits(host, peer)

    def nova_conf(self, host):
        return self.lab.path(f"nova-{host}.conf")

    def change(self, host, old, new):
        """As editors and configuration management do: beside it, then renamed over it."""
        path = self.nova_conf(host)
        with open(path, encoding="utf-8") as conf:
            text = conf.read()
        assert old in text
        with open(path + ".new", "w", encoding="utf-8") as conf:
            conf.write(text.replace(old, new))
        os.rename(path + ".new", path)

    def codes(self, audit):
        return {finding["rule"] for finding in audit["findings"]}


@pytest.fixture
def world(lab, reports):
    made = Audited(lab, reports)
    yield made
    made.close()


def settled(agent):
    """It has audited what there is, and all that it said has been taken."""
    wait_for(lambda: agent.status()["audit"] and agent.status()["outbox"]["rows"] == 0, 30, "audited and told", 0.1)


def test_at_start_and_when_a_file_changes(world):
    agent = world.started(SOURCE, nova="[libvirt]\nlive_migration_flag += VIR_MIGRATE_AUTO_CONVERGE\n")
    (first,) = world.wait_audits(SOURCE, 1)
    assert first["release"]["number"] == 33 and first["release"]["chosen_by"] == "by [audit] release"
    assert first["files"] == [world.nova_conf(SOURCE)]
    (flag,) = [f for f in first["findings"] if f["rule"] == "NC107"]
    assert flag["file"] == world.nova_conf(SOURCE) and flag["group"] == "libvirt" and flag["line"] > 0
    assert first["severity"] == "warning" and first["counts"]["warning"] >= 1

    world.change(SOURCE, "live_migration_flag += VIR_MIGRATE_AUTO_CONVERGE",
                 "live_migration_permit_auto_converge = maybe")
    second = world.wait_audits(SOURCE, 2)[1]
    assert "NC107" not in world.codes(second)
    assert second["severity"] == "error" and second["findings"][0]["severity"] == "error"
    status = agent.status()["audit"]
    assert {key: status[key] for key in ("error", "warning", "info")} == second["counts"]
    code, shown = agent.command("audit")
    assert code == 1 and f"{world.nova_conf(SOURCE)}:" in shown and "live_migration_permit_auto_converge" in shown

    # other bytes, the same findings: audited again, and nothing to say
    audited = world.call(SOURCE, "audit")["audited_at"]
    world.change(SOURCE, "= maybe", "= maybe  ")
    wait_for(lambda: world.call(SOURCE, "audit")["audited_at"] != audited, 20, "audited again", 0.2)
    settled(agent)
    assert len(world.audits(SOURCE)) == 2


def test_not_again_after_a_restart(world):
    agent = world.started(SOURCE, nova="[libvirt]\nlive_migration_flg = x\n")
    world.wait_audits(SOURCE, 1)
    settled(agent)
    for end in (agent.stop, agent.kill):
        end()
        agent.start()
        settled(agent)
        assert len(world.audits(SOURCE)) == 1
    agent.kill()
    world.change(SOURCE, "live_migration_flg = x", "live_migration_flgg = x")
    agent.start()
    assert "live_migration_flgg" in {f["option"] for f in world.wait_audits(SOURCE, 2)[1]["findings"]}


def test_over_rpc(world):
    world.started(SOURCE, nova="[libvirt]\nlive_migration_flg = x\nvirt_typ = kvm\n", audit={"interval_ms": 3600000})
    first = world.call(SOURCE, "audit")
    validate("rpc", "audit_result", first)
    assert first["host"] == SOURCE and {f["option"] for f in first["findings"]} >= {"live_migration_flg", "virt_typ"}
    values = {f"{v['group']}.{v['option']}": v["value"] for v in first["values"]}
    assert values["libvirt.live_migration_inbound_addr"] == world.lab.hosts[SOURCE].address
    assert values["libvirt.virt_type"] == "qemu" and values["libvirt.live_migration_downtime"] == "500"
    # nothing has changed: not read again; something has: read now, whatever the interval is
    assert world.call(SOURCE, "audit")["audited_at"] == first["audited_at"]
    world.change(SOURCE, "virt_typ = kvm\n", "")
    again = world.call(SOURCE, "audit")
    assert again["audited_at"] > first["audited_at"]
    assert "virt_typ" not in {f["option"] for f in again["findings"]}
    short = world.call(SOURCE, "audit", findings=False)
    validate("rpc", "audit_result", short)
    assert short["findings"] is None and short["values"] == again["values"]
    with pytest.raises(oslo_messaging.RemoteError, match="findings is no boolean"):
        world.call(SOURCE, "audit", findings=SECRET)


def test_switched_off_and_on(world):
    agent = world.started(SOURCE, nova="[libvirt]\nlive_migration_flg = x\n", audit={"enabled": "off"})
    with pytest.raises(oslo_messaging.RemoteError) as refused:
        world.call(SOURCE, "audit")
    assert refused.value.exc_type == "AuditOff"
    assert agent.status()["audit"] is None and agent.command("audit")[0] == 1
    with open(agent.config, encoding="utf-8") as conf:
        text = conf.read()
    with open(agent.config, "w", encoding="utf-8") as conf:
        conf.write(text.replace("enabled = off", "ignore = NC101"))
    agent.reload()
    (only,) = world.wait_audits(SOURCE, 1)
    assert "live_migration_flg" not in {f["option"] for f in only["findings"]}


def test_a_file_that_cannot_be_parsed_any_more(world):
    """The agent goes on with what it has read, and says what would stop nova-compute."""
    agent = world.started(SOURCE)
    world.wait_audits(SOURCE, 1)
    world.change(SOURCE, "[libvirt]", f"password {SECRET}\n[libvirt]")
    broken = world.wait_audits(SOURCE, 2)[1]
    assert broken["severity"] == "error"
    assert SECRET not in json.dumps(broken) + agent.log_text()
    assert agent.status()["health"] == "ok"


def test_no_secret_anywhere(world):
    """Where secrets belong, where they do not, and in URLs."""
    agent = world.started(SOURCE, nova=f"""[libvirt]
live_migration_uri = qemu+tcp://root:{SECRET}@%s/system
[keystone_authtoken]
password = {SECRET}
passwrd = {SECRET}
memcache_secret_key = {SECRET}
[database]
connection = mysql://nova:{SECRET}@db/nova
[neutron]
metadata_proxy_shared_secret = {SECRET}
[vault]
approll_secret_id = {SECRET}
[DEFAULT]
sql_connection = mysql://nova:{SECRET}@db/nova
secret_of_ours = {SECRET}
my_ipp = http://user:{SECRET}@h/
""")
    (audit,) = world.wait_audits(SOURCE, 1)
    assert audit["counts"]["warning"] >= 4
    answer = world.call(SOURCE, "audit")
    assert any(v["option"] == "live_migration_uri" and "***" in v["value"] for v in answer["values"])
    said = json.dumps(audit) + json.dumps(answer) + agent.log_text() + "".join(
        output for _, output in (agent.command("audit"), agent.command("audit", "--json"), agent.command("status")))
    assert SECRET not in said
    with open(agent.lab.path(f"agent-{SOURCE}", "agent.db"), "rb") as stored:
        assert SECRET.encode() not in stored.read()


def test_two_hosts_that_differ(world):
    """Said once a migration by the source, with both values."""
    world.started(DESTINATION, nova="[libvirt]\ncpu_mode = host-passthrough\nlive_migration_downtime = 300\n"
                                    "[serial_console]\nenabled = true\n")
    agent = world.started(SOURCE, nova="[libvirt]\ncpu_mode = host-model\n")
    settled(agent)
    before = len(world.reports.audits(SOURCE, DESTINATION))
    guest = world.guest()
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    wait_for(lambda: len(world.reports.audits(SOURCE, DESTINATION)) > before, 20, "the comparison", 0.05)
    (compared,) = world.audits(SOURCE, DESTINATION)[before:]
    assert compared["instance_uuid"] == guest.uuid
    (begin,) = [r for r in world.reports.all(guest.uuid, SOURCE)
                if (r["phase"], r["kind"]) == ("pre_migration", "start")]
    assert compared["attempt_id"] == begin["attempt_id"]
    found = {(f["rule"], f["option"]): (f["source_value"], f["destination_value"]) for f in compared["findings"]}
    assert found == {("NP104", "cpu_mode"): ("host-model", "host-passthrough"),
                     ("NP111", "live_migration_downtime"): ("500", "300"),
                     ("NP120", "enabled"): ("False", "True")}
    assert [f["severity"] for f in compared["findings"]] == ["warning", "warning", "info"]
    assert compared["counts"] == {"error": 0, "warning": 2, "info": 1}
    assert not world.reports.audits(DESTINATION, SOURCE)


def test_two_hosts_alike_and_a_peer_without_audits(world):
    agent = world.started(SOURCE)
    world.started(DESTINATION)
    settled(agent)
    before = len(world.reports.audits(SOURCE, DESTINATION))
    guest = world.guest()
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    world.agents[DESTINATION].stop()
    world.started(DESTINATION, nova="[libvirt]\ncpu_mode = host-passthrough\n", audit={"enabled": "off"})
    other = world.guest()
    world.check_success(other, world.lab.live_migrate(other, DESTINATION))
    settled(agent)
    assert len(world.reports.audits(SOURCE, DESTINATION)) == before
