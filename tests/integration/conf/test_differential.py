"""Generated files, read by the real oslo.config and by us: no difference in what is refused or in any value.

2,000 files here, 100,000 with NMA_LONG=1 (make check-long). CONF_SEED picks another series.
"""
import json
import os
import random
import subprocess

import pytest

from conf_tool import BUILD

oslo_probe = pytest.importorskip("oslo_probe")
LONG = os.environ.get("NMA_LONG", "") not in ("", "0")
FILES = int(os.environ.get("CONF_FILES", 100000 if LONG else 2000))
BATCH = 500
PRINTER = BUILD / "tests" / "unit" / "print-conf-probe"

KEYS = {group: [option.dest for option in make()] for group, make in oslo_probe.OPTIONS.items()}
KEYS["DEFAULT"] += ["log-dir", "pci_passthrough_whitelist", "vncserver_listen", "vnc_enabled", "unknown"]
KEYS["libvirt"] += ["cpu_model", "cpu_models +", "CPU_MODE", "live migration"]
KEYS["pci"] += ["passthrough_whitelist"]
KEYS["vnc"] += ["vncserver_listen"]
KEYS["neutron"] += ["old-endpoint", "old_two", "old_endpoint", "endpoint-override"]
NAMES = [key for keys in KEYS.values() for key in keys]
SPACES = ["", "", "", " ", "  ", "\t", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"]
WORDS = """a b custom none host-model kvm qemu lxc VIRTIO virtio e1000 true false yes no on off True TRUE oN 0 1 2 -1 +5
    007 1_000 1__0 _1 0x10 1e3 1.5 .5 5. 1_0.5 1_.5 nan inf -inf Infinity 1e999 1e-5 1e16 123456789012345678 99999999999999999999
    256 512 1024 0256 65535 65536 100 99 \u0663\u0664 \uff11 127.0.0.1 010.0.0.1 1.2.3 1.2.3.4.5 256.1.1.1 ::1 fe80::1%eth0
    ::ffff:1.2.3.4 [::1] host host.example.org -host host- host. host.1 a_b 1.2.3.4. x\u017fy K\u212a http://h/x http://h:80
    http://h:99999 http://h:999999 http://a@b/ http://a:b@[::1]:1/p?q#f http://[::1%25eth0]/ http://[::1%eth0]/ http://[v1.x]/
    http://1.2.3.4/ http://1.2.3.400/ http:///x http://:80/ mailto:x //h/x HTTP://H a+b.c-d://h http://h/[x] http://h\\x
    http://h/%zz http://h%20x/ http://\u00e9/ /a/b a:b a:b:c :x x: a:1 {a:b} [a,b] [] {} " ' "" '' "a" 'a' "a' a" "a ""a"" "a","b"
    , ,, a,b a,,b a,b, a,b,, ,a "a,b",c 1,2,3 1,x,3 1,,2 a:1,b:2 a:1,a:2 a:1,b a:1,,b:2 node:0,size:2048,count:64 # ; x#y x;y = : ==
    $my_ip ${my_ip} $state_path/x $$ $ $1 $nosuch $libvirt.virt_type ${libvirt.virt_type} $libvirt $DEFAULT.my_ip $cpu_mode
    $virt_type ${my_ip $my_ip. $my_ip.x ${ $} \\$my_ip \\\\$my_ip $\\$x $$my_ip $enabled_apis $debug $cpu_allocation_ratio
    $reserved_host_memory_mb $probe_dict $pci.device_spec $old_two $vncserver_listen $cpu_model $log_dir $instances_path
    $probe_int_list $transport_url $MY_IP $\u017ftate_path $\u0131 % %s caf\u00e9 \u2603 \U0001f600 \x00 \x07 x\x85y x\u2028y \ufeff
    \\ \\n a\\""".split(" ")
WORDS = [word for piece in WORDS for word in piece.split("\n")]


def value(rng):
    count = rng.choice((0, 1, 1, 1, 1, 1, 2, 2, 3))
    return rng.choice(("", " ", ",", ", ", ":", "", "")).join(rng.choice(WORDS) for _ in range(count))


def assignment(rng, key):
    return (key + rng.choice(SPACES) + rng.choice(("=", "=", "=", "=", ":", "==", "")) + rng.choice(SPACES) + value(rng)
            + rng.choice(SPACES))


def line(rng, group):
    kind = rng.random()
    if kind < 0.72:
        return assignment(rng, rng.choice(KEYS[group]) if rng.random() < 0.9 else rng.choice(NAMES))
    if kind < 0.82:
        return rng.choice((" ", "\t", "   ", " \xa0", "\xa0", "\x0c")) + value(rng)
    if kind < 0.88:
        return rng.choice(("", "", " ", "\t", "\x0b"))
    if kind < 0.94:
        return rng.choice(("#", ";", "# ", " #")) + value(rng)
    return value(rng) if rng.random() < 0.1 else ""


def header(rng, group):
    name = group
    if rng.random() < 0.1:
        name = rng.choice((group.upper(), group.lower(), group.title(), " " + group, group + " ", "[" + group + "]", "x"))
    text = "[" + name + "]"
    if rng.random() < 0.01:
        text = rng.choice((text[:-1], text + " # x", "[]", " " + text, "[ ]"))
    return text + rng.choice(SPACES)


def generate(rng):
    lines = [] if rng.random() < 0.98 else [line(rng, "DEFAULT")]
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        group = rng.choice(list(KEYS))
        lines.append(header(rng, group))
        lines += [line(rng, group) for _ in range(rng.choice((1, 2, 4, 8)))]
    ends = rng.choice((["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r", "\n\r"]))
    text = "".join(one + rng.choice(ends) for one in lines)
    if rng.random() < 0.2:
        text = text.rstrip("\r\n")
    data = text.encode("utf-8")
    if data and rng.random() < 0.02:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
    return data


def ours(paths):
    done = subprocess.run([PRINTER], input="\n".join(map(str, paths)) + "\n", capture_output=True, text=True,
                          check=True, timeout=300)
    return [parse(text) for text in done.stdout.splitlines()]


def parse(text):
    return json.loads(text)


def normal(result):
    """Through JSON and back: the same kinds of values on both sides; integers beyond 64 bits as floats."""
    def shrink(value):
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int) and not -2**63 <= value < 2**63:
            return float(value) if abs(value) < 2**1023 else str(value)
        if isinstance(value, list):
            return [shrink(item) for item in value]
        if isinstance(value, dict):
            return {key: shrink(item) for key, item in value.items()}
        return value
    return shrink(result)


