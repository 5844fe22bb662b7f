"""No secret in any output: every secret option of every release, and credentials in URLs of all others, in the right
group and in wrong ones, spelt in every way that people do, through every command and format."""
import json
import os
import random

import pytest

from conf_tool import ROOT, SECRET

CATALOGUE = json.loads((ROOT / "schemas/nova-options.json").read_text())
RELEASES = ("13", "20", "26", "29", "33")
FORMATS = ("text", "json", "sarif", "gitlab", "gcc", "junit")
SEEDS = 400 if os.environ.get("NMA_LONG", "0") not in ("", "0") else 25
LINES = [
    "{n} = {s}", "{n}={s}", "{n}: {s}", "{n}\t=\t{s}", "{n} = '{s}'", '{n} = "{s}', "{n} = {s} # why", "{n} = a\n    {s}",
    "{n} = \n  {s}\n\t{s}", "{n} = {s}$x", "{n} = ${{{s}}}", "{n} = $$ {s}", "{n} += {s}", "{n}? = {s}", "{dash} = {s}",
    "{upper} = {s}", "{n} = {s}\n{n} = other", "{n} = other\n{n} = {s}", "{n} = {s}\N{SNOWMAN}", "{typo} = {s}"]
URLS = ["rabbit://u:{s}@h:5672/", "http://u:{s}@h", "mysql+pymysql://u:{s}@h/n?x=1", "qemu+tcp://u:{s}@%s/system",
        "rabbit://u:{s}@h1,u:{s}@h2//", "http://u:{s}@@h/", "http://{s}@h", "[http://u:{s}@h]", "x\n   http://u:{s}@h"]


def options_of(options):
    return [name for name, row in options.items() if any(fact.get("secret") for fact in row["facts"])]


ALL = [(group, name) for group, options in CATALOGUE["groups"].items() for name in options]
SECRETS = [(group, name) for group, options in CATALOGUE["groups"].items() for name in options_of(options)] + [
    (group, name) for group in CATALOGUE["auth"]["groups"] for name in options_of(CATALOGUE["auth"]["options"])]
OLD = [tuple(old.split("/", 1)) for old, rows in CATALOGUE["aliases"].items()
       if any(tuple(row["to"].split("/", 1)) in SECRETS for row in rows)]


def file_of(rng):
    groups = {}
    for group, name in rng.sample(SECRETS, 12) + rng.sample(OLD, 4):
        swapped = name[:2] + name[3:4] + name[2:3] + name[4:] if "password" in name or "secret" in name else name
        line = rng.choice(LINES).format(n=name, s=SECRET, dash=name.replace("_", "-"), upper=name.upper(), typo=swapped)
        groups.setdefault(rng.choice([group, group, group, "DEFAULT", "elsewhere"]), []).append(line)
    for group, name in rng.sample(ALL, 12):
        groups.setdefault(group, []).append(f"{name} = {rng.choice(URLS).format(s=SECRET)}")
    return "".join(f"[{group}]\n" + "\n".join(lines) + "\n" for group, lines in groups.items())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_none_in_any_output(tool, seed):
    rng = random.Random(seed)
    text = file_of(rng)
    tool.write("a.conf", text)
    tool.write("b.conf", text.replace(SECRET, "other"))
    release = rng.choice(RELEASES)
    later = rng.choice(RELEASES[1:])
    for command in (
            *(("lint", "-r", release, "-f", form, "a.conf") for form in FORMATS), ("fix", "-r", release, "a.conf"),
            ("upgrade", "--from", "13", "--to", later, "a.conf"), ("diff", "-r", release, "a.conf", "b.conf"),
            ("upgrade", "--patch", "--from", "13", "--to", later, "a.conf"), ("diff", "-f", "json", "a.conf", "b.conf"),
            ("show", "-a", "-r", release, "--config-file", "a.conf"), ("show", "-f", "json", "--config-file", "a.conf")):
        done = tool(*command)
        assert done.returncode in (0, 1, 3), (command, done.stderr)
        shown = [line for line in (done.stdout + done.stderr).decode().splitlines() if SECRET in line]
        assert shown == [], (command, text)
