/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to a view: decode, journeys, renderer, put together once for live and recorded
 * streams. Pure: what it writes depends on the records and on the options only.
 */
#ifndef HS_PIPELINE_H
#define HS_PIPELINE_H

#include <stdio.h>

#include "options.h"

struct hs_pipeline;

/*
 * `extra` narrows the selection that the stream itself brings (NULL: it does not); it and `show`
 * outlive the pipeline. -ENOMEM.
 */
int pipeline_new(struct hs_pipeline **ret, FILE *out, const struct hs_show *show,
		 const struct hs_select *extra);
void pipeline_free(struct hs_pipeline *p);

/* `sink` is told instead of a view, and outlives the pipeline. Before the first record. */
void pipeline_tell(struct hs_pipeline *p, struct hs_sink *sink);

/* hs_record_fn. -EPROTO for a stream that is not understood; pipeline_error() says why. */
int pipeline_record(void *pipeline, const struct hs_hdr *rec);
const char *pipeline_error(const struct hs_pipeline *p);

/* The stream breaks off; before HS_REC_END. */
void pipeline_note_cut(struct hs_pipeline *p);
/* Does all hold that is expected, whatever is still to come? False where nothing is. */
bool pipeline_holds(const struct hs_pipeline *p);
/* After HS_REC_END, with `show->expect`: what became of it, and why (added to `report`). */
enum hs_verdict pipeline_verdict(const struct hs_pipeline *p, struct text *report);

/* Journeys that are shown and have no fate yet. */
size_t pipeline_underway(const struct hs_pipeline *p);
/* Of the shown ones, datagrams that wait to be read. */
size_t pipeline_unread(const struct hs_pipeline *p);
/* Have as many journeys come to their end as -c asks for? */
bool pipeline_is_done(const struct hs_pipeline *p);

#endif
