#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Which test asserts what trace must show, as a page: docs/OBSERVATIONS.md. Says on stderr what no test asserts
# and the list does not excuse, what is in no list, and exits 1 then.
set -u
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1
list=tests/kernel/observations

declare -A tests
status=0
# the comment in the head of each: "O33, O42: ...", "O12-O16: ..."
while read -r script from to; do
	for ((n = from; n <= ${to:-$from}; n++)); do
		tests[O$n]+=" [${script##*/}](../$script)"
	done
done < <(awk 'FNR == 1 { head = 1; next }
	/^set / { head = 0 }
	head && /^#/ {
		gsub(/[^A-Za-z0-9_-]+/, " ")
		for (i = 1; i <= NF; i++)
			if ($i ~ /^O[0-9]+(-O[0-9]+)?$/ && !said[FILENAME, $i]++) {
				gsub(/[O-]+/, " ", $i)
				print FILENAME, $i
			}
	}' tests/kernel/*.t)

cat <<'END'
# What trace shows, and the tests that hold it to that

Each line is an observation that a reader of `trace`'s output must be able to make without another tool. The tests
make it through `--expect`, with real packets; what this machine's kernel lacks they make under other kernels
(`make check-long`).

| | observation | asserted by |
|---|---|---|
END
while IFS='|' read -r number what why; do
	number=${number// /} what=${what# } what=${what% } why=${why# }
	if [[ -n ${tests[$number]-} ]]; then
		printf '| %s | %s |%s |\n' "$number" "$what" "${tests[$number]}"
		unset "tests[$number]"
	elif [[ -n $why ]]; then
		printf '| %s | %s | not yet: %s |\n' "$number" "$what" "$why"
	else
		printf '%s: no test asserts %s: %s\n' "$0" "$number" "$what" >&2
		status=1
	fi
done < <(grep -v '^#' "$list")
for number in "${!tests[@]}"; do
	printf '%s:%s: %s is not in %s\n' "$0" "${tests[$number]}" "$number" "$list" >&2
	status=1
done
exit "$status"
