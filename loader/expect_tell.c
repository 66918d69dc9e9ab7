// SPDX-License-Identifier: BSD-2-Clause
/* What became of expectations, in sentences: which step does not hold, and what came nearest. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "expect_parts.h"

#define SHOWN	    2 /* near facts */
#define SHOWN_COUNT 5 /* counted facts */
#define VALUES	    8 /* of a list */

/* ---- facts ---- */

static const char *word_of(const struct fact *fact, const char *field, struct value *v)
{
	const struct field *f = field_find(fact->thing, field);

	return f->get(fact, kind_find("journey"), 0, v) ? v->s : "";
}

static void journey_tell(struct text *t, const struct fact *fact)
{
	const struct hs_journey *j = &fact->j;
	struct value v;

	text_addf(t, "#%" PRIu32 " ", j->id);
	if (j->flow && j->has_rel) {
		text_addf(t, "~%" PRIu32 " ", j->flow);
		text_endpoints(t, &j->packet.src, &j->packet.dst);
		text_add(t, "  ");
		text_segment(t, j, TEXT_SEGMENT_ALL);
	} else {
		text_packet(t, &j->packet, false);
	}
	text_addf(t, ", %s", word_of(fact, "fate", &v));
	if (j->fate.reason && *j->fate.reason)
		text_addf(t, ": %s", j->fate.reason);
}

static void flow_tell(struct text *t, const struct hs_flow *f)
{
	text_addf(t, "~%" PRIu32 " ", f->id);
	text_endpoint(t, &f->end[0].at);
	text_add(t, " → ");
	text_endpoint(t, &f->end[1].at);
}

static void state_tell(struct text *t, const struct fact *fact)
{
	const struct hs_state *s = &fact->s;
	struct value v;

	if (s->flow.id)
		text_addf(t, "~%" PRIu32 " %s ", s->flow.id, word_of(fact, "end", &v));
	text_endpoint(t, &s->local);
	text_addf(t, " in %s: %s", s->netns, word_of(fact, "before", &v));
	text_addf(t, " → %s", word_of(fact, "after", &v));
}

static void socket_tell(struct text *t, const struct fact *fact)
{
	const struct hs_socket *k = &fact->k;
	struct value v;

	text_addf(t, "@%" PRIu32 " %s ", k->id, word_of(fact, "proto", &v));
	text_endpoint(t, &k->local);
	text_addf(t, " in %s", k->netns);
	if (k->state)
		text_addf(t, ", %s", word_of(fact, "state", &v));
}

void fact_tell(struct text *t, const struct fact *fact)
{
	struct value v;

	switch (fact->thing) {
	case THING_JOURNEY:
		journey_tell(t, fact);
		break;
	case THING_CALL:
		text_task(t, &fact->c.task);
		text_add(t, " ");
		text_call(t, &fact->c, false);
		break;
	case THING_STATE:
		state_tell(t, fact);
		break;
	case THING_SIGNAL:
		text_addf(t, "%s to ", word_of(fact, "name", &v));
		text_task(t, &fact->g.task);
		break;
	case THING_SOCKET:
		socket_tell(t, fact);
		break;
	default:
		flow_tell(t, &fact->f);
	}
}

/* ---- why a fact is not what a step wants ---- */

static void unmet_kind(struct text *t, const struct kind *kind, const struct fact *fact)
{
	struct value v;

	if (kind->when == WHEN_FATE)
		text_addf(t, "it is %s", word_of(fact, "fate", &v));
	else if (kind->when == WHEN_READ)
		text_add(t, "nobody read it");
	else if (kind->when == WHEN_UNREAD)
		text_add(t, "it was not left unread");
	else if (kind->when == WHEN_TOLD)
		text_add(t, "nothing was told to anybody");
	else if (kind->thing == THING_CALL)
		text_add(t, kind->last ? "it returned" : "it has not returned");
	else
		text_addf(t, "it is no %s", kind->name);
}

