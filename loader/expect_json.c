// SPDX-License-Identifier: BSD-2-Clause
/* What became of expectations, as JSON: docs/trace.schema.json, expect_line. */
#include <json-c/json.h>
#include <string.h>

#include "expect_parts.h"

#define SHOWN 3 /* near facts; counted ones */

/* A text without what only layout needs. */
static struct json_object *string_of(struct text *t)
{
	struct text clean;
	struct json_object *s;
	const char *from = t->data ?: "";

	text_init(&clean, t->style);
	for (size_t len; *from; from += len) {
		if (!strncmp(from, TEXT_GLUE, strlen(TEXT_GLUE))) {
			text_raw(&clean, " ", 1);
			len = strlen(TEXT_GLUE);
		} else {
			const char *next = from;

			text_next(&next);
			len = (size_t)(next - from);
			text_raw(&clean, from, len);
		}
	}
	s = json_object_new_string(clean.data ?: "");
	text_free(&clean);
	text_clear(t);
	return s;
}

static struct json_object *string_new(const struct text_style *style, const char *s)
{
	struct text t;
	struct json_object *o;

	text_init(&t, style);
	text_add(&t, s);
	o = string_of(&t);
	text_free(&t);
	return o;
}

static void put_held(struct json_object *to, int held)
{
	json_object_object_add(to, "held", held < 0 ? NULL : json_object_new_boolean(held));
}

static struct json_object *fact_json(const struct text_style *style,
				     const struct judgement *judgement, size_t at,
				     const struct fact *fact, bool unmet)
{
	struct json_object *o = json_object_new_object();
	uint64_t begin = kind_span(judgement->e->steps[at].kind, fact).begin;
	struct text t;

	text_init(&t, style);
	json_object_object_add(o, "journey",
			       fact->thing == THING_JOURNEY ? json_object_new_int64(fact->j.id)
							    : NULL);
	json_object_object_add(o, "time", json_object_new_uint64(begin));
	fact_tell(&t, fact);
	json_object_object_add(o, "what", string_of(&t));
	if (unmet) {
		unmet_tell(&t, judgement, at, fact);
		json_object_object_add(o, "unmet", string_of(&t));
	}
	text_free(&t);
	return o;
}

static void put_facts(struct json_object *to, const char *key, const struct text_style *style,
		      const struct judgement *judgement, size_t at, const struct near *near,
		      size_t n, bool unmet)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, fact_json(style, judgement, at, near[i].fact, unmet));
	json_object_object_add(to, key, list);
}

static struct json_object *step_json(const struct text_style *style, const struct expect *x,
				     const struct judgement *judgement, size_t at)
{
	const struct step *step = &judgement->e->steps[at];
	struct json_object *o = json_object_new_object();
	bool failed = at == judgement->depth, known = at <= judgement->depth;
	struct near near[SHOWN];
	size_t n = 0;

	json_object_object_add(o, "step", string_new(style, step->text));
	if (at > judgement->depth)
		put_held(o, -1);
	else if (failed)
		put_held(o, judgement->verdict == HS_VERDICT_FAILED ? 0 : -1);
	else
		put_held(o, judgement->shaky && step->concluded ? -1 : 1);
	json_object_object_add(o, "as", step->name ? json_object_new_string(step->name) : NULL);
	json_object_object_add(o, "count",
			       step->counted && known ? json_object_new_int64(judgement->counts[at])
						      : NULL);
	if (step->counted && known) {
		n = counted_find(x, judgement, at, near, SHOWN);
	} else if (known && !failed) {
		near[0].fact = judgement->chosen[at];
		n = 1;
	}
	put_facts(o, "matched", style, judgement, at, near, n, false);
	n = failed ? nearest_find(x, judgement, at, near, SHOWN) : 0;
	put_facts(o, "nearest", style, judgement, at, near, n, true);
	return o;
}

void expect_tell_json(const struct hs_sink *sink, struct text *t)
{
	const struct expect *x = sink->ctx;

	for (size_t e = 0; e < x->list->n && x->done; e++) {
		const struct judgement *judgement = &x->judgements[e];
		struct json_object *o = json_object_new_object();
		struct json_object *steps = json_object_new_array();
		enum hs_verdict verdict = judgement->verdict;
		const char *line;
		struct text doubt;

		text_init(&doubt, t->style);
		doubt_tell(&doubt, x, judgement);
		json_object_object_add(o, "type", json_object_new_string("expect"));
		put_held(o, verdict == HS_VERDICT_INCONCLUSIVE ? -1 : verdict == HS_VERDICT_HELD);
		json_object_object_add(o, "inconclusive", string_of(&doubt));
		for (size_t i = 0; i < judgement->e->n; i++)
			json_object_array_add(steps, step_json(t->style, x, judgement, i));
		json_object_object_add(o, "steps", steps);
		line = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE);
		text_raw(t, line, strlen(line));
		text_newline(t);
		json_object_put(o);
		text_free(&doubt);
	}
}
