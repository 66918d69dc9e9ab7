/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes on the functions of functions.def, each by the best backend that this kernel grants. Tracepoints
 * are not its business: those are the same everywhere, source_live.c.
 */
#ifndef HS_ATTACH_H
#define HS_ATTACH_H

#include "clone.h"
#include "kfuncs.h"

struct trace_bpf;

struct hs_attached {
	const struct hs_kfunc *function;
	enum hs_backend backend;	/* HS_BY_STACK: it could not be probed */
	int error;			/* then, negative errno of the last try; 0: not tried */
	struct hs_probe_fds entry, ret; /* where each function has its own */
};

struct hs_attach {
	struct hs_kfuncs functions;
	struct hs_attached *list; /* one for each of `functions` */
	size_t n;
	unsigned int granted; /* backends */
	uint64_t took;	      /* attach_all(), ns */
	const char *why;      /* no function can be probed: why; else NULL */
	struct hs_probe_fds multi[2];
};

/*
 * First find out which functions there are, and set up `skel` so that it loads what the granted backends
 * need. `allowed`: a set of backends. 0 or negative errno; attach_free() in any case.
 */
int attach_prepare(struct hs_attach *a, struct trace_bpf *skel, unsigned int allowed);
/* When it is loaded. What cannot be attached is no error: `list` tells. 0 or -ENOMEM. */
int attach_all(struct hs_attach *a, struct trace_bpf *skel);
/* How many functions are probed. */
size_t attach_count(const struct hs_attach *a);
/* How often their programs were skipped, bpf_prog_info.recursion_misses. */
uint64_t attach_misses(const struct hs_attach *a);
/* Takes the probes away; attach_free() does so too. */
void attach_detach(struct hs_attach *a);
/* One that is all zero is fine. */
void attach_free(struct hs_attach *a);

#endif
