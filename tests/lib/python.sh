# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Python, and JSON against docs/trace.schema.json. Sourced after tap.sh.

# Itself, not a wrapper that finds it: it runs often, and is followed too.
PYTHON=$(python3 -c 'import sys; print(sys.executable)')

# schema_check FILE...: a test; every line of each is valid. It takes a Python that has jsonschema: the first one in
# PATH may have been installed apart from the system's packages.
schema_check()
{
	local python
	for python in "$PYTHON" /usr/bin/python3; do
		if "$python" -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
			tap_check 'JSON: every line is valid against the schema' "$python" tests/kernel/cmd_json.py valid "$@"
			return
		fi
	done
	tap_skip 'JSON: every line is valid against the schema' 'no python3-jsonschema (4.0)'
}
