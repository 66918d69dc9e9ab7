#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Looks into what `trace --json` wrote.

    expect.py FILE is N COND...      exactly N records match all conditions ("2+": 2 or more)
    expect.py FILE get PATH COND...  prints PATH of the one record that matches
    expect.py FILE first PATH COND... prints PATH of the first that matches
    expect.py FILE number COND...    prints how many match
    expect.py FILE sound             the whole is consistent, complete, and no fate is unknown
    expect.py serve QUESTIONS ANSWERS
                                     all of these, one after the other, for a script that has many: a
                                     question is the number of its words and the words, an answer the
                                     exit status and what is printed, all ended by NUL; both are FIFOs

COND is PATH OPERATOR VALUE in one word, the first always type=TYPE:

    type=journey packet.dport=8080 fate.reason=NO_SOCKET 'fate.why~one is on'

Operators: = != (as text; null, true, false), ~ !~ (regular expression), < > <= >= (numbers).
PATH is dotted. Where the value is the id of a journey, PATH goes on in that journey:
cause.journey.packet.dport. With a list, one element is enough (none, for != and !~); PATH.n is how
many there are. A journey has three members more than trace wrote:

    timed  its stages by place, as far as tracepoints tell them on every kernel:
           "ns_a/veth_a: dev_queue dev_xmit > ns_b/veth_b: ..."
    via    the others, by probes on functions or inferred from stacks, as the kernel allows:
           "udp_send(udp_sendmsg) ip_out(ip_output)"
    of     of an ICMP error, the packet that it quotes

