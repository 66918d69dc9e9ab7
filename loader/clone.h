/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of a loaded program, each with a cookie of its own in place of the mark that hs_cookie_of_copy()
 * (bpf/functions.bpf.h) leaves: for kinds of probes that have no cookie (fentry: one program is for one
 * function anyway; kprobes before 5.15).
 */
#ifndef HS_CLONE_H
#define HS_CLONE_H

#include <bpf/libbpf.h>
#include <stdint.h>

#include "kfuncs.h"

struct hs_probe_fds {
	int prog, link; /* -1: none */
};

void clone_close(struct hs_probe_fds *fds);

/* All of these return 0 or a negative errno, and leave *ret alone then. */

/* On a function of the kernel (fentry or fexit, as `template` is). `btf_fd` and `btf_id`: where it is. */
int clone_fentry(struct hs_probe_fds *ret, const struct bpf_program *template, uint64_t cookie,
		 int btf_fd, int btf_id);
/* Attaches a loaded program of type kprobe. The descriptor that keeps it there, or negative errno. */
int kprobe_attach(int prog_fd, const char *function, bool on_return);
/* At the entry of a function, or when it returns. */
int clone_kprobe(struct hs_probe_fds *ret, const struct bpf_program *template, uint64_t cookie,
		 const char *function, bool on_return);

#endif
