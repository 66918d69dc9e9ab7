// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does an expectation hold?
 *
 * Steps have an order, and so have moments; but most things last for a while: a call, a packet on
 * its way. Facts can follow each other as steps do when a moment can be chosen in each so that none
 * comes before the one that was chosen for the step before. With the earliest ones, that is: no
 * fact is over before all facts of earlier steps have begun.
 *
 * The search takes for each step the first fact that can be had, and goes back when a later step
 * finds none: at once to the step that the failure depended on. (A later begin of another step's
 * fact never helps.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expect_parts.h"

#define BUDGET 20000000 /* comparisons: a second */

/* Of the score of a fact that a step does not match: what is nearer has less. */
enum {
	SCORE_FIELD = 4,
	SCORE_ABSENT = 1, /* more, where there is no such field */
	SCORE_BARE = 2,	  /* more, for the field that the kind is mostly about */
	SCORE_KIND = 6,
};

/* The facts that satisfy what a step says without $names. */
struct candidates {
	struct fact **fact; /* by their begins */
	size_t n;
};

struct search {
	struct judgement *judgement;
	const struct step *steps;
	size_t n;
	const struct trouble *trouble;
	struct candidates candidates[EXPECT_STEPS_MAX];
	struct fact *chosen[EXPECT_STEPS_MAX];
	uint32_t counts[EXPECT_STEPS_MAX];
	bool strict; /* no fact that may be wrong, no count that losses may have changed */
	bool started;
	uint64_t budget;
};

/* Could what was not seen change what the step says? A lost system call tells of no packet's fate. */
bool trouble_is_of(const struct trouble *trouble, const struct step *step)
{
	bool calls = step->kind->thing == THING_CALL || !strcmp(step->kind->name, "told");

	return trouble->lost || trouble->misses || trouble->cut || trouble->full ||
	       (trouble->calls && calls);
}

bool fact_is_shaky(const struct step *step, const struct fact *fact, const struct trouble *trouble)
{
	bool any = trouble_is_of(trouble, step);

	if (any && (step->absent || step->kind->last))
		return true;
	switch (fact->thing) {
	case THING_JOURNEY:
		return step->concluded && (fact->j.incomplete || (any && fact->j.fate.inferred));
	case THING_STATE:
		return any && fact->s.inferred && !fact->s.confirmed;
	default:
		return false;
	}
}

unsigned int step_score(const struct step *step, const struct fact *fact, const struct step *steps,
			struct fact *const *chosen)
{
	unsigned int score = step->kind->is(fact) ? 0 : SCORE_KIND;

	for (size_t i = 0; i < step->n; i++) {
		const struct condition *c = &step->conditions[i];
		struct value v;

		if ((c->refers && !chosen) || condition_holds(c, fact, step->kind, steps, chosen))
			continue;
		score += SCORE_FIELD;
		if (!strcmp(c->field->name, step->kind->bare))
			score += SCORE_BARE;
		if (!c->field->get(fact, step->kind, 0, &v))
			score += SCORE_ABSENT;
	}
	return score;
}

/* ---- candidates ---- */

static int compare_begins(const void *a, const void *b, void *ctx)
{
	const struct fact *x = *(struct fact *const *)a, *y = *(struct fact *const *)b;
	uint64_t begin_x = kind_span(ctx, x).begin, begin_y = kind_span(ctx, y).begin;

	if (begin_x != begin_y)
		return begin_x < begin_y ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int candidates_find(struct candidates *to, const struct step *step, struct fact *facts)
{
	size_t room = 0;
	struct fact *fact;

	DL_FOREACH (facts, fact) {
		if (fact->thing != step->kind->thing || step_score(step, fact, NULL, NULL))
			continue;
		if (to->n == room) {
			struct fact **more;

			room = room ? 2 * room : 16;
			more = reallocarray(to->fact, room, sizeof(struct fact *));
			if (!more)
				return -ENOMEM;
			to->fact = more;
		}
		to->fact[to->n++] = fact;
	}
	if (to->n)
		qsort_r(to->fact, to->n, sizeof(struct fact *), compare_begins, (void *)step->kind);
	return 0;
}

/* ---- the search ---- */

static bool spend(struct search *s)
{
	if (!s->budget)
		return false;
	s->budget--;
	return true;
}

/* What was dearest so far, for those who want to know why not more. */
static void note_depth(struct search *s, size_t depth)
{
	if (s->started && depth <= s->judgement->depth)
		return;
	s->started = true;
	s->judgement->depth = depth;
	memcpy(s->judgement->chosen, s->chosen, depth * sizeof(struct fact *));
	memcpy(s->judgement->counts, s->counts, s->n * sizeof(*s->counts));
}

static bool refers_hold(const struct search *s, const struct step *step, const struct fact *fact)
{
	for (size_t i = 0; i < step->n; i++)
		if (step->conditions[i].refers &&
		    !condition_holds(&step->conditions[i], fact, step->kind, s->steps, s->chosen))
			return false;
	return true;
}

/* The step that has this fact already, as the same kind of thing; `at`: none. */
static size_t taken_by(const struct search *s, size_t at, const struct fact *fact)
{
	for (size_t i = 0; i < at; i++)
		if (s->chosen[i] == fact && s->steps[i].kind == s->steps[at].kind)
			return i;
	return at;
}

static bool count_holds(struct search *s, size_t at)
{
	const struct step *step = &s->steps[at];
	const struct candidates *all = &s->candidates[at];
	uint32_t firm = 0, n = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (!spend(s))
			return false;
		if (!refers_hold(s, step, all->fact[i]))
			continue;
		n++;
		firm += !fact_is_shaky(step, all->fact[i], s->trouble);
	}
	s->counts[at] = n;
	if (!s->strict)
		return n >= step->min && firm <= step->max;
	if (step->max == UINT32_MAX)
		return firm >= step->min;
	return !trouble_is_of(s->trouble, step) && firm >= step->min && n <= step->max;
}

/* Steps from `at` on, none over before `since` (in a group: before `base`); `ret_blame`: a bit for
 * each earlier step by whose choice they may have failed. */
static bool search_from(struct search *s, size_t at, uint64_t base, uint64_t since,
			uint64_t *ret_blame)
{
	const struct step *step = &s->steps[at];
	const struct candidates *all = &s->candidates[at];
	uint64_t blame = 0, deeper = 0;

	note_depth(s, at);
	if (at == s->n)
		return true;
	if (!at || !step->group || step->group != step[-1].group)
		base = since;
	s->chosen[at] = NULL;
	if (step->counted) {
		if (count_holds(s, at) && search_from(s, at + 1, base, since, &deeper))
			return true;
		*ret_blame = step->refs | deeper;
		return false;
	}
	for (size_t i = 0; i < all->n && spend(s); i++) {
		struct span span = kind_span(step->kind, all->fact[i]);
		size_t taken = taken_by(s, at, all->fact[i]);

		if (span.end < base || (s->strict && fact_is_shaky(step, all->fact[i], s->trouble)))
			continue;
		if (taken < at) {
			blame |= 1ull << taken;
			continue;
		}
		if (!refers_hold(s, step, all->fact[i])) {
			blame |= step->refs;
			continue;
		}
		s->chosen[at] = all->fact[i];
		deeper = 0;
		if (search_from(s, at + 1, base, span.begin > since ? span.begin : since, &deeper))
			return true;
		s->chosen[at] = NULL;
		if (!(deeper & 1ull << at)) {
			blame = deeper;
			break;
		}
		blame |= deeper & ~(1ull << at);
	}
	*ret_blame = blame;
	return false;
}

static bool search(struct search *s, bool strict, uint64_t budget)
{
	uint64_t blame = 0;
	bool held;

	s->strict = strict;
	s->started = false;
	s->budget = budget;
	held = search_from(s, 0, 0, 0, &blame);
	s->judgement->exhausted = !held && !s->budget;
	return held;
}

int judge(struct judgement *judgement, struct fact *facts, const struct trouble *trouble,
	  uint64_t budget)
{
	struct search s = {
		.judgement = judgement,
		.steps = judgement->e->steps,
		.n = judgement->e->n,
		.trouble = trouble,
	};
	bool trouble_any = false;
	int r = 0;

	judgement->shaky = false;
	judgement->verdict = HS_VERDICT_HELD;
	for (size_t i = 0; i < s.n && !r; i++)
		r = candidates_find(&s.candidates[i], &s.steps[i], facts);
	for (size_t i = 0; i < s.n; i++)
		trouble_any = trouble_any || trouble_is_of(trouble, &s.steps[i]);
	if (!r && !search(&s, true, budget ?: BUDGET)) {
		judgement->verdict = HS_VERDICT_INCONCLUSIVE;
		if (!budget && !judgement->exhausted) {
			judgement->shaky = search(&s, false, BUDGET);
			if (!judgement->shaky && !judgement->exhausted && !trouble_any)
				judgement->verdict = HS_VERDICT_FAILED;
		}
	}
	for (size_t i = 0; i < s.n; i++)
		free(s.candidates[i].fact);
	return r;
}