TOPO_PREFIX is taken away from the names of namespaces. A failure prints the records that came
nearest, and what there is.
"""
import contextlib
import io
import json
import os
import re
import sys
import traceback

IDS = {"journey", "caused", "journeys", "read", "error_from"}
OPERATORS = re.compile(r"([\w.]+)(!=|!~|<=|>=|=|~|<|>)(.*)", re.DOTALL)


class Trace:
    def __init__(self, path):
        prefix = os.environ.get("TOPO_PREFIX", "")
        text = open(path, encoding="utf-8").read()
        if text and not text.endswith("\n"):
            raise SystemExit(f"{path} ends in the middle of a line: {text[-80:]!r}")
        if prefix:
            text = text.replace(prefix, "")
        self.records = [json.loads(line) for line in text.splitlines()]
        self.journeys = {}
        for record in self.records:
            if record["type"] == "journey":
                self.journeys[record["id"]] = record
                record["timed"] = timed(record)
                record["via"] = via(record)
                record["of"] = record["packet"].get("icmp", {}).get("quoted")

    def values(self, value, parts, key=None):
        """All values at the end of a dotted path."""
        if isinstance(value, list):
            if parts == ["n"]:
                return [len(value)]
            return [found for item in value for found in self.values(item, parts, key)]
        if not parts:
            return [value]
        if key in IDS and isinstance(value, int) and not isinstance(value, bool):
            value = self.journeys.get(value)
        if not isinstance(value, dict) or parts[0] not in value:
            return []
        return self.values(value[parts[0]], parts[1:], parts[0])


# Of the packet's surroundings, and not on every kernel.
BESIDE = ("qdisc_enqueue", "qdisc_dequeue", "wakeup", "running", "route_out", "route_in")


def timed(journey):
    places = []
    for hop in journey["hops"]:
        if hop["by"] != "tracepoint" or hop["stage"] in BESIDE:
            continue
        place = f'{hop["netns"]}/{hop["dev"]}'
        if not places or places[-1][0] != place:
            places.append((place, []))
        places[-1][1].append(hop["stage"])
    return " > ".join(f'{place}: {" ".join(stages)}' for place, stages in places)


def via(journey):
    return " ".join(
        f'{hop["stage"]}({hop["function"] or " ".join(hop["functions"])})'
        for hop in journey["hops"]
        if hop["by"] != "tracepoint"
    )


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value)


class Condition:
    def __init__(self, word):
        match = OPERATORS.fullmatch(word)
        if not match:
            raise SystemExit(f"not a condition: {word}")
        self.word = word
        self.path, self.operator, self.wanted = match.groups()

    def holds(self, value):
        if self.operator in ("=", "!="):
            return as_text(value) == self.wanted
        if self.operator in ("~", "!~"):
            return re.search(self.wanted, as_text(value)) is not None
        if value is None or isinstance(value, (str, dict)):
            return False
        return {"<": value < float(self.wanted), ">": value > float(self.wanted),
                "<=": value <= float(self.wanted), ">=": value >= float(self.wanted)}[self.operator]

    def check(self, trace, record):
        """Whether it holds, and the values it looked at."""
        values = trace.values(record, self.path.split("."))
        held = any(self.holds(value) for value in values)
        return (not held if self.operator[0] == "!" else held), values


def ends(packet):
    sport, dport = (f':{packet[key]}' if key in packet else "" for key in ("sport", "dport"))
    return f'{packet.get("src")}{sport} > {packet.get("dst")}{dport}'


def line_of(record):
    """A record in one line, for people."""
    kind = record["type"]
    if kind == "journey":
        packet, fate, cause = record["packet"], record["fate"], record["cause"]
        words = [f'#{record["id"]} {packet.get("proto")} {ends(packet)} {packet["length"]} B']
        if packet.get("icmp"):
            words.append(f'type {packet["icmp"]["type"]} code {packet["icmp"]["code"]}')
        by = {"journey": f'#{cause.get("journey")}', "call": cause.get("call")}.get(cause["kind"], cause["kind"])
        words += [f"by {by}", f'[{record["timed"]}]', f'{fate["kind"]} {fate["reason"]} {fate["why"]}'.strip()]
        if record["read"]:
            words.append(f'read {record["read"]["copied"]} B by {record["read"]["task"]}')
        if record["unread_at_close"]:
            words.append("unread at close")
        if record["told"]["kind"] != "nothing":
            words.append("told " + " ".join(as_text(value) for value in record["told"].values()))
        if record["no_icmp"]:
            words.append(record["no_icmp"])
        if not record["complete"]:
            words.append("INCOMPLETE")
        return ", ".join(words)
    if kind == "call":
        return (f'{record["task"]["comm"]}[{record["task"]["pid"]}] {record["name"]}({record.get("fd", "")}) = '
                f'{record["ret"]} {record.get("errno", "")} {record["hint"]}').strip()
    if kind == "summary":
        return "summary " + " ".join(f"{key}={value}" for key, value in record.items() if key != "type")
    return json.dumps(record)


def print_nearest(trace, conditions):
    of_type = [record for record in trace.records if conditions[0].check(trace, record)[0]]
    scored = []
    for record in of_type:
        failed = [(condition, values) for condition in conditions
                  for good, values in [condition.check(trace, record)] if not good]
        if failed:
            scored.append((len(failed), failed, record))
    scored.sort(key=lambda entry: entry[0])
    for _, failed, record in scored[:2]:
        print("near:", line_of(record))
        for condition, values in failed:
            got = " | ".join(as_text(value) for value in values) if values else "nothing there"
            print(f"      wanted {condition.word}\n         got {got}")
    print(f"all there is ({len(trace.records)} records):")
    for record in trace.records[:40]:
        if record["type"] in ("journey", "call", "summary", "loss"):
            print("     ", line_of(record))


def matching(trace, words):
    conditions = [Condition(word) for word in words]
    return [record for record in trace.records
            if all(condition.check(trace, record)[0] for condition in conditions)]


def command_is(trace, wanted, words):
    found = matching(trace, words)
    at_least = wanted.endswith("+")
    number = int(wanted.rstrip("+"))
    if len(found) >= number if at_least else len(found) == number:
        return 0
    print(f'wanted {number}{" or more" if at_least else ""}, found {len(found)}: {" ".join(words)}')
    for record in found[:5]:
        print("match:", line_of(record))
    if len(found) < number:
        print_nearest(trace, [Condition(word) for word in words])
    return 1


def command_get(trace, path, words, first):
    values = [value for record in matching(trace, words) for value in trace.values(record, path.split("."))]
    if len(values) == 1 or first and values:
        print(as_text(values[0]))
        return 0
    print(f'no single {path} of {" ".join(words)}: {values}', file=sys.stderr)
    return 1


def unsound(trace):
    """What contradicts itself, is missing, or was not understood."""
    ids = [record["id"] for record in trace.records if record["type"] == "journey"]
    summaries = [record for record in trace.records if record["type"] == "summary"]
    if len(ids) != len(set(ids)):
        yield "a journey was written twice"
    told = [record for record in trace.records if record["type"] != "expect"]
    if len(summaries) != 1 or told[-1]["type"] != "summary":
        yield f"{len(summaries)} summaries; there must be one, at the end"
    for record in trace.records:
        kind = record["type"]
        if kind == "journey":
            yield from unsound_journey(trace, record)
        elif kind == "call":
            for key in ("journeys", "read", "error_from"):
                for number in [record[key]] if isinstance(record[key], int) else record[key] or []:
                    if number not in trace.journeys:
                        yield f"{key} names #{number}, which is not there: {line_of(record)}"
        elif kind == "loss":
            yield f"events were lost: {record}"
    for summary in summaries:
        for fate in ("queued", "dropped", "refused", "consumed", "left", "merged", "underway", "unknown"):
            there = sum(journey["fate"]["kind"] == fate for journey in trace.journeys.values())
            if summary[fate] != there:
                yield f"the summary counts {summary[fate]} {fate}, there are {there}"
        if summary["shown"] != len(ids) or summary["lost"] or summary["misses"]:
            yield f"{len(ids)} journeys, but {line_of(summary)}"


def is_late(journey, cause):
    """Its cause was told before it was born: see "caused" in docs/trace.schema.json."""
    return journey["born"] >= max(cause["hops"][-1]["time"], cause["fate"]["time"]) + 50_000_000


def unsound_journey(trace, journey):
    where = line_of(journey)
    if not journey["complete"] or journey["lost"]:
        yield f"incomplete: {where}"
    if journey["fate"]["kind"] in ("unknown", "underway"):
        yield f"no fate: {where}"
    if journey["fate"]["kind"] == "dropped" and not (journey["fate"]["reason"] and journey["fate"]["function"]):
        yield f"dropped without a reason or a function: {where}"
    if journey["read"] and journey["fate"]["kind"] != "queued":
        yield f"read, but not queued: {where}"
    times = [hop["time"] for hop in journey["hops"]]
    if not times or times[0] != journey["born"] or times != sorted(times):
        yield f"times of hops are out of order: {where}"
    for number in journey["caused"]:
        child = trace.journeys.get(number)
        if not child or child["cause"].get("journey") != journey["id"]:
            yield f"caused #{number}, which does not say so: {where}"
    number = journey["cause"].get("journey")
    cause = trace.journeys.get(number)
    if number is not None and not (cause and (journey["id"] in cause["caused"] or is_late(journey, cause))):
        yield f"caused by #{number}, which does not say so: {where}"


def command_sound(trace):
    problems = list(unsound(trace))
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


def answer(trace, command, words):
    if command == "is":
        return command_is(trace, words[0], words[1:])
    if command in ("get", "first"):
        return command_get(trace, words[0], words[1:], command == "first")
    if command == "number":
        print(len(matching(trace, words)))
        return 0
    if command == "sound":
        return command_sound(trace)
    raise SystemExit(__doc__)


def words_of(stream):
    """The words of one question; none at the end."""
    def word():
        read = bytearray()
        while (byte := stream.read(1)) not in (b"\0", b""):
            read += byte
        return read.decode()
    number = word()
    return [word() for _ in range(int(number))] if number else []


def serve(questions, answers):
    cached, trace = None, None
    with open(questions, "rb") as asked, open(answers, "wb") as told:
        while words := words_of(asked):
            output = io.StringIO()
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                try:
                    file, command, *rest = words
                    now = (file, os.stat(file).st_mtime_ns, os.stat(file).st_size)
                    if now != cached:
                        trace, cached = Trace(file), now
                    status = answer(trace, command, rest)
                except SystemExit as error:
                    print(error)
                    status = 2
                except Exception:
                    traceback.print_exc()
                    status = 2
            told.write(f"{status}\0{output.getvalue().rstrip()}\0".encode())
            told.flush()
    return 0


def main():
    if sys.argv[1:2] == ["serve"]:
        return serve(*sys.argv[2:])
    file, command, *words = sys.argv[1:]
    return answer(Trace(file), command, words)


if __name__ == "__main__":
    sys.exit(main())
