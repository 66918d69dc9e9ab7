#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judges a transfer by a program nobody here wrote.

    trace read FILE --json | foreign.py BYTES

Every journey has a fate; it is unknown only where events are known to be lost. Calls read at least
BYTES. Dropped is only what came twice, the first copy or the second, and what came when the test was
over and its socket closed.
"""
import json
import sys

received = int(sys.argv[1])
journeys, lost, read = 0, 0, {}
unknown, drops, odd, summaries, again, aborted = [], [], [], [], set(), set()
for line in sys.stdin:
    record = json.loads(line)
    if record["type"] == "journey":
        journeys += 1
        fate, segment = record["fate"], record.get("segment", {})
        if fate["kind"] in ("unknown", "underway"):
            (odd if record["complete"] else unknown).append(record["id"])
        if segment.get("retransmission"):
            again |= {record["id"], segment["retransmission_of"]}
        if fate["kind"] == "dropped" and fate["reason"] != "TCP_ABORT_ON_DATA" and record["complete"]:
            drops.append((record["id"], fate["reason"], record["flow"]))
        if "RST" in (record["packet"].get("tcp", {}).get("flags", ())):
            aborted.add(record["flow"])
    elif record["type"] == "call" and record["name"] == "read" and record["ret"] > 0 and record["flow"]:
        read[record["flow"]] = read.get(record["flow"], 0) + record["ret"]
    elif record["type"] == "summary":
        summaries.append(record)
problems = []
if len(summaries) != 1 or summaries[0]["shown"] != journeys:
    problems.append(f"{journeys} journeys; summaries: {summaries}")
lost = sum(summary["lost"] + summary["misses"] + summary["losses"].get("late", 0) for summary in summaries)
if odd:
    problems.append(f"no fate, though all their events arrived: {odd[:20]}")
if unknown and not lost:
    problems.append(f"no fate, and no loss counted: {unknown[:20]}")
# What was on its way to an end that has aborted (iperf3 closes with bytes unread) finds no open socket.
LATE = ("TCP_CLOSE", "TCP_FLAGS", "NO_SOCKET")
drops = [(id, reason) for id, reason, flow in drops
         if (id not in again or reason not in ("TCP_OLD_DATA", "TCP_OLD_SEQUENCE"))
         and (flow not in aborted or reason not in LATE)]
if drops:
    problems.append(f"dropped in a clean exchange: {drops[:20]}")
if not lost and max(read.values(), default=0) < received:
    problems.append(f"{received} B received, calls read {read}")
print("\n".join(problems) or f"{journeys} journeys, {lost} lost, {len(unknown)} unknown")
sys.exit(bool(problems))
