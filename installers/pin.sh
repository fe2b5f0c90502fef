#!/bin/sh
# Writes installers/constraints.txt anew: the newest versions that satisfy pyproject.toml, found by pip's own resolver with
# the oldest Python that the project supports. Run it on Linux, read the difference, run the tests, then commit.
#   sh installers/pin.sh [PYTHON]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
python=${1:-/usr/bin/python3}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' HUP INT TERM

"$python" -m venv "$temp/venv"
"$temp/venv/bin/pip" install --quiet --upgrade pip
cd "$root"
# The last line: what builds this project (hatchling) and llama-cpp-python (the others). setup.sh pins those too.
"$temp/venv/bin/pip" install --quiet --dry-run --ignore-installed --report "$temp/report.json" \
    '.[desktop]' --group dev pip \
    hatchling scikit-build-core cmake ninja
"$temp/venv/bin/python" - "$temp/report.json" >"$temp/constraints.txt" <<'PYTHON'
import json
import platform
import re
import sys

with open(sys.argv[1], encoding="utf-8") as report:
    found = [item["metadata"] for item in json.load(report)["install"]]
pins = {re.sub(r"[-_.]+", "-", item["name"]).lower(): item["version"] for item in found}
pins.pop("openclaw-desktop", None)
print(f"# Written by installers/pin.sh with Python {platform.python_version()} on {sys.platform}. Don't edit: run it again.")
for name in sorted(pins):
    print(f"{name}=={pins[name]}")
PYTHON
mv "$temp/constraints.txt" installers/constraints.txt
chmod 644 installers/constraints.txt
