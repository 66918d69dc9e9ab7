// SPDX-License-Identifier: BSD-2-Clause
/* Where two recordings part, as JSON: a line a pair, and one at the end. */
#include <errno.h>
#include <inttypes.h>

#include "diff.h"
#include "render_json_members.h"

static const char *const names_of_sides[] = { "a", "b" };

static void json_begin(struct render *r, const char *type, enum diff_verdict verdict)
{
	json_put(&r->page, "{");
	json_str(&r->page, "type", type);
	json_str(&r->page, "verdict", diff_verdict_name(verdict));
}

static void json_end(struct render *r)
{
	json_put(&r->page, "}");
	text_newline(&r->page);
	parts_write(r);
}

/* The hop and its place; null: there is none. */
static void json_hop(struct text *t, const char *name, const struct diff_journey *j, size_t i)
{
	json_key(t, name);
	if (i >= j->n_hops) {
		json_put(t, "null");
		return;
	}
	json_put(t, "{");
	json_stage(t, j->hops[i].stage);
	json_str(t, "netns", j->hops[i].netns);
	json_str(t, "dev", j->hops[i].dev);
	json_str(t, "text", j->hops[i].text);
	json_put(t, "}");
}

static void json_journey(struct render *r, const struct diff_pair *pair, int in)
{
	const struct diff_journey *j = pair->side[in];
	struct text *t = &r->page;

	json_key(t, names_of_sides[in]);
	if (!j) {
		json_put(t, "null");
		return;
	}
	json_put(t, "{");
	json_uint(t, "id", j->j.id);
	json_packet(r, &j->j.packet);
	json_id(t, "cause", j->j.cause_kind == HS_CAUSE_JOURNEY ? j->j.cause : 0);
	json_ids(t, "caused", j->j.caused, j->j.n_caused);
	json_uint(t, "hops", j->n_hops);
	json_uint(t, "extra", pair->extra[in]);
	json_hop(t, "last", j, pair->last[in] ? pair->last[in] - 1 : j->n_hops);
	json_hop(t, "next", j, pair->verdict == DIFF_SAME ? j->n_hops : pair->part[in]);
	json_fate(t, &j->j.fate);
	json_outcome(t, &j->j);
	json_bool(t, "complete", !j->j.incomplete);
	json_put(t, "}");
}

static void json_pair(struct render *r, const struct diff_pair *pair)
{
	struct text *t = &r->page;

	json_begin(r, "diff", pair->verdict);
	json_bool(t, "minor", pair->minor);
	json_key(t, "differs");
	json_put(t, "[");
	for (unsigned int what = 0; what < DIFF_MAX; what++) {
		if (!(pair->differs & 1u << what))
			continue;
		json_element(t);
		json_string(t, diff_what_name(what));
	}
	json_put(t, "]");
	json_uint(t, "common", pair->common);
	json_journey(r, pair, 0);
	json_journey(r, pair, 1);
	json_end(r);
}

static void json_call(struct render *r, const struct diff_call_pair *pair)
{
	struct text *t = &r->page;

	json_begin(r, "diff_call", pair->verdict);
	for (int in = 0; in < 2; in++) {
		const struct hs_call *c = pair->side[in] ? &pair->side[in]->c : NULL;

		json_key(t, names_of_sides[in]);
		if (!c) {
			json_put(t, "null");
			continue;
		}
		json_put(t, "{");
		json_task(t, "task", &c->task);
		json_str(t, "name", c->name);
		if (c->fd >= 0)
			json_int(t, "fd", c->fd);
		json_bool(t, "returned", c->left);
		json_int(t, "ret", c->ret);
		if (c->ret < 0)
			json_errno(t, "errno", (int)-c->ret);
		json_endpoint(r, "given", &c->given);
		json_id(t, "error_from", c->error_from);
		json_str(t, "hint", c->hint);
		json_put(t, "}");
	}
	json_end(r);
}

static void json_totals(struct render *r, const struct diff *d, const char *const names[2])
{
	size_t of[DIFF_INCONCLUSIVE + 1] = { 0 }, minor = 0;
	struct text *t = &r->page;

	for (size_t i = 0; i < d->n_pairs; i++) {
		minor += d->pairs[i].minor;
		of[d->pairs[i].verdict] += !d->pairs[i].minor;
	}
	json_begin(r, "diff_summary", diff_verdict(d));
	for (int in = 0; in < 2; in++) {
		json_key(t, names_of_sides[in]);
		json_put(t, "{");
		json_str(t, "file", names[in]);
		json_uint(t, "journeys", d->side[in].n_journeys);
		json_bool(t, "complete", !d->side[in].silent);
		json_put(t, "}");
	}
	for (unsigned int verdict = 0; verdict <= DIFF_INCONCLUSIVE; verdict++)
		json_uint(t, diff_verdict_name(verdict), of[verdict]);
	json_uint(t, "minor", minor);
	json_uint(t, "calls_same", d->n_same_calls);
	json_uint(t, "calls_differ", d->n_calls);
	json_end(r);
}

int diff_tell_json(const struct diff *d, FILE *out, const struct hs_render_options *options,
		   const char *const names[2])
{
	struct render *r = parts_new(sizeof(*r), out, options);
	int result;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_pairs; i++)
		json_pair(r, &d->pairs[i]);
	for (size_t i = 0; i < d->n_calls; i++)
		json_call(r, &d->calls[i]);
	json_totals(r, d, names);
	result = r->page.failed || r->line.failed ? -ENOMEM : 0;
	render_free(&r->sink);
	return result;
}