/* All values of a field; false: there is none. */
static bool values_tell(struct text *t, const struct field *field, const struct fact *fact,
			const struct kind *kind, const struct operand *of)
{
	struct value v;
	size_t i, n = 0;

	for (i = 0; field->get(fact, kind, i, &v); i++) {
		if (field->type >= TYPE_TEXT && !*v.s)
			continue;
		if (n++ == VALUES) {
			text_add(t, " …");
			break;
		}
		if (of)
			operand_reckon(of, &v);
		text_add(t, n > 1 ? " " : "");
		value_tell(t, field->type, &v);
	}
	return n;
}

static void wanted_tell(struct text *t, const struct condition *c, const struct step *steps,
			struct fact *const *chosen)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct operand *o = &c->operands[i];
		const char *quote =
			c->field->type == TYPE_TEXT && o->step < 0 && !o->none ? "'" : "";

		text_addf(t, "%s%s%s%s", i ? " or " : "", quote, o->text, quote);
		if (o->step < 0)
			continue;
		text_add(t, " (");
		if (!values_tell(t, o->field, chosen[o->step], steps[o->step].kind, o))
			text_add(t, "it has none");
		text_add(t, ")");
	}
}

static void unmet_condition(struct text *t, const struct condition *c, const struct fact *fact,
			    const struct kind *kind, const struct step *steps,
			    struct fact *const *chosen)
{
	struct value v;

	if (!c->field->get(fact, kind, 0, &v)) {
		text_addf(t, "it has no %s", c->field->name);
		return;
	}
	text_addf(t, "%s is ", c->field->name);
	values_tell(t, c->field, fact, kind, NULL);
	if (op_is_negative(c->op))
		return;
	text_addf(t, ", not %s", c->op == OP_LIKE ? "like " : c->op == OP_EQ ? "" : op_text(c->op));
	wanted_tell(t, c, steps, chosen);
}

/* A fact that is all that the step wants: what else keeps it away? */
static void unmet_place(struct text *t, const struct judgement *judgement, size_t at,
			const struct fact *fact)
{
	const struct step *steps = judgement->e->steps;
	struct span span = kind_span(steps[at].kind, fact);

	for (size_t i = 0; i < at; i++)
		if (judgement->chosen[i] == fact && steps[i].kind == steps[at].kind) {
			text_addf(t, "step %zu has it already", i + 1);
			return;
		}
	for (size_t i = 0; i < at; i++)
		if (judgement->chosen[i] &&
		    (!steps[at].group || steps[i].group != steps[at].group) &&
		    kind_span(steps[i].kind, judgement->chosen[i]).begin > span.end) {
			text_addf(t, "it was over before that of step %zu began", i + 1);
			return;
		}
	text_add(t, "events of it may be missing");
}

void unmet_tell(struct text *t, const struct judgement *judgement, size_t at,
		const struct fact *fact)
{
	const struct step *step = &judgement->e->steps[at];
	bool is = step->kind->is(fact);
	const char *gap = "";
	struct value v;

	if (!is) {
		unmet_kind(t, step->kind, fact);
		gap = "; ";
	}
	for (size_t i = 0; i < step->n; i++) {
		const struct condition *c = &step->conditions[i];

		if (condition_holds(c, fact, step->kind, judgement->e->steps, judgement->chosen))
			continue;
		/* Of another kind, it goes without saying. */
		if (!is && !c->field->get(fact, step->kind, 0, &v))
			continue;
		text_add(t, gap);
		unmet_condition(t, c, fact, step->kind, judgement->e->steps, judgement->chosen);
		gap = "; ";
	}
	if (!*gap)
		unmet_place(t, judgement, at, fact);
}

/* ---- which facts ---- */

size_t nearest_find(const struct expect *x, const struct judgement *judgement, size_t at,
		    struct near *ret, size_t n)
{
	const struct step *steps = judgement->e->steps;
	struct fact *fact;
	size_t found = 0;

	DL_FOREACH (x->all, fact) {
		unsigned int score;
		size_t place = found;

		if (fact->thing != steps[at].kind->thing)
			continue;
		score = step_score(&steps[at], fact, steps, judgement->chosen);
		if (steps[at].counted && !score)
			continue;
		while (place && ret[place - 1].score > score)
			place--;
		if (place == n)
			continue;
		found += found < n;
		memmove(&ret[place + 1], &ret[place], (found - place - 1) * sizeof(*ret));
		ret[place] = (struct near){ fact, score };
	}
	/* Less near than the nearest is not near. */
	while (found && ret[found - 1].score > ret[0].score)
		found--;
	return found;
}

