/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The views: each is a sink (model.h) that writes text to a FILE.
 *
 * Renderers are pure: what they write depends on the callbacks and the options only; they read no
 * clock, no environment and no file. They write whole lines, each with one fwrite(), and nothing is
 * held back that a later callback would not change; flushing is the caller's (line buffering
 * makes every line one write). Write errors are found with ferror() on the FILE.
 */
#ifndef HS_RENDER_H
#define HS_RENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model.h"

enum hs_time_format {
	HS_TIME_BIRTH, /* since the journey's birth (tree: since the hop before) */
	HS_TIME_WALL,  /* -t: time of day */
	HS_TIME_START, /* -tt: seconds since the trace began */
	HS_TIME_DELTA, /* -ttt: since the line before */
};

struct hs_render_options {
	int width;   /* display columns; below 40 (and 0) means 80 */
	bool ascii;  /* 7-bit output */
	bool plain;  /* no art, whole words */
	bool color;  /* adds ANSI colours, which never carry meaning alone */
	int verbose; /* 1: functions; 2: every probe, CPU, task and address */
	enum hs_time_format time;
	int64_t wall_offset; /* ns: CLOCK_REALTIME - CLOCK_MONOTONIC */
	int32_t utc_offset;  /* seconds east of UTC, for HS_TIME_WALL */
	uint64_t start;	     /* when the trace began, CLOCK_MONOTONIC ns */
	bool json_hops;	     /* JSON: a line for every hop too */
	bool payload;	     /* -X: captured payload in hexadecimal */
	bool no_fold;	     /* list, ladder: a line for every segment */
	bool stats;	     /* at the end, all that was lost; JSON tells it anyway */
	uint32_t flow;	     /* ladder: only that connection, 0: each */
	/*
	 * Journeys may be hidden from this sink (--only, --reason), so the tree must not wait for
	 * a relative before it prints a block.
	 */
	bool partial;
};

/* The options are copied; `out` stays the caller's. NULL when out of memory. */
struct hs_sink *render_list_new(FILE *out, const struct hs_render_options *options);
struct hs_sink *render_tree_new(FILE *out, const struct hs_render_options *options);
struct hs_sink *render_follow_new(FILE *out, const struct hs_render_options *options);
struct hs_sink *render_ladder_new(FILE *out, const struct hs_render_options *options);
struct hs_sink *render_json_new(FILE *out, const struct hs_render_options *options);

/* Frees what a render_*_new() made; writes nothing. NULL is allowed. */
void render_free(struct hs_sink *sink);

#endif
