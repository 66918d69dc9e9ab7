/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expectations: what shall happen, step by step, held against what did (--expect).
 *
 * A sink in front of a view: it passes everything on, remembers what the steps may be about, and
 * judges at the end. The language is in trace(1). Pure: the same stream gives the same verdict.
 */
#ifndef HS_EXPECT_H
#define HS_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"
#include "text.h"

struct hs_expectation; /* one text, understood */

struct hs_expectations {
	struct hs_expectation **all;
	size_t n;
};

/* Adds what `text` says. -EINVAL and `err` (several lines) when it is not understood; -ENOMEM. */
int expect_add(struct hs_expectations *list, const char *text, char *err, size_t err_len);
void expectations_free(struct hs_expectations *list);
/* The kinds of steps, and the fields of each. */
void expect_help(struct text *t);

/* As exit statuses. */
enum hs_verdict { HS_VERDICT_HELD = 0, HS_VERDICT_FAILED = 3, HS_VERDICT_INCONCLUSIVE = 4 };

/* `list` outlives the sink; `start`: when the trace began. NULL: no memory. */
struct hs_sink *expect_new(struct hs_sink *inner, const struct hs_expectations *list,
			   uint64_t start);
void expect_free(struct hs_sink *sink);
/* The stream breaks off: what did not happen may only be missing. Before the summary. */
void expect_note_cut(struct hs_sink *sink);
/* Do all hold already, whatever is still to come? */
bool expect_is_over(struct hs_sink *sink);

/* After the summary: all together; the worst counts, and failed is worse than inconclusive. */
enum hs_verdict expect_verdict(const struct hs_sink *sink);
/* One line when they hold, else which step does not, and what came nearest. */
void expect_tell(const struct hs_sink *sink, struct text *t);
/* A line of JSON for each. */
void expect_tell_json(const struct hs_sink *sink, struct text *t);

#endif
