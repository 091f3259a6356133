#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/tally.py TESTLOG STATUS

Reads the log that `meson test` leaves (testlog.json) and prints what a person wants to know after a run: why cases
were skipped, the output of the programs that failed, and the closing line.  Counts cases, not programs: the lines of
the Test Anything Protocol that GLib's test programs print.

A program that dies takes with it the case it was in and those it never reached: they count as failed.
"""

import json
import re
import sys

CASE = re.compile(r"(not )?ok\b[ \d]*(?:- )?(.*?)\s*(?:# *(SKIP|TODO)\S*\s*(.*))?$", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)")
NOISE = re.compile(r"ok\b|1\.\.\d|TAP version|# (Start|End) of |# random seed|# slow test")
LINES = 200  # of one program's output


def tail(text):
    """The end of a program's output, without what it says about cases that passed."""
    lines = [line for line in text.splitlines() if line.strip() and not NOISE.match(line)]
    if len(lines) > LINES:
        lines = [f"… {len(lines) - LINES} lines left out"] + lines[-LINES:]
    return "\n".join("  " + line for line in lines)


def main(path, status):
    passed = failed = skipped = 0
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            programs = [json.loads(line) for line in log]
    except FileNotFoundError:
        programs = []

    for program in programs:
        result = program["result"]
        name = program["name"].split(" / ")[-1]
        output = program.get("stdout", "")
        well = result in ("OK", "SKIP", "EXPECTEDFAIL")
        seen = bad = planned = 0

        for line in output.splitlines():
            if plan := PLAN.match(line):
                planned = int(plan[1])
            if case := CASE.match(line):
                seen += 1
                if (case[3] or "").upper() == "SKIP":
                    skipped += 1
                    print(f"skipped: {name} {case[2]}: {case[4] or 'no reason given'}")
                elif case[1] and not case[3]:
                    bad += 1
                else:
                    passed += 1

        if not seen and result == "SKIP":
            skipped += 1
            print(f"skipped: {name}")
        elif not seen and well:
            passed += 1
        elif not well and (not bad or seen < planned):
            bad += max(1, planned - seen)
        failed += bad

        if bad:
            end = f"status {program.get('returncode')}" if result != "TIMEOUT" else "out of time"
            print(f"\nfailed: {name} ({bad} of {max(planned, seen, 1)}; {end})")
            print(tail(output))
            print(tail(program.get("stderr", "")))

    if not passed + failed + skipped:
        print("no test has run")
        status = status or 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
