/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where records come from: the running kernel (source_live.c) or a file (source_file.c). Both hand
 * over the same stream: HS_REC_START first, then records in the order they were consumed, then HS_REC_END.
 */
#ifndef HS_SOURCE_H
#define HS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../bpf/abi.h"

/* Takes one record; `rec` is valid during the call only. A negative errno ends the stream. */
typedef int (*hs_record_fn)(void *ctx, const struct hs_hdr *rec);

struct hs_live;

struct hs_live_options {
	bool stacks; /* take a stack at each stage: 4 us each; only of ends where functions are probed */
	uint32_t stack_limit;	 /* so many on a CPU in 16.8 ms, drops' not counted; 0: all */
	uint32_t snap;		 /* bytes of each packet, at most HS_SNAP_MAX; 0: headers only */
	bool calls;		 /* record the system calls of followed processes */
	bool functions;		 /* probe them, where the kernel grants that */
	enum hs_backend backend; /* by that only; HS_BY_STACK: the best one */
	size_t ring_bytes;	 /* of all ring buffers together */
	uint32_t map_entries;	 /* of each map that can fill up, 0: as many as are usual */
	const char *spec;	 /* the selection as NUL-terminated words, for HS_REC_START */
	size_t spec_len;
};

/*
 * Loads the probes without attaching them. On failure `err` says what failed, why and what to do, in
 * one line.
 */
int live_open(struct hs_live **ret, const struct hs_live_options *opt, char *err, size_t err_len);
void live_close(struct hs_live *live);

/* The tracepoint that a program of trace.bpf.c stands in for where the kernel does not have it; else NULL. */
const char *live_stands_in_for(const char *program);

/*
 * Both set up opened programs, before they are loaded: for the running kernel; and for `opt` too, as
 * live_open() does. 0 or negative errno, and attach_free(attach) in any case; attach.h.
 */
struct trace_bpf;
struct hs_attach;
void live_fit_kernel(struct trace_bpf *skel);
int live_prepare(struct trace_bpf *skel, const struct hs_live_options *opt,
		 struct hs_attach *attach);

/* Of these the atomic instructions alone. Returns what hs_has_fetch_add must be. */
struct bpf_object;
bool live_fit_atomics(struct bpf_object *obj);

/* What became of the functions, valid until live_close(). */
const struct hs_attach *live_functions(const struct hs_live *live);

/* Adds a process to those whose calls are recorded; its future children follow. */
int live_follow(struct hs_live *live, uint32_t pid);

/* Attaches, hands over HS_REC_START and the sockets that exist. */
int live_start(struct hs_live *live, hs_record_fn fn, void *ctx, char *err, size_t err_len);
unsigned int live_probes(const struct hs_live *live);

/*
 * Hands over what waits, or a bounded part of it, then a tick. 1: there is more, come back at once;
 * 0: come back within LIVE_PERIOD_MS, as nobody is woken. Negative errno: of `fn`, or of the ring
 * buffer.
 */
#define LIVE_PERIOD_MS 10
int live_drain(struct hs_live *live);

/* What was written until then has been handed over; ns of CLOCK_MONOTONIC. */
uint64_t live_seen(const struct hs_live *live);

/* One sentence about names that are missing, NULL when all is well. */
const char *live_names_warning(const struct hs_live *live);

/* Detaches, hands over the rest, the final losses and HS_REC_END. */
int live_stop(struct hs_live *live);

/*
 * The records of a file, which is nothing but records one after the other. 0 when it ended with HS_REC_END; -ENODATA when it is cut short (all whole
 * records were handed over); -EPROTO when it is no recording; `err` explains.
 */
int recording_read(FILE *file, hs_record_fn fn, void *ctx, char *err, size_t err_len);

#endif
