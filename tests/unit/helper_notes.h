/* SPDX-License-Identifier: BSD-2-Clause */
/* A sink that writes down what it is told, a line each, to be compared with what was expected. */
#ifndef HELPER_NOTES_H
#define HELPER_NOTES_H

#include <stdio.h>

#include "../../loader/model.h"

struct notes {
	struct hs_sink sink;
	bool hops;  /* every hop too, not only the first */
	bool quiet; /* count only */
	FILE *file;
	char *text; /* valid after notes_text() */
	size_t len;
	size_t n_hops, n_fates, n_settled;
	struct hs_summary summary;
	char nothing[256]; /* of the summary, which outlives the stream's strings */
};

void notes_init(struct notes *n);
const char *notes_text(struct notes *n);
void notes_done(struct notes *n);

#endif
