// SPDX-License-Identifier: BSD-2-Clause
#include "backend.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clone.h"

int backend_load_empty(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = attach,
		.attach_btf_id = btf_id,
	};

	return bpf_prog_load(type, "hs_doctor", "GPL", nothing, 2, &opts);
}

static int say(char *why, size_t len, const char *where, int r)
{
	if (why && r < 0)
		snprintf(why, len, "%s", where);
	return r;
}

static int try_kprobe(char *why, size_t len)
{
	int prog = backend_load_empty(BPF_PROG_TYPE_KPROBE, 0, 0), link;

	if (prog < 0)
		return say(why, len, "at load", prog);
	link = kprobe_attach(prog, HS_TRIED_FUNCTION, false);
	close(prog);
	if (link < 0)
		return say(why, len,
			   access("/sys/bus/event_source/devices/kprobe", F_OK)
				   ? "no /sys/bus/event_source/devices/kprobe"
				   : "when attached",
			   link);
	close(link);
	return 0;
}

static int try_fentry(char *why, size_t len)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id, prog, link;

	if (libbpf_get_error(btf))
		return say(why, len, "no BTF", -ENOENT);
	id = btf__find_by_name_kind(btf, HS_TRIED_FUNCTION, BTF_KIND_FUNC);
	btf__free(btf);
	if (id < 0)
		return say(why, len, "not in BTF", id);
	prog = backend_load_empty(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, id);
	if (prog < 0)
		return say(why, len, "at load", prog);
	link = bpf_raw_tracepoint_open(NULL, prog);
	close(prog);
	if (link < 0)
		return say(why, len, "when attached", link);
	close(link);
	return 0;
}

static int try_kprobe_multi(char *why, size_t len)
{
	const char *function = HS_TRIED_FUNCTION;
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.kprobe_multi = { .syms = &function, .cnt = 1 },
	};
	int prog = backend_load_empty(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0), link;

	if (prog < 0)
		return say(why, len, "at load", prog);
	link = bpf_link_create(prog, 0, BPF_TRACE_KPROBE_MULTI, &opts);
	close(prog);
	if (link < 0)
		return say(why, len, "when attached", link);
	close(link);
	return 0;
}

int backend_try(enum hs_backend backend, char *why, size_t why_len)
{
	switch (backend) {
	case HS_BY_FENTRY:
		return try_fentry(why, why_len);
	case HS_BY_KPROBE_MULTI:
		return try_kprobe_multi(why, why_len);
	case HS_BY_KPROBE:
		return try_kprobe(why, why_len);
	default:
		return -EINVAL;
	}
}
