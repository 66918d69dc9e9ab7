# SPDX-License-Identifier: BSD-2-Clause
"""Questions about the lines of trace --json.

count TYPE FILE [MEMBER=VALUE...]   lines of TYPE with these members ("fate.kind=dropped")
values TYPE MEMBER FILE             the different values, sorted, separated by blanks
valid FILE...                       each line is valid against docs/trace.schema.json; says how many
stages FILE                         the schema knows all that trace stages --json lists in FILE
"""
import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def member(obj, path):
    for name in path.split("."):
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def count(kind, path, *wanted):
    pairs = [w.split("=", 1) for w in wanted]
    print(sum(o["type"] == kind and all(str(member(o, k)) == v for k, v in pairs)
              for o in lines(path)))


def values(kind, name, path):
    print(*sorted({str(member(o, name)) for o in lines(path) if o["type"] == kind}))


def read_schema():
    with open("docs/trace.schema.json", encoding="utf-8") as f:
        return json.load(f)


def stages(path):
    with open(path, encoding="utf-8") as f:
        names = {stage["name"].lower() for stage in json.load(f)}
    unknown = names - set(read_schema()["$defs"]["stage"]["enum"])
    print(f"{len(names)} stages, unknown to the schema:", *sorted(unknown))
    sys.exit(bool(unknown) or not names)


def valid(*paths):
    import jsonschema

    schema = read_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    n, bad = 0, 0
    for path in paths:
        for obj in lines(path):
            n += 1
            error = jsonschema.exceptions.best_match(validator.iter_errors(obj))
            if error:
                bad += 1
                print(f"{path}: {json.dumps(obj)}\n  {error.json_path}: {error.message}")
    print(f"{n} lines, {bad} invalid")
    sys.exit(bad > 0 or n == 0)


globals()[sys.argv[1]](*sys.argv[2:])
