/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of stages and of their functions (bpf/stages.def, functions.def) as the loader reads them. All strings are static, never NULL;
 * "" stands for "nothing".
 */
#ifndef HS_STAGES_H
#define HS_STAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "../bpf/abi.h"

struct hs_stage_info {
	enum hs_stage id;
	const char *name;      /* "UDP_SEND" */
	const char *label;     /* "udp send", what the views print */
	const char *layer;     /* socket, transport, network, neighbour, device */
	const char *direction; /* out, in, both */
	const char *probe;     /* the tracepoint that times it; "": its functions do, or a stack */
	const char *meaning;   /* one line for a learner */
	const char *remedy;    /* what to look at when packets die here */
};

/* A kernel function that stands for a stage. */
struct hs_function_info {
	enum hs_stage stage;
	const char *name;
	enum hs_fn_kind kind;
	unsigned int arg;   /* AT: which argument is the packet, from 1 */
	unsigned int flags; /* enum hs_fn_flags */
};

/* Can the stack at a tracepoint show it? */
bool function_is_in_stacks(const struct hs_function_info *f);

/* All of them, those of one stage side by side. */
const struct hs_function_info *functions_all(size_t *ret_n);

/* The whole table in the order of a packet's way, for walking; *ret_n is its length. */
const struct hs_stage_info *stages_all(size_t *ret_n);

/* NULL when there is no such stage (0, or an id of a newer recording). */
const struct hs_stage_info *stage_info(enum hs_stage id);

/*
 * The stage that a kernel function stands for, NULL when none. What the compiler appends to the
 * name of a function it cut or copied (.isra.0, .part.0, .constprop.0, .cold) is ignored.
 */
const struct hs_stage_info *stage_of_function(const char *fn);

/* By label ("udp send") or NAME ("UDP_SEND"), '_', '-', ' ' and case being alike; NULL: none. */
const struct hs_stage_info *stage_by_word(const char *word);

/* "tracepoint", "fentry", "kprobe.multi", "kprobe"; HS_BY_STACK is "stack". */
const char *backend_name(enum hs_backend backend);
/* HS_BY_STACK: there is none of that name. */
enum hs_backend backend_by_name(const char *name);

#endif
