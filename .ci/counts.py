"""Passes cargo's test output on and adds up its counts."""

import re
import sys

passed = failed = ignored = 0
for line in sys.stdin:
    found = re.match(r"test result: .* (\d+) passed; (\d+) failed; (\d+) ignored", line)
    if found:
        passed, failed, ignored = (
            total + int(count) for total, count in zip((passed, failed, ignored), found.groups())
        )
    sys.stdout.write(line)
print(f"Summary: {passed} passed, {failed} failed, {ignored} ignored")