size_t counted_find(const struct expect *x, const struct judgement *judgement, size_t at,
		    struct near *ret, size_t n)
{
	const struct step *steps = judgement->e->steps;
	struct fact *fact;
	size_t found = 0;

	DL_FOREACH (x->all, fact)
		if (found < n && fact->thing == steps[at].kind->thing &&
		    !step_score(&steps[at], fact, steps, judgement->chosen))
			ret[found++] = (struct near){ fact, 0 };
	return found;
}

/* ---- the verdict ---- */

static void add_doubt(struct text *t, const char **gap, const char *what)
{
	text_addf(t, "%s%s", *gap, what);
	*gap = ", ";
}

void doubt_tell(struct text *t, const struct expect *x, const struct judgement *judgement)
{
	const struct trouble *trouble = &x->trouble;
	const char *gap = "";

	if (judgement->verdict != HS_VERDICT_INCONCLUSIVE)
		return;
	if (trouble->lost) {
		text_addf(t, "%" PRIu64 " event%s lost", trouble->lost,
			  trouble->lost == 1 ? " was" : "s were");
		gap = ", ";
	}
	if (trouble->misses) {
		text_addf(t, "%s%" PRIu64 " event%s skipped", gap, trouble->misses,
			  trouble->misses == 1 ? " was" : "s were");
		gap = ", ";
	}
	if (trouble->calls) {
		text_addf(t, "%s%" PRIu64 " system call%s not seen", gap, trouble->calls,
			  trouble->calls == 1 ? " was" : "s were");
		gap = ", ";
	}
	if (trouble->cut)
		add_doubt(t, &gap, "the recording is cut short");
	if (trouble->full)
		add_doubt(t, &gap, "more happened than can be remembered");
	if (judgement->exhausted)
		add_doubt(t, &gap, "there are too many ways to match the steps: let them say more");
	for (size_t i = 0; i < judgement->depth && !*gap; i++)
		if (judgement->chosen[i] &&
		    fact_is_shaky(&judgement->e->steps[i], judgement->chosen[i], trouble)) {
			text_addf(t, "events of #%" PRIu32 " may be missing: ",
				  judgement->chosen[i]->j.id);
			text_add(t, "it was under way before tracing began");
			gap = ", ";
		}
	text_add(t, *gap ? "" : "events of what is counted may be missing");
}

static void tell_facts(struct text *t, const struct judgement *judgement, size_t at,
		       const struct near *near, size_t n, const char *what, bool unmet)
{
	for (size_t i = 0; i < n; i++) {
		text_addf(t, "  %s", what);
		fact_tell(t, near[i].fact);
		if (unmet) {
			text_add(t, ": ");
			unmet_tell(t, judgement, at, near[i].fact);
		}
		text_newline(t);
	}
}

static void tell_count(struct text *t, const struct step *step, uint32_t count)
{
	text_add(t, "  wanted: ");
	if (!step->max)
		text_add(t, "none");
	else if (step->max == step->min)
		text_addf(t, "%" PRIu32, step->min);
	else if (step->max == UINT32_MAX)
		text_addf(t, "%" PRIu32 " or more", step->min);
	else
		text_addf(t, "%" PRIu32 " to %" PRIu32, step->min, step->max);
	if (count)
		text_addf(t, ", there %s %" PRIu32, count == 1 ? "is" : "are", count);
	else
		text_add(t, ", there is none");
	text_newline(t);
}

/* What is wrong with the first step that does not hold. */
static void tell_step(struct text *t, const struct expect *x, const struct judgement *judgement)
{
	size_t at = judgement->depth, n;
	const struct step *step = &judgement->e->steps[at];
	struct near near[SHOWN_COUNT];

	if (step->counted) {
		tell_count(t, step, judgement->counts[at]);
		n = counted_find(x, judgement, at, near, SHOWN_COUNT);
		tell_facts(t, judgement, at, near, n, "counted: ", false);
		if (judgement->counts[at] >= step->min)
			return;
	}
	n = nearest_find(x, judgement, at, near, SHOWN);
	tell_facts(t, judgement, at, near, n, "nearest: ", true);
	if (!n && !step->counted) {
		text_addf(t, "  there is no %s at all", thing_name(step->kind->thing));
		text_newline(t);
	}
}

