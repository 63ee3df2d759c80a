"""Runs every check, or those whose names hold one of the words given."""

import sys
import traceback

import containers
import native
from harness import Skipped


def main(words):
    checks = [(name, check) for module in (native, containers) for name, check in vars(module).items()
              if name.startswith("check_") and callable(check)]
    chosen = [(name.removeprefix("check_"), check) for name, check in checks
              if not words or any(word in name for word in words)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, check in chosen:
        try:
            check()
            counts["passed"] += 1
            print(f"ok       {name}", flush=True)
        except Skipped as reason:
            counts["skipped"] += 1
            print(f"skipped  {name}: {reason}", flush=True)
        except Exception:
            counts["failed"] += 1
            print(f"FAILED   {name}\n{traceback.format_exc()}", flush=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 1 if counts["failed"] or not chosen else 0


sys.exit(main(sys.argv[1:]))
