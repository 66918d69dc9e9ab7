#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make lint: what a machine can say about the sources. Each finding is a line "file:line: what";
# exits 1 when there is any. `lint.sh format` lets clang-format rewrite the C sources instead.
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Layers of loader/, left to right as packets flow: which files are in each, and which layers their
# #include lines may name besides their own. Everybody sees what is common: the records, the model,
# the tables, and how to write an address or an errno.
layers='
common  -                       abi stages reasons model losses json_get text text_*
record  -                       record source
system  record                  source_* softirqs probe learn learn_state learn_netns learn_tables netns_scan symbols reason procnet netns_enter doctor doctor_judge attach clone backend kfuncs ruleset rtnl refusals prefixes
decode  record                  names packet decode
engine  decode                  engine select filter journey birth lost node hop cause fate call socket flow seq tcp hold reader tell tell_drop func route no_route martian queue rules rule_match nfqueue fragment tunnel relate
render  -                       render render_*
expect  -                       expect expect_*
diff    render                      diff diff_*
front   record,system,decode,engine,render,expect,diff  options only output pipeline child cmd cmd_* main
'
# Only this layer may know that there is BPF; all to the right of it is pure.
bpf_layer=system

findings=0
finding()
{
	printf '%s\n' "$*"
	findings=$((findings + 1))
}

# Runs a tool and counts the lines it prints as findings.
report()
{
	local line
	while IFS= read -r line; do
		finding "$line"
	done
}

have()
{
	command -v "$1" >/dev/null && return
	finding "tools/lint.sh:0: $1 is not installed, so nothing was checked with it: tools/deps.sh install check"
	return 1
}

shopt -s nullglob globstar
c_files=(apps/**/*.[ch] loader/**/*.[ch] tests/**/*.[ch] bench/**/*.[ch] bpf/**/*.[ch])
sh_files=(.ci/run)
for file in tools/* topo/* bench/* tests/**/*; do
	[[ -f $file ]] || continue
	if [[ $file == *.sh || $file == *.t ]] || head -c 64 -- "$file" | grep -q '^#!.*bash'; then
		sh_files+=("$file")
	fi
done

# Each version of clang-format has a taste of its own; the tree is to that of this one.
format_version=14
clang_format=clang-format
! command -v "clang-format-$format_version" >/dev/null || clang_format=clang-format-$format_version

is_our_format()
{
	[[ $("$clang_format" --version) == *"version $format_version."* ]]
}

check_format()
{
	have clang-format || return
	if ! is_our_format; then
		echo "tools/lint.sh: formatting is checked with clang-format $format_version only, this is another one" >&2
		return
	fi
	"$clang_format" --dry-run -Werror "${c_files[@]}" 2>&1 |
		awk -F: '/: error: / && !seen[$1]++ {
			print $1 ":" $2 ": not as clang-format would write it: make format" }'
}

check_shell()
{
	have shellcheck || return
	shellcheck --format=gcc "${sh_files[@]}" | sed -E 's/^([^:]+:[0-9]+):[0-9]+: [a-z]+: /\1: /'
}

# Loops of libraries whose headers cppcheck does not read. A ';' would end the definition.
macros=(
	'-DHASH_ITER(hh,head,el,tmp)=while ((el = tmp = head))'
	'-DDL_FOREACH(head,el)=while ((el = head))'
	'-DDL_FOREACH_SAFE(head,el,tmp)=while ((el = tmp = head))'
	'-DLL_FOREACH(head,el)=while ((el = head))'
	'-DLL_FOREACH_SAFE(head,el,tmp)=while ((el = tmp = head))'
	'-DLIBBPF_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }'
	'-Dbpf_object__for_each_program(pos,obj)=while ((pos = bpf_object__next_program(obj, pos)))'
)

# It loses track of memory that is handed on, and of `a = b ?: a`; SAN=1 and the compilers do not. From 2.11 on
# it says of long functions that it does not try all their branches.
not_from_cppcheck=(
	--suppress=missingIncludeSystem --suppress=memleak --suppress=memleakOnRealloc
	--suppress=selfAssignment --suppress=normalCheckLevelMaxBranches
)

check_cppcheck()
{
	have cppcheck || return
	local dirs=()
	for dir in loader apps; do
		[[ -n $(echo $dir/*.c) ]] && dirs+=("$dir")
	done
	cppcheck --quiet --std=c11 -j2 --inline-suppr --enable=warning,performance,portability \
		"${not_from_cppcheck[@]}" "${macros[@]}" \
		--template='{file}:{line}: {message} [{id}]' "${dirs[@]}" 2>&1 |
		grep -E '^[^:]+:[0-9]+: '
}

# layer_of WORD: the layer of the module WORD (the file name without .c or .h), "" when in none.
layer_of()
{
	local layer sees modules pattern
	while read -r layer sees modules; do
		for pattern in $modules; do
			# shellcheck disable=SC2053 # a pattern
			[[ $1 == $pattern ]] && echo "$layer" && return
		done
	done <<<"$layers"
}

sees_of()
{
	awk -v layer="$1" '$1 == layer { print $2 }' <<<"$layers"
}

check_includes()
{
	local file module layer sees line name other
	set -f # the patterns of the table are not file names
	for file in "${c_files[@]}"; do
		[[ $file == loader/* ]] || continue
		module=${file##*/}
		layer=$(layer_of "${module%.[ch]}")
		if [[ -z $layer ]]; then
			echo "$file:1: in no layer: add it to the table in tools/lint.sh"
			continue
		fi
		sees=,common,$layer,$(sees_of "$layer"),
		while IFS=: read -r line name; do
			case $name in
			'<bpf/'* | '<linux/bpf.h>'* | '<linux/btf.h>'* | *.skel.h\"*)
				[[ $layer == "$bpf_layer" ]] ||
					echo "$file:$line: the layer '$layer' must not know of BPF: $name"
				;;
			\"*)
				name=${name#\"}
				name=${name%%\"*}
				name=${name##*/}
				[[ $name == *.h ]] || continue
				other=$(layer_of "${name%.h}")
				[[ $sees == *",${other:-?},"* ]] ||
					echo "$file:$line: the layer '$layer' must not include $name (${other:-no layer})"
				;;
			esac
		done < <(sed -nE 's/^[ \t]*#[ \t]*include[ \t]+(["<][^">]*[">]).*/\1/;T;=;p' "$file" |
			paste -d: - -)
	done
	set +f
}

check_licence()
{
	local file wanted
	for file in "${c_files[@]}" "${sh_files[@]}" bpf/*.def loader/*.def vmlinux/*.h Makefile **/*.py; do
		[[ $file != build/* ]] || continue
		wanted='BSD-2-Clause'
		[[ $file != bpf/* && $file != vmlinux/* && $file != tests/bpf/*.bpf.c ]] || wanted='GPL-2.0-only OR BSD-2-Clause'
		head -n 3 -- "$file" | grep -qE "SPDX-License-Identifier: $wanted( \*/)?\$" ||
			echo "$file:1: its first line must be SPDX-License-Identifier: $wanted"
	done
}

if [[ ${1-} == format ]]; then
	command -v "$clang_format" >/dev/null || die 'clang-format is not installed: tools/deps.sh install check'
	is_our_format || die "the tree is formatted by clang-format $format_version, and this is $("$clang_format" --version)"
	exec "$clang_format" -i "${c_files[@]}"
fi

report < <(check_format)
report < <(check_shell)
report < <(check_cppcheck)
report < <(check_includes)
report < <(check_licence)
if ((findings > 0)); then
	echo "lint: $findings findings" >&2
	exit 1
fi
