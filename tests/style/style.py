"""What the style checks share: source files, C without comments, and TAP.

A check is a function from a tree to problems, "FILE:LINE: what is wrong". Each brings seeds:
small trees that hold one violation (or none), on which it is tried before the tree itself, so that
a check that no longer finds anything fails.
"""
import os
import re
import sys
import tempfile

FOLDERS = ("agent", "nova-conf-tool", "rpc", "schemas", "tests")


def tree():
    return os.environ.get("top_srcdir") or os.path.dirname(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(root, *endings, folders=FOLDERS):
    """Paths below root, relative, sorted."""
    found = []
    for folder in folders:
        for directory, names, entries in os.walk(os.path.join(root, folder)):
            names[:] = [n for n in names if not n.startswith((".", "_")) and n != "data"]
            found += [os.path.relpath(os.path.join(directory, e), root)
                      for e in entries if e.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare_code(text):
    """C with comments blanked and literals emptied; lines stay where they are."""
    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token[0] + token[-1]
        return re.sub(r"[^\n]", " ", token)
    return _TOKENS.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def _seeded(check, seed_files):
    with tempfile.TemporaryDirectory(prefix="style-") as root:
        for path, text in seed_files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return check(root)


def run(name, check, seeds, skip=None):
    """seeds: (what, {path: text}, part of the problem expected, or None for no problem)."""
    if skip:
        print(f"1..0 # SKIP {skip}")
        sys.exit(0)
    print(f"1..{len(seeds) + 1}")
    good = True
    for number, (what, seed_files, expected) in enumerate(seeds, 1):
        problems = _seeded(check, seed_files)
        fine = not problems if expected is None else any(expected in p for p in problems)
        good &= fine
        print(f"{'ok' if fine else 'not ok'} {number} - {name} sees: {what}")
        if not fine:
            print(f"# expected {expected!r}, found {problems!r}")
    problems = check(tree())
    for problem in problems:
        print(f"# {problem}")
    print(f"{'ok' if not problems else 'not ok'} {len(seeds) + 1} - {name}: the tree")
    sys.exit(0 if good and not problems else 1)