static void tell_matched(struct text *t, const struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->depth; i++) {
		const struct step *step = &judgement->e->steps[i];

		text_addf(t, "  step %zu held: ", i + 1);
		if (step->counted) {
			text_addf(t, "%s, %" PRIu32 " of them", step->text, judgement->counts[i]);
		} else {
			fact_tell(t, judgement->chosen[i]);
			if (step->name)
				text_addf(t, " (as $%s)", step->name);
		}
		text_newline(t);
	}
}

static void tell_judgement(struct text *t, const struct expect *x,
			   const struct judgement *judgement)
{
	size_t at = judgement->depth, n = judgement->e->n;

	text_add(t, "expect: ");
	if (judgement->verdict == HS_VERDICT_INCONCLUSIVE) {
		text_add(t, "inconclusive, since ");
		doubt_tell(t, x, judgement);
		if (at == n) {
			text_addf(t, "; as far as is known, %s", n == 1 ? "it holds" : "all hold");
			text_newline(t);
			tell_matched(t, judgement);
			return;
		}
		text_add(t, "; as far as is known, ");
	}
	text_addf(t, "step %zu of %zu did not hold: %s", at + 1, n, judgement->e->steps[at].text);
	text_newline(t);
	tell_matched(t, judgement);
	tell_step(t, x, judgement);
}

void expect_tell(const struct hs_sink *sink, struct text *t)
{
	const struct expect *x = sink->ctx;
	size_t held = 0, all = 0;

	if (!x->done) {
		text_add(t, "expect: inconclusive, since the trace did not come to its end");
		text_newline(t);
		return;
	}
	for (size_t e = 0; e < x->list->n; e++) {
		const struct judgement *judgement = &x->judgements[e];

		all += judgement->e->n;
		held += judgement->verdict == HS_VERDICT_HELD ? judgement->e->n : 0;
		if (judgement->verdict != HS_VERDICT_HELD)
			tell_judgement(t, x, judgement);
	}
	if (held == all) {
		text_addf(t, "expected: %zu of %zu held", held, all);
		text_newline(t);
	}
}

/* ---- help ---- */

static void help_fields(struct text *t, enum thing thing)
{
	static const char *const types[] = {
		[TYPE_NUMBER] = "number", [TYPE_TIME] = "time",	      [TYPE_YES] = "yes, no",
		[TYPE_FLAGS] = "flags",	  [TYPE_ADDRESS] = "address", [TYPE_JOURNEY] = "packet",
		[TYPE_SOCKET] = "socket", [TYPE_FLOW] = "connection", [TYPE_TEXT] = "text",
	};
	const struct field *field;

	for (size_t i = 0; (field = field_at(thing, i)); i++) {
		text_addf(t, "  %s", field->name);
		text_pad(t, 18);
		text_add(t, field->type < TYPE_WORD ? types[field->type] : "word");
		text_pad(t, 30);
		text_add(t, field->meaning);
		text_newline(t);
	}
}

void expect_help(struct text *t)
{
	const struct kind *kind;

	text_add(t, "A step of --expect: [no] KIND [xN] FIELD=VALUE ... [as $NAME]. Kinds:");
	text_newline(t);
	for (size_t i = 0; (kind = kind_at(i)); i++) {
		text_addf(t, "  %s", kind->name);
		text_pad(t, 18);
		text_add(t, kind->meaning);
		text_newline(t);
	}
	for (enum thing thing = 0; thing < THING_MAX; thing++) {
		const char *gap = "of ";

		text_newline(t);
		text_add(t, "Fields ");
		for (size_t i = 0; (kind = kind_at(i)); i++) {
			if (kind->thing != thing)
				continue;
			text_addf(t, "%s%s", gap, kind->name);
			gap = ", ";
		}
		text_add(t, ":");
		text_newline(t);
		help_fields(t, thing);
	}
}
