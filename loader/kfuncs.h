/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of functions.def in the running kernel: where each is, under which name, and whether it can
 * be probed. From /proc/kallsyms and tracefs' available_filter_functions (Documentation/trace/ftrace.rst).
 */
#ifndef HS_KFUNCS_H
#define HS_KFUNCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stages.h"

#define HS_KFUNC_NAME 64

struct hs_kfunc {
	const struct hs_function_info *info;
	char name[HS_KFUNC_NAME];   /* in this kernel, with what the compiler appended (.isra.0) */
	char module[HS_KFUNC_NAME]; /* "" the kernel itself */
	uint64_t addr;	  /* 0: it is not there: renamed beyond recognition, inlined, or absent */
	bool untraceable; /* it is there, and the kernel's list says that no probe may be on it */
};

/* All that may be probed (not kind STACK), in the order of the table. */
struct hs_kfuncs {
	struct hs_kfunc *list;
	size_t n;
	bool hidden; /* the kernel shows no addresses: all are 0 */
};

/* From the running kernel. 0 or negative errno; free with kfuncs_free(). */
int kfuncs_find(struct hs_kfuncs *ret);
/* The same from texts like those files'; `traceable` NULL: not known. They are changed. */
int kfuncs_parse(struct hs_kfuncs *ret, char *kallsyms, char *traceable);
void kfuncs_free(struct hs_kfuncs *k);

#endif
