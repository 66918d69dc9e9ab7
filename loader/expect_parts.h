/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the expectations share. Not for others.
 *   expect.c         the sink: remembers      expect_parse.c   the language
 *   expect_judge.c   does it hold?            expect_fields.c  kinds of steps and their fields
 *   expect_tell.c    sentences                expect_value.c   values and comparing them
 *   expect_json.c    the same for programs    expect_words.c   values that are known words
 */
#ifndef HS_EXPECT_PARTS_H
#define HS_EXPECT_PARTS_H

#include <uthash.h>
#include <utlist.h>

#include "expect.h"

#define EXPECT_STEPS_MAX 64 /* of one text: a set of steps is a word of bits */
#define EXPECT_NEAR	 4  /* remembered for each step that nothing matches */

/* ---- what happened ---- */

enum thing {
	THING_JOURNEY,
	THING_CALL,
	THING_STATE,
	THING_SIGNAL,
	THING_SOCKET,
	THING_FLOW,
	THING_MAX,
	THING_ANY = THING_MAX, /* of a field: each has it */
};

struct fact {
	enum thing thing;
	unsigned int refs; /* who wants it remembered */
	uint64_t order;	   /* of arrival */
	uint64_t start;	   /* when the trace began */
	uint64_t seen;	   /* SOCKET: the time when it was told */
	uint64_t told_at, unread_at;
	bool settled;
	char *data; /* JOURNEY: payload that was captured, as far as it is text; NULL none */
	char *path; /* JOURNEY: the places where it was, in order */
	size_t bytes;
	union {
		struct hs_journey j;
		struct hs_call c;
		struct hs_state s;
		struct hs_signal g;
		struct hs_socket k;
		struct hs_flow f;
	};
	UT_hash_handle hh; /* JOURNEY, by id */
	struct fact *prev, *next;
};

/* ---- kinds of steps, and their fields: expect_fields.c ---- */

enum when {
	WHEN_WHOLE, /* from its begin to its end */
	WHEN_FATE,
	WHEN_READ,
	WHEN_TOLD,
	WHEN_UNREAD,
};

struct kind {
	const char *name;
	enum thing thing;
	enum when when;
	bool (*is)(const struct fact *fact);
	const char *bare; /* the field that a word alone is about, "" */
	bool concluded;	  /* the engine concludes it, from more than one event */
	bool last;	  /* known at the end only */
	const char *meaning;
};

struct span {
	uint64_t begin, end; /* end UINT64_MAX: not over */
};

enum field_type {
	TYPE_NUMBER,
	TYPE_TIME, /* ns */
	TYPE_YES,  /* or no */
	TYPE_FLAGS,
	TYPE_ADDRESS,
	TYPE_JOURNEY, /* ids */
	TYPE_SOCKET,
	TYPE_FLOW,
	TYPE_TEXT,
	TYPE_WORD, /* from here on: case, '-', '_' and ' ' are alike */
	TYPE_FATE, /* from here on: one of a list, expect_words.c */
	TYPE_PROTO,
	TYPE_STATE,
	TYPE_ERRNO,
	TYPE_SIGNAL,
	TYPE_STAGE,
	TYPE_END,
	TYPE_TOLD,
	TYPE_CAUSE,
	TYPE_CALL,
};

struct value {
	int64_t n;
	const char *s; /* never NULL for text and words; may be `buf` */
	struct hs_addr addr;
	char buf[32];
};

struct field {
	const char *name;
	enum thing thing;
	enum field_type type;
	bool concluded;
	/* Its i-th value; false: there is none (more). */
	bool (*get)(const struct fact *fact, const struct kind *kind, size_t i, struct value *ret);
	const char *meaning;
};

const struct kind *kind_find(const char *name);
/* For walking; NULL at the end. */
const struct kind *kind_at(size_t i);
struct span kind_span(const struct kind *kind, const struct fact *fact);
const struct field *field_find(enum thing thing, const char *name);
/* The i-th of a thing; NULL at the end. */
const struct field *field_at(enum thing thing, size_t i);
/* The field that `$name` alone means where one of `type` is wanted, NULL. */
const struct field *field_implied(enum thing thing, const struct field *wanted);
const char *thing_name(enum thing thing);

/* ---- what is expected: expect_parse.c ---- */

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_LIKE, OP_UNLIKE };

struct operand {
	char *text;		   /* as written */
	bool none;		   /* the word none */
	int step;		   /* $name: which; -1: `value` */
	const struct field *field; /* $name.field */
	double times;		   /* $name.field*2 */
	int64_t add;		   /* $name.field+1, $name.field*2+1 */
	struct value value;
};

struct condition {
	const struct field *field;
	enum op op;
	struct operand *operands; /* any of them */
	size_t n;
	bool refers;
};

