"""Adding a release by one command: schemas/extract-options on a Nova made up for the test, then the generator."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

from conf_tool import BUILD, ROOT

pytest.importorskip("oslo_config")
CATALOGUE = ROOT / "schemas" / "nova-options.json"

OPTS = '''
from oslo_config import cfg, types
def list_opts():
    return [
        (None, [cfg.StrOpt("my_ip", default="192.0.2.77"), cfg.BoolOpt("brand_new", default=True)]),
        (cfg.OptGroup("libvirt"), [
            cfg.StrOpt("virt_type", default="kvm", choices=("kvm", "qemu")),
            cfg.ListOpt("cpu_models", default=[], deprecated_name="cpu_model"),
            cfg.IntOpt("live_migration_downtime", default=400, min=50),
            cfg.StrOpt("live_migration_uri", deprecated_for_removal=True, deprecated_since="15.0.0"),
            cfg.PortOpt("new-port", default=1234), cfg.URIOpt("new_uri", schemes=["http"]),
        ]),
    ]
'''


def make_nova(directory, version):
    for path in ("nova/__init__.py", "nova/conf/__init__.py"):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text("")
    (directory / "nova/config.py").write_text("")
    (directory / "nova/conf/opts.py").write_text(OPTS)
    info = directory / f"nova-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nova\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[oslo.config.opts]\nnova.conf = nova.conf.opts:list_opts\n")


def extract(directory, *args):
    return subprocess.run([sys.executable, ROOT / "schemas/extract-options", *args], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(directory)}, timeout=120)


@pytest.fixture
def merged(tmp_path):
    make_nova(tmp_path / "site", "34.0.0")
    path = tmp_path / "catalogue.json"
    shutil.copy(CATALOGUE, path)
    done = extract(tmp_path / "site", "--release", "34:2026.2:hibiscus", "--merge", str(path))
    assert done.returncode == 0, done.stderr
    return path


def test_new_release(merged):
    catalogue = json.loads(merged.read_text())
    assert [(r["id"], r["name"]) for r in catalogue["releases"]][-1] == (34, "2026.2")
    libvirt = catalogue["groups"]["libvirt"]
    assert libvirt["virt_type"]["facts"][-1] == {
        "rel": [34, 34], "choices": ["kvm", "qemu"], "default": "kvm", "type": "string"}
    assert libvirt["live_migration_downtime"]["facts"][-1]["min"] == 50
    assert libvirt["new_port"]["added"] == 34 and libvirt["new_port"]["facts"][0]["name"] == "new-port"
    assert libvirt["cpu_models"]["rel"] == [[20, 34]]
    # nova is installed and does not list it any more
    assert libvirt["cpu_mode"]["removed"] == 34 and libvirt["cpu_mode"]["rel"] == [[13, 33]]
    # its default is computed on the host, whatever this host's is
    assert catalogue["groups"]["DEFAULT"]["my_ip"]["facts"][-1]["default_expr"] is True
    assert catalogue["aliases"]["libvirt/cpu_model"] == [{"to": "libvirt/cpu_models", "rel": [[20, 34]]}]
    assert catalogue["auth"]["groups"]["neutron"][-1][1] == 34
    # older releases stay as they were
    before = json.loads(CATALOGUE.read_text())
    for group, options in before["groups"].items():
        for name, row in options.items():
            now = catalogue["groups"][group][name]
            for fact in row["facts"]:
                same = [f for f in now["facts"] if f["rel"][0] <= fact["rel"][0] <= f["rel"][1]]
                assert {k: v for k, v in same[0].items() if k != "rel"} == {k: v for k, v in fact.items() if k != "rel"}


def test_generator_takes_it(merged):
    done = subprocess.run([sys.executable, ROOT / "schemas/generate-options", merged], capture_output=True, text=True)
    assert done.returncode == 0 and '{ 34, "2026.2", "hibiscus", "34.0.0",' in done.stdout


def test_again_changes_nothing(merged, tmp_path):
    text = merged.read_text()
    done = extract(tmp_path / "site", "--release", "34", "--merge", str(merged))
    assert done.returncode == 0 and merged.read_text() == text


def test_check_names_differences(tmp_path):
    make_nova(tmp_path / "site", "33.0.0")
    done = extract(tmp_path / "site", "--check", str(CATALOGUE))
    assert done.returncode == 1
    assert "[libvirt] live_migration_downtime: default is 400, the catalogue says 500" in done.stdout
    assert "[libvirt] new_port: only installed" in done.stdout
    assert "[libvirt] cpu_mode: only in the catalogue" in done.stdout


@pytest.fixture(scope="module")
def real_nova():
    """The folder of a real Nova: the one that is installed, else Debian's, unpacked in the build's folder."""
    if importlib.util.find_spec("nova"):
        return os.path.dirname(importlib.util.find_spec("nova").submodule_search_locations[0])
    done = subprocess.run([ROOT / "tests/lab/debian-nova", BUILD / "debian-nova"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no python3-nova can be had: {done.stderr}")
    return done.stdout.strip()


def test_catalogue_is_that_of_a_real_nova(real_nova):
    done = extract(real_nova, "--check", str(CATALOGUE))
    assert done.stdout, done.stderr
    found = [line.split(": ")[0] for line in done.stdout.splitlines()[:-1]]
    assert [name for name in found if name not in EXPLAINED and not name.startswith("[profiler]")] == [], done.stdout


def test_new_release_of_a_real_nova(real_nova, tmp_path):
    path = tmp_path / "catalogue.json"
    shutil.copy(CATALOGUE, path)
    done = extract(real_nova, "--release", "34:2026.2:hibiscus", "--merge", str(path))
    assert done.returncode == 0, done.stderr
    catalogue = json.loads(path.read_text())
    cpu_mode, old = (catalogue["groups"]["libvirt"][name] for name in ("cpu_mode", "live_migration_flag"))
    assert cpu_mode["facts"][-1]["rel"][1] == 34 and "host-model" in cpu_mode["facts"][-1]["choices"]
    assert old["removed"] == 14
    done = subprocess.run([sys.executable, ROOT / "schemas/generate-options", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Debian's 26.2.2 and the catalogue's rows of 26, which are upstream's 26.3.0 with the last of its upper constraints.
# [profiler] is osprofiler's, which Debian's package does without.
EXPLAINED = {
    "[DEFAULT] config_source",                 # oslo.config registers it itself, no entry point lists it
    "[database] use_db_reconnect",             # listed, but never registered
    # registered with old names; listed a second time, by keystoneauth, without
    "[glance] cafile", "[glance] certfile", "[glance] insecure", "[glance] keyfile",
    "[privsep] capabilities",                  # a function in place of a class
    "[privsep] thread_pool_size",              # the number of CPUs of this host
    # backports of Debian's
    "[workarounds] disable_deep_image_inspection", "[oslo_messaging_rabbit] ssl_enforce_hostname_verification",
}
