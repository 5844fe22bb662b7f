"""The real oslo.config on one file: how it loads, what its parser sees, what each probe option becomes.

The options are those of tests/unit/conf-probe.c.
"""
import logging
import re

from oslo_config import cfg, types

logging.disable(logging.CRITICAL)
OLD = cfg.DeprecatedOpt
OPTIONS = {
    "DEFAULT": lambda: [
        cfg.StrOpt("my_ip", default="192.0.2.1"), cfg.StrOpt("host", default="node1"),
        cfg.BoolOpt("debug", default=False), cfg.StrOpt("state_path", default="/var/lib/nova"),
        cfg.StrOpt("instances_path", default="$state_path/instances"), cfg.StrOpt("log-dir"),
        cfg.StrOpt("transport_url"), cfg.ListOpt("enabled_apis", default=["osapi_compute", "metadata"]),
        cfg.FloatOpt("cpu_allocation_ratio", min=0.0),
        cfg.IntOpt("reserved_host_memory_mb", default=512, min=0),
        cfg.IntOpt("max_concurrent_live_migrations", default=1, min=0), cfg.StrOpt("vcpu_pin_set"),
        cfg.MultiOpt("reserved_huge_pages", item_type=types.Dict()),
    ],
    "libvirt": lambda: [
        cfg.StrOpt("virt_type", default="kvm", choices=("kvm", "lxc", "qemu", "parallels")),
        cfg.StrOpt("cpu_mode", choices=("host-model", "host-passthrough", "custom", "none")),
        cfg.ListOpt("cpu_models", default=[], deprecated_name="cpu_model"),
        cfg.ListOpt("cpu_model_extra_flags", default=[]), cfg.IntOpt("live_migration_bandwidth", default=0),
        cfg.IntOpt("live_migration_downtime", default=500, min=100),
        cfg.BoolOpt("live_migration_permit_post_copy", default=False), cfg.StrOpt("live_migration_uri"),
        cfg.StrOpt("live_migration_inbound_addr"),
        cfg.Opt("rx_queue_size", type=types.Integer(choices=(256, 512, 1024))),
        cfg.DictOpt("probe_dict", default={}),
        cfg.ListOpt("probe_int_list", default=[], item_type=types.Integer(min=0)),
        cfg.ListOpt("probe_quoted_list", default=[], item_type=types.String(quotes=True)),
        cfg.ListOpt("probe_bounds_list", default=[], bounds=True), cfg.StrOpt("probe_quotes"),
        cfg.Opt("probe_quoted_string", type=types.String(quotes=True)),
        cfg.StrOpt("probe_nocase", choices=("VIRTIO", "E1000"), ignore_case=True),
        cfg.StrOpt("probe_regex", regex=r"^[a-z]+$"), cfg.StrOpt("probe_maxlen", max_length=5),
        cfg.PortOpt("probe_port"), cfg.IPOpt("probe_ip"), cfg.HostnameOpt("probe_hostname"),
        cfg.URIOpt("probe_uri"), cfg.FloatOpt("probe_float"),
    ],
    "compute": lambda: [cfg.StrOpt("cpu_dedicated_set"), cfg.StrOpt("cpu_shared_set")],
    "pci": lambda: [cfg.MultiStrOpt("device_spec", default=[], deprecated_opts=[
        OLD("passthrough_whitelist"), OLD("pci_passthrough_whitelist", group="DEFAULT")])],
    "vnc": lambda: [
        cfg.StrOpt("server_listen", default="127.0.0.1", deprecated_opts=[
            OLD("vncserver_listen", group="DEFAULT"), OLD("vncserver_listen", group="vnc")]),
        cfg.BoolOpt("enabled", default=True, deprecated_group="DEFAULT", deprecated_name="vnc_enabled")],
    "neutron": lambda: [
        cfg.StrOpt("endpoint-override", deprecated_opts=[OLD("old-endpoint"), OLD("old_two")]),
        cfg.StrOpt("region_name")],
    "keystone_authtoken": lambda: [cfg.StrOpt("password", secret=True), cfg.StrOpt("username")],
}
KINDS = (("No .:. or .=. found", "no_separator"), ("Key cannot be empty", "empty_key"),
         ("Unexpected continuation", "continuation_without_key"), ("must end with", "section_not_closed"),
         ("Empty section name", "section_empty"), ("Section must be started", "key_before_section"))


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def load(conf, path):
    try:
        conf(["--config-file", path], project="nova", prog="nova-compute", default_config_files=[],
             default_config_dirs=[], use_env=False)
        return "ok"
    except cfg.ConfigFileParseError as error:
        # the message quotes the line, which may hold any of this
        kind = re.match(r"(?s)Failed to parse .*? at .*?:(\d+), (.*?): ", str(error))
        word = next(word for pattern, word in KINDS if re.search(pattern, kind.group(2)))
        return [word, int(kind.group(1))]
    except UnicodeDecodeError:
        return "decode"


def read(conf, group, option):
    try:
        return {"value": plain(conf._get(option.dest, None if group == "DEFAULT" else conf._get_group(group)))}
    except ValueError:
        return {"error": "value"}
    # "%g" of an integer that no float can hold, while the refusal is being worded
    except OverflowError:
        return {"error": "value"}
    except cfg.TemplateSubstitutionError:
        return {"error": "substitution"}
    except Exception as error:
        return {"error": type(error).__name__}


def sections(path):
    seen = {}
    cfg.ConfigParser(path, seen).parse()
    return [[section, [[key, values] for key, values in keys.items()]] for section, keys in seen.items()]


def probe(path):
    conf = cfg.ConfigOpts()
    options = {group: make() for group, make in OPTIONS.items()}
    for group, list_ in options.items():
        conf.register_opts(list_, group=None if group == "DEFAULT" else group)
    result = {"load": load(conf, path)}
    if result["load"] != "ok":
        result["sections"] = "undecodable" if result["load"] == "decode" else "parse error"
        return result
    result["sections"] = sections(path)
    result["options"] = {f"{group}/{option.dest}": read(conf, group, option)
                         for group, list_ in options.items() for option in list_}
    return result
