"""What cargo knows about this workspace."""

import json
import subprocess


def metadata(*arguments: str) -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *arguments]
    return json.loads(subprocess.check_output(command))


def host() -> str:
    lines = subprocess.check_output(["rustc", "-vV"], text=True).splitlines()
    return next(line.split()[1] for line in lines if line.startswith("host:"))
