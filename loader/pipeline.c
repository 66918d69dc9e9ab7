// SPDX-License-Identifier: BSD-2-Clause
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "expect.h"
#include "journey.h"
#include "only.h"

struct hs_pipeline {
	FILE *out;
	const struct hs_show *show;
	const struct hs_select *extra;
	struct hs_names *names;
	struct hs_select select;
	struct hs_sink silent;	     /* -q */
	struct hs_sink *told;	     /* somebody else's, instead of a view; NULL */
	struct hs_sink *view, *only; /* only: in front of the view, NULL without --only, --reason */
	struct hs_sink *expect;	     /* in front of both; NULL without --expect */
	struct hs_journeys *journeys;
	struct hs_decoder *decoder;
	bool ended;
	char error[256];
};

static int pipeline_event(void *ctx, const struct hs_event *event)
{
	struct hs_pipeline *p = ctx;

	return journeys_event(p->journeys, event);
}

static void pipeline_gap(void *ctx, uint64_t time, int64_t lost)
{
	struct hs_pipeline *p = ctx;

	journeys_gap(p->journeys, time, lost);
}

static struct hs_sink *pipeline_view(const struct hs_pipeline *p, const struct hs_rec_start *start)
{
	struct hs_render_options options = p->show->render;

	options.start = start->hdr.time;
	options.wall_offset = start->wall_offset;
	options.partial = p->show->only || p->show->reasons.n;
	switch (p->show->view) {
	case HS_VIEW_TREE:
		return render_tree_new(p->out, &options);
	case HS_VIEW_FOLLOW:
		return render_follow_new(p->out, &options);
	case HS_VIEW_LADDER:
		return render_ladder_new(p->out, &options);
	case HS_VIEW_JSON:
		return render_json_new(p->out, &options);
	default:
		return render_list_new(p->out, &options);
	}
}

/* The sinks, from the last to the first. */
static int pipeline_sinks(struct hs_pipeline *p, const struct hs_rec_start *start,
			  struct hs_sink **ret)
{
	struct hs_sink *sink = &p->silent;

	if (p->told)
		sink = p->told;
	else if (!p->show->quiet)
		sink = p->view = pipeline_view(p, start);
	if (sink && (p->show->only || p->show->reasons.n))
		sink = p->only = only_new(sink, p->show->only, &p->show->reasons);
	if (sink && p->show->expect.n)
		sink = p->expect = expect_new(sink, &p->show->expect, start->hdr.time);
	*ret = sink;
	return sink ? 0 : -ENOMEM;
}

void pipeline_tell(struct hs_pipeline *p, struct hs_sink *sink)
{
	p->told = sink;
}

static int pipeline_start(struct hs_pipeline *p, const struct hs_rec_start *start)
{
	struct hs_sink *sink;
	char *spec = NULL;
	size_t len = 0;
	int r;

	if (start->hdr.size < sizeof(*start) ||
	    start->hdr.size - sizeof(*start) < start->spec_len) {
		snprintf(p->error, sizeof(p->error), "the recording's first record is damaged");
		return -EPROTO;
	}
	r = select_add_spec(&p->select, start->spec, start->spec_len, p->error, sizeof(p->error));
	if (!r && p->extra)
		r = select_spec(p->extra, &spec, &len);
	if (!r && spec)
		r = select_add_spec(&p->select, spec, len, p->error, sizeof(p->error));
	free(spec);
	if (r)
		return r;
	r = pipeline_sinks(p, start, &sink);
	if (r)
		return r;
	p->journeys = journeys_new(p->names, &p->select, sink);
	p->decoder = decode_new(p->names, pipeline_event, pipeline_gap, p);
	return p->journeys && p->decoder ? 0 : -ENOMEM;
}

static void pipeline_tell_json(const struct hs_pipeline *p)
{
	const struct text_style style = { .ascii = p->show->render.ascii };
	struct text t;

	text_init(&t, &style);
	expect_tell_json(p->expect, &t);
	text_write(&t, p->out);
	text_free(&t);
}

int pipeline_record(void *pipeline, const struct hs_hdr *rec)
{
	struct hs_pipeline *p = pipeline;
	int r;

	if (rec->type == HS_REC_START && !p->decoder) {
		r = pipeline_start(p, (const void *)rec);
		if (r)
			return r;
	}
	if (!p->decoder || p->ended)
		return 0;
	p->ended = rec->type == HS_REC_END;
	r = decode_record(p->decoder, rec);
	if (r == -EPROTO)
		snprintf(p->error, sizeof(p->error), "a record of type %u has only %u bytes",
			 rec->type, rec->size);
	if (!r && p->ended && p->expect && p->show->view == HS_VIEW_JSON && !p->show->quiet)
		pipeline_tell_json(p);
	return r;
}

void pipeline_note_cut(struct hs_pipeline *p)
{
	if (p->expect)
		expect_note_cut(p->expect);
}

bool pipeline_holds(const struct hs_pipeline *p)
{
	return p->expect && expect_is_over(p->expect);
}

enum hs_verdict pipeline_verdict(const struct hs_pipeline *p, struct text *report)
{
	if (!p->expect)
		return HS_VERDICT_INCONCLUSIVE; /* not even a first record */
	expect_tell(p->expect, report);
	return expect_verdict(p->expect);
}

const char *pipeline_error(const struct hs_pipeline *p)
{
	return p->error;
}

size_t pipeline_underway(const struct hs_pipeline *p)
{
	return p->journeys ? journeys_underway(p->journeys) : 0;
}

size_t pipeline_unread(const struct hs_pipeline *p)
{
	return p->journeys ? journeys_unread(p->journeys) : 0;
}

bool pipeline_is_done(const struct hs_pipeline *p)
{
	uint64_t ended = 0;

	if (p->only)
		ended = only_passed(p->only);
	else if (p->journeys)
		ended = journeys_settled(p->journeys);
	return p->show->count && ended >= p->show->count;
}

int pipeline_new(struct hs_pipeline **ret, FILE *out, const struct hs_show *show,
		 const struct hs_select *extra)
{
	struct hs_pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->out = out;
	p->show = show;
	p->extra = extra;
	p->names = names_new();
	if (!p->names) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct hs_pipeline *p)
{
	if (!p)
		return;
	decode_free(p->decoder);
	journeys_free(p->journeys);
	expect_free(p->expect);
	only_free(p->only);
	render_free(p->view);
	select_free(&p->select);
	names_free(p->names);
	free(p);
}
