// SPDX-License-Identifier: BSD-2-Clause
#include "clone.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COOKIE_MARK 0x686f7073636f7065ull /* "hopscope" */

void clone_close(struct hs_probe_fds *fds)
{
	if (fds->link >= 0)
		close(fds->link);
	if (fds->prog >= 0)
		close(fds->prog);
	fds->link = fds->prog = -1;
}

/* A 64-bit constant takes two instructions: its halves are the immediate values of both. */
static bool put_cookie(struct bpf_insn *insns, size_t n, uint64_t cookie)
{
	bool put = false;

	for (size_t i = 0; i + 1 < n; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (!insns[i].src_reg && (uint32_t)insns[i].imm == (uint32_t)COOKIE_MARK &&
		    (uint32_t)insns[i + 1].imm == COOKIE_MARK >> 32) {
			insns[i].imm = (int32_t)cookie;
			insns[i + 1].imm = (int32_t)(cookie >> 32);
			put = true;
		}
		i++;
	}
	return put;
}

/* Its descriptor or negative errno. */
static int load_copy(const struct bpf_program *template, uint64_t cookie,
		     struct bpf_prog_load_opts *opts)
{
	size_t n = bpf_program__insn_cnt(template);
	struct bpf_insn *insns = malloc(n * sizeof(*insns));
	int fd;

	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(template), n * sizeof(*insns));
	opts->sz = sizeof(*opts);
	opts->expected_attach_type = bpf_program__expected_attach_type(template);
	fd = put_cookie(insns, n, cookie)
		     ? bpf_prog_load(bpf_program__type(template), bpf_program__name(template),
				     "Dual BSD/GPL", insns, n, opts)
		     : -EINVAL;
	free(insns);
	return fd;
}

int clone_fentry(struct hs_probe_fds *ret, const struct bpf_program *template, uint64_t cookie,
		 int btf_fd, int btf_id)
{
	struct bpf_prog_load_opts opts = { .attach_btf_id = btf_id, .attach_btf_obj_fd = btf_fd };
	struct hs_probe_fds fds = { load_copy(template, cookie, &opts), -1 };

	if (fds.prog < 0)
		return fds.prog;
	fds.link = bpf_raw_tracepoint_open(NULL, fds.prog);
	if (fds.link < 0) {
		int r = fds.link;

		clone_close(&fds);
		return r;
	}
	*ret = fds;
	return 0;
}

/* The number in a file of the kprobe event source; negative errno. */
static int pmu_number(const char *file, const char *format)
{
	char path[96];
	int value, n;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/kprobe/%s", file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, format, &value);
	fclose(f);
	return n == 1 ? value : -EINVAL;
}

/* perf_event_open(2), kprobe PMU. A kprobe on a function of a module waits for nothing: it must be there. */
static int open_kprobe(const char *function, bool on_return)
{
	int type = pmu_number("type", "%d");
	int bit = on_return ? pmu_number("format/retprobe", "config:%d") : 0;
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = on_return ? 1ull << bit : 0,
		.kprobe_func = (uintptr_t)function,
	};
	int fd;

	if (type < 0 || bit < 0)
		return type < 0 ? type : bit;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int kprobe_attach(int prog_fd, const char *function, bool on_return)
{
	int fd = open_kprobe(function, on_return), r;

	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int clone_kprobe(struct hs_probe_fds *ret, const struct bpf_program *template, uint64_t cookie,
		 const char *function, bool on_return)
{
	struct bpf_prog_load_opts opts = { 0 };
	struct hs_probe_fds fds = { load_copy(template, cookie, &opts), -1 };

	if (fds.prog < 0)
		return fds.prog;
	fds.link = kprobe_attach(fds.prog, function, on_return);
	if (fds.link < 0) {
		int r = fds.link;

		clone_close(&fds);
		return r;
	}
	*ret = fds;
	return 0;
}
