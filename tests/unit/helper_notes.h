/* SPDX-License-Identifier: BSD-2-Clause */
/* A sink that writes down what it is told, a line each, to be compared with what was expected. */
#ifndef HELPER_NOTES_H
#define HELPER_NOTES_H

#include <stdio.h>

#include "../../loader/model.h"
#include "helper_stream.h"

/* What is written down though the notes are quiet, and what more is said of it. */
struct note_kinds {
	bool births, hops, fates, reads, told, calls, settles;
	/* of TCP, which is asked for in any case */
	bool flows, states, sockets, signals;
	bool ends;	/* states: both ends of the flow after it */
	bool segments;	/* births, settled journeys: sequence numbers, resets */
	bool streams;	/* calls: the stream and its socket */
	bool held;	/* births: what kept their bytes; calls: what they waited for */
	bool relations; /* settled journeys: whose relative, merged into which */
	bool kinds;	/* a line for each settled journey: what it is to another, as JSON has it */
	bool readers;	/* reads: what the reader was doing */
};

struct notes {
	struct hs_sink sink;
	bool hops;  /* every hop too, not only the first */
	bool quiet; /* count only */
	struct note_kinds kinds;
	FILE *file;
	char *text; /* valid after notes_text() */
	size_t len, skip;
	size_t n_hops, n_fates, n_settled;
	size_t underway; /* journeys, before END */
	struct hs_summary summary;
	char nothing[256]; /* of the summary, which outlives the stream's strings */
};

void notes_init(struct notes *n);
/* What the journey engine makes of a stream. */
void notes_run(struct notes *n, const struct stream *s);
/* The same of one that comes in pieces, all of which are noted. */
struct notes_run *notes_run_new(struct notes *n);
void notes_run_feed(struct notes_run *r, const struct stream *s);
void notes_run_free(struct notes_run *r);
const char *notes_text(struct notes *n);
void notes_done(struct notes *n);
/* The stream ends; of these kinds, these lines and no others come out. Frees the stream. */
void notes_expect(struct stream *s, struct note_kinds kinds, const char *expected);

#endif
