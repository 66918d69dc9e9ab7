#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tools/lint.sh finds what it is there to find.
set -u
: "${TAP_LIMIT:=60}"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

for tool in clang-format shellcheck cppcheck; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done
tree=$TAP_TMP/tree
mkdir -p "$tree/loader" "$tree/.ci" "$tree/bpf"
cp -r tools .clang-format .shellcheckrc Makefile "$tree"
cp .ci/run "$tree/.ci"
spdx='// SPDX-License-Identifier: BSD-2-Clause'
source_file()
{
	printf '%s\n' "$spdx" "${@:2}" >"$tree/loader/$1"
}
lint()
{
	tap_run bash "$tree/tools/lint.sh"
}

source_file journey.c '#include "journey.h"' '#include "names.h"' '#include <bpf.h>'
source_file source_live.c '#include <bpf/libbpf.h>' '#include "trace.skel.h"' '#include "record.h"'
source_file render_list.c '#include "model.h"' '#include "text.h"' '#include "stages.h"'
source_file cmd_run.c '#include "source.h"' '#include "journey.h"' '#include "render.h"'
lint
tap_is 'a clean tree: no finding' "$TAP_STATUS$TAP_OUT" 0

# finds FILE LINE REGEX CONTENT...: lint reports it, and nothing else
finds()
{
	local file=$1 line=$2 regex=$3
	shift 3
	source_file "$file" "$@"
	lint
	tap_is "$file: $regex: fails" "$TAP_STATUS" 1
	tap_like 'and is reported with its line' "$TAP_OUT" "^loader/$file:$line: $regex"
	rm "$tree/loader/$file"
}

finds decode.c 3 'the layer .decode. must not know of BPF' '' '#include <bpf/libbpf.h>'
finds render_tree.c 2 'the layer .render. must not include journey.h' '#include "journey.h"'
finds select.c 2 'the layer .engine. must not include render.h' '#include "render.h"'
finds names.c 2 'the layer .decode. must not include probe.h' '#include "../loader/probe.h"'
finds cmd_doctor.c 2 'the layer .front. must not know of BPF' '#include "trace.skel.h"'
finds mystery.c 1 'in no layer' 'int mystery;'
finds text.c 6 'Array .a\[2\]. accessed at index 2' 'int text_x(void)' '{' '	int a[2] = { 0 };' '' '	return a[2];' '}'

printf 'int packet;\n' >"$tree/loader/packet.c"
lint
tap_like 'a file without its licence' "$TAP_OUT" 'loader/packet.c:1: .*SPDX'
printf '%s\n' "$spdx" 'int  packet;' >"$tree/loader/packet.c"
lint
if command -v clang-format-14 >/dev/null || [[ $(clang-format --version) == *'version 14.'* ]]; then
	tap_is 'a file that is not formatted' "$TAP_OUT" \
		'loader/packet.c:2: not as clang-format would write it: make format'
	tap_run bash "$tree/tools/lint.sh" format
	lint
	tap_is 'format repairs it' "$TAP_STATUS$TAP_OUT" 0
else
	tap_like 'another clang-format is no judge, which is said' "$TAP_STATUS$TAP_ERR" '^0.*clang-format 14 only'
	tap_run bash "$tree/tools/lint.sh" format
	tap_is 'nor does it rewrite anything' "$TAP_STATUS$(tail -n 1 "$tree/loader/packet.c")" '1int  packet;'
	rm "$tree/loader/packet.c"
fi

# shellcheck disable=SC2016
printf '#!/bin/bash\n# SPDX-License-Identifier: BSD-2-Clause\nrm $1\n' >"$tree/tools/x.sh"
lint
tap_like 'a script that does not quote' "$TAP_OUT" '^tools/x.sh:3: .*\[SC2086\]'
tap_done
