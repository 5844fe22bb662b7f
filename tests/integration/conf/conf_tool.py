"""nova-conf-tool as an operator or a CI job runs it."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir") or ROOT / "_build" / "default")
TOOL = BUILD / "nova-conf-tool" / "nova-conf-tool"
SECRET = "s3cr3t"


class Tool:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def __call__(self, *args, stdin=None, env=None, cwd=None, timeout=60):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.dir), **(env or {})}
        return subprocess.run([TOOL, *args], input=stdin, capture_output=True, env=environment,
                              cwd=cwd or self.dir, timeout=timeout)

    def lint(self, *args, release="33", **kw):
        done = self("lint", "--format", "json", "--release", release, *args, **kw)
        return done.returncode, json.loads(done.stdout)

    def codes(self, *args, **kw):
        return sorted({f["rule"] for f in self.lint(*args, **kw)[1]["findings"]})
