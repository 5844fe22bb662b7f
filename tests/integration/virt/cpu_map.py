"""libvirt's own table of CPUs, as it is installed: which features a model has, and how QEMU calls them."""

import functools
import glob
import os
import xml.etree.ElementTree as ET

CPU_MAP = "/usr/share/libvirt/cpu_map"


def _elements(file, tag):
    return ET.parse(os.path.join(CPU_MAP, file)).getroot().iter(tag)


class Model:
    """A CPU of the map. family and model: None where it is nobody's silicon (qemu64, kvm64)."""

    def __init__(self, element):
        self.name = element.get("name")
        vendor, signature = element.find("vendor"), element.find("signature")
        self.vendor = vendor.get("name") if vendor is not None else None
        self.family = signature.get("family") if signature is not None else None
        self.model = signature.get("model") if signature is not None else None
        # removed='yes': the model had it in older releases of libvirt
        self.own = {feature.get("name") for feature in element.findall("feature") if feature.get("removed") != "yes"}
        self.parents = [parent.get("name") for parent in element.findall("model")]

    @property
    def features(self):
        return self.own.union(*(models()[parent].features for parent in self.parents))

    @property
    def host_features(self):
        """What libvirt lets a host of it have. Haswells before the servers of stepping 4 have a broken TSX, which
        microcode takes from them, and libvirt where it did not (src/cpu/cpu_x86.c, x86DataFilterTSX)."""
        broken = self.vendor == "Intel" and self.family == "6" and self.model in ("60", "63", "69", "70")
        return self.features - ({"hle", "rtm"} if broken else set())


@functools.lru_cache
def models(arch="x86"):
    """By name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(CPU_MAP, f"{arch}_*.xml"))):
        # a <model> of a model is its parent
        for element in ET.parse(path).getroot().findall("model"):
            found[element.get("name")] = Model(element)
    return found


@functools.lru_cache
def qemu_names():
    """libvirt's name of a feature by each name that it may have in QEMU."""
    found = {}
    for feature in _elements("x86_features.xml", "feature"):
        aliases = (alias.get("name") for alias in feature.findall("alias") if alias.get("source") == "qemu")
        found.update(dict.fromkeys((feature.get("name"), *aliases), feature.get("name")))
    return found


def features():
    return set(qemu_names().values())


@functools.lru_cache
def vendor_strings():
    """As CPUID says them."""
    return {vendor.get("name"): vendor.get("string") for vendor in _elements("x86_vendors.xml", "vendor")}