def without_nul(sections):
    """Names with a NUL byte in them are not C strings; we show another byte there."""
    if not isinstance(sections, list):
        return sections
    return [[section.replace("\0", "\1"), [[key.replace("\0", "\1"), values] for key, values in keys]]
            for section, keys in sections]


def test_no_difference(tmp_path):
    rng = random.Random(int(os.environ.get("CONF_SEED", "1")))
    refused = differences = 0
    for start in range(0, FILES, BATCH):
        paths = []
        for i in range(min(BATCH, FILES - start)):
            path = tmp_path / f"{i}.conf"
            path.write_bytes(generate(rng))
            paths.append(path)
        for path, seen in zip(paths, ours(paths)):
            expected = normal(oslo_probe.probe(str(path)))
            expected["sections"] = without_nul(expected["sections"])
            refused += expected["load"] != "ok"
            if normal(seen) != expected:
                differences += 1
                print("----", path.read_bytes())
                for key in expected:
                    if key == "options" and "options" in seen:
                        for name, wanted in expected["options"].items():
                            if seen["options"].get(name) != wanted:
                                print(name, "oslo.config:", wanted, "ours:", seen["options"].get(name))
                    elif seen.get(key) != expected[key]:
                        print(key, "oslo.config:", expected[key], "ours:", seen.get(key))
                assert differences < 5, "too many differences"
    # both kinds of file are there
    assert FILES * 0.05 < refused < FILES * 0.95
    assert differences == 0