struct step {
	char *text; /* as written */
	const struct kind *kind;
	struct condition *conditions;
	size_t n;
	char *name; /* as $name, NULL */
	unsigned int
		group; /* steps next to each other with the same number have no order; 0: none */
	bool counted;  /* min to max of them in the whole trace */
	uint32_t min, max; /* UINT32_MAX: any number */
	uint64_t refs;	   /* steps that it refers to, a bit each */
	bool concluded;	   /* holds by what the engine concludes */
	bool absent;	   /* holds because something was not there */
};

struct hs_expectation {
	struct step *steps;
	size_t n;
};

/* ---- values: expect_value.c, expect_words.c ---- */

const char *op_text(enum op op);
bool op_is_negative(enum op op);
/* What an operand of that type says. -EINVAL and `err`. */
int value_parse(enum field_type type, const char *text, struct value *ret, char *err,
		size_t err_len);
/* As a person would write it. */
void value_tell(struct text *t, enum field_type type, const struct value *v);
/* Can values of the two be compared? */
bool types_compare(enum field_type a, enum field_type b);
/* `chosen`: the facts of the steps that it may refer to. */
bool condition_holds(const struct condition *c, const struct fact *fact, const struct kind *kind,
		     const struct step *steps, struct fact *const *chosen);

/* What the field of $name.field*2+1 holds becomes what is meant. */
void operand_reckon(const struct operand *o, struct value *value);

bool words_alike(const char *a, const char *b);
/* The i-th word of a type that is one of a list; "" for a gap, NULL at the end. May be `buf`. */
const char *word_at(enum field_type type, size_t i, char buf[static 32]);
/* Of a type whose words stand for numbers of the model; "" beyond. */
const char *word_nth(enum field_type type, size_t i);
/* The word of a list that may have been meant, "" when none is near. */
void word_guess(const char *word, const char *candidate, const char **best, size_t *distance);

/* ---- the verdict: expect.c, expect_judge.c ---- */

struct near {
	struct fact *fact;
	unsigned int score;
};

/* What is known of one expectation. */
struct judgement {
	const struct hs_expectation *e;
	struct near (*near)[EXPECT_NEAR]; /* of each step; fact NULL: free */
	/* once it was judged */
	enum hs_verdict verdict;
	bool exhausted;	      /* the search was given up */
	size_t depth;	      /* steps that hold together, from the first on */
	struct fact **chosen; /* of these steps; NULL of counted ones */
	uint32_t *counts;     /* of counted ones */
	bool shaky;	      /* they hold, but by facts that may be wrong */
};

struct trouble {
	uint64_t lost, misses;
	uint64_t calls; /* system calls that were not seen */
	bool cut;	/* the recording is cut short */
	bool full;	/* more happened than is remembered */
};

struct expect {
	struct hs_sink sink;
	struct hs_sink *inner;
	const struct hs_expectations *list;
	struct judgement *judgements;
	uint64_t start, now, order;
	bool wants[THING_MAX], wants_blocked;
	struct fact *all; /* in order of arrival */
	struct fact *journeys;
	struct fact *inside; /* calls that were entered */
	size_t bytes;
	uint64_t changes, judged; /* judged: at which change the last time */
	struct trouble trouble;
	bool done;
};

bool trouble_is_of(const struct trouble *trouble, const struct step *step);
/* What keeps a fact from being what a step wants, without $names; 0: nothing. */
unsigned int step_score(const struct step *step, const struct fact *fact, const struct step *steps,
			struct fact *const *chosen);
/* A fact that a step's match may not rely on. */
bool fact_is_shaky(const struct step *step, const struct fact *fact, const struct trouble *trouble);
/* Negative errno; `budget`: comparisons, 0: as many as it takes, within reason. */
int judge(struct judgement *judgement, struct fact *facts, const struct trouble *trouble,
	  uint64_t budget);

/* ---- sentences: expect_tell.c ---- */

/* "#4 UDP 10.0.1.2:4000 → 10.0.1.1:8080  4 B, dropped: NO_SOCKET" */
void fact_tell(struct text *t, const struct fact *fact);
/* Up to `n` facts that are nearly what step `at` wants, nearest first; how many. */
size_t nearest_find(const struct expect *x, const struct judgement *judgement, size_t at,
		    struct near *ret, size_t n);
/* Up to `n` facts that are counted by step `at`; how many. */
size_t counted_find(const struct expect *x, const struct judgement *judgement, size_t at,
		    struct near *ret, size_t n);
/* "code is 1, not 3; dport is 80, not 8080" */
void unmet_tell(struct text *t, const struct judgement *judgement, size_t at,
		const struct fact *fact);
/* "12 events were lost"; nothing where it is clear. */
void doubt_tell(struct text *t, const struct expect *x, const struct judgement *judgement);

#endif
