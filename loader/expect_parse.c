// SPDX-License-Identifier: BSD-2-Clause
/*
 * The language of expectations: a text becomes steps.
 *
 *   TEXT  = ITEM { (";" | newline) ITEM }, "#" begins a comment
 *   ITEM  = STEP | "{" STEP { (";" | newline) STEP } "}"
 *   STEP  = ["no"] KIND { FIELD OP VALUE { "|" VALUE } | WORD | COUNT | "as" $NAME }
 *   OP    = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
 *   VALUE = word | quoted text | "none" | $NAME | $NAME "." FIELD ["*" N] [("+" | "-") VALUE]
 *   COUNT = "x" N | "x" N "+" | "x" N "-" M
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect_parts.h"

struct parser {
	const char *at;
	const char *begin; /* of the step */
	struct hs_expectation *e;
	unsigned int group;
	bool in_group;
	char *err;
	size_t err_len;
};

/* ---- messages ---- */

static char *text_of(const char *begin, const char *end)
{
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	return strndup(begin, (size_t)(end - begin));
}

static __attribute__((format(printf, 2, 3))) int fail(struct parser *p, const char *fmt, ...)
{
	size_t len = strcspn(p->begin, ";\n");
	char *text = text_of(p->begin, p->begin + len);
	va_list args;
	int n;

	n = snprintf(p->err, p->err_len, "step %zu, '%s': ", p->e->n + 1, text ?: "");
	free(text);
	va_start(args, fmt);
	if (n >= 0 && (size_t)n < p->err_len)
		vsnprintf(p->err + n, p->err_len - (size_t)n, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* Adds to a message, as far as there is room. */
static void add(char *to, size_t room, const char *before, const char *word)
{
	size_t len = strlen(to);

	if (len < room)
		snprintf(to + len, room - len, "%s%s", before, word);
}

static int fail_kind(struct parser *p, const char *word)
{
	char all[512] = "", mean[64] = "";
	const char *best = "";
	size_t distance = SIZE_MAX;
	const struct kind *kind;

	for (size_t i = 0; (kind = kind_at(i)); i++) {
		add(all, sizeof(all), " ", kind->name);
		word_guess(word, kind->name, &best, &distance);
	}
	if (*best)
		snprintf(mean, sizeof(mean), "; did you mean '%s'?", best);
	return fail(p, "there is no kind of step '%s'%s\nthere are:%s", word, mean, all);
}

static int fail_field(struct parser *p, const char *of, enum thing thing, const char *word)
{
	char all[1024] = "", mean[64] = "";
	const char *best = "";
	size_t distance = SIZE_MAX;
	const struct field *field;

	for (size_t i = 0; (field = field_at(thing, i)); i++) {
		add(all, sizeof(all), " ", field->name);
		word_guess(word, field->name, &best, &distance);
	}
	if (*best)
		snprintf(mean, sizeof(mean), "; did you mean '%s'?", best);
	return fail(p, "%s has no field '%s'%s\n%s has:%s", of, word, mean, of, all);
}

/* ---- letters ---- */

static void skip_spaces(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

/* And a comment: a "#" that does not stand inside of a word. */
static void skip_blanks(struct parser *p)
{
	skip_spaces(p);
	if (*p->at == '#')
		p->at += strcspn(p->at, "\n");
}

/* Blanks, and the ends of steps. */
static void skip_ends(struct parser *p)
{
	do
		skip_blanks(p);
	while (*p->at && strchr(";\n", *p->at) && p->at++);
}

static bool at_end(const struct parser *p)
{
	return !*p->at || strchr(";\n{}", *p->at);
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A value: quoted, or up to a blank, an alternative or the end of the step. To be freed. */
static int take_value(struct parser *p, char **ret)
{
	const char *begin = p->at;
	size_t len;

	if (*begin == '"' || *begin == '\'') {
		len = strcspn(begin + 1, (char[]){ *begin, '\n', '\0' });
		if (begin[len + 1] != *begin)
			return fail(p, "the quote is not closed: %.*s", (int)len + 1, begin);
		p->at = begin + len + 2;
		begin++;
	} else {
		len = strcspn(begin, " \t\r\n;{}|\"'");
		p->at = begin + len;
		if (!len)
			return fail(p, "a value is missing at '%.*s'", (int)strcspn(begin, ";\n"),
				    begin);
	}
	*ret = strndup(begin, len);
	return *ret ? 0 : -ENOMEM;
}

static bool take_op(struct parser *p, enum op *ret)
{
	/* Those of two letters first. */
	static const enum op all[] = {
		OP_NE, OP_UNLIKE, OP_LE, OP_GE, OP_EQ, OP_LT, OP_GT, OP_LIKE
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t len = strlen(op_text(all[i]));

		if (strncmp(p->at, op_text(all[i]), len))
			continue;
		p->at += len;
		*ret = all[i];
		return true;
	}
	return false;
}

/* ---- values ---- */

static int find_name(struct parser *p, const char *name, size_t len)
{
	char all[512] = "";

	for (size_t i = 0; i < p->e->n; i++) {
		const char *other = p->e->steps[i].name;

		if (other && strlen(other) == len && !strncmp(other, name, len))
			return (int)i;
		if (other)
			add(all, sizeof(all), *all ? ", $" : "; there is $", other);
	}
	return fail(p, "no step before this one is named $%.*s%s", (int)len, name, all);
}

/* $name alone, where it is not clear what of it is meant. */
static int fail_implied(struct parser *p, const struct field *wanted, const struct step *of)
{
	const struct field *field;
	char all[512] = "";

	for (size_t i = 0; (field = field_at(of->kind->thing, i)); i++) {
		if (!types_compare(wanted->type, field->type))
			continue;
		add(all, sizeof(all), *all ? ", $" : ": say $", of->name);
		add(all, sizeof(all), ".", field->name);
	}
	return fail(p, "%s cannot be compared with $%s, which is a %s%s", wanted->name, of->name,
		    thing_name(of->kind->thing), *all ? all : " and has nothing of that kind");
}

/* $name, $name.field, $name.field*2, $name.field+1, $name.field*2+1 */
static int take_reference(struct parser *p, const struct condition *c, struct operand *o)
{
	const char *name = o->text + 1, *at = name;
	const struct field *wanted = c->field;
	const struct step *of;
	char field[64], err[128];
	struct value added;
	int r;

	while (is_name(*at))
		at++;
	r = find_name(p, name, (size_t)(at - name));
	if (r < 0)
		return r;
	o->step = r;
	of = &p->e->steps[r];
	if (*at == '.') {
		size_t len = 0;

		for (at++; is_name(*at) && len < sizeof(field) - 1; at++)
			field[len++] = *at;
		field[len] = '\0';
		o->field = field_find(of->kind->thing, field);
		if (!o->field)
			return fail_field(p, of->kind->name, of->kind->thing, field);
	} else {
		o->field = field_implied(of->kind->thing, wanted);
		if (!o->field)
			return fail_implied(p, wanted, of);
	}
	if (!types_compare(wanted->type, o->field->type))
		return fail(p, "%s and %s are of different kinds, so they cannot be compared",
			    wanted->name, o->text);
	if (*at == '*' && wanted->type <= TYPE_TIME) {
		char *end;

		o->times = strtod(at + 1, &end);
		if (end == at + 1 || !isdigit((unsigned char)at[1]))
			return fail(p, "'%s' is not a number", at + 1);
		at = end;
	}
	if (!*at)
		return 0;
	if ((*at != '+' && *at != '-') || wanted->type > TYPE_TIME)
		return fail(p, "'%s' is not understood after $%s", at, of->name);
	if (value_parse(wanted->type, at + 1, &added, err, sizeof(err)))
		return fail(p, "%s", err);
	o->add = *at == '-' ? -added.n : added.n;
	return 0;
}

static int take_operand(struct parser *p, struct condition *c)
{
	bool quoted = *p->at == '"' || *p->at == '\'';
	bool like = c->op == OP_LIKE || c->op == OP_UNLIKE;
	enum field_type type = c->field->type;
	struct operand *more = reallocarray(c->operands, c->n + 1, sizeof(*more)), *o;
	char err[256];
	int r;

	if (!more)
		return -ENOMEM;
	c->operands = more;
	o = &more[c->n];
	*o = (struct operand){ .step = -1, .times = 1 };
	r = take_value(p, &o->text);
	if (r)
		return r;
	c->n++;
	if (!quoted && *o->text == '$') {
		c->refers = true;
		return take_reference(p, c, o);
	}
	if (!quoted && !strcmp(o->text, "none") && (c->op == OP_EQ || c->op == OP_NE)) {
		o->none = true;
		return 0;
	}
	if (like && type != TYPE_FLAGS)
		type = TYPE_TEXT;
	if (value_parse(type, o->text, &o->value, err, sizeof(err)))
		return fail(p, "%s: %s", c->field->name, err);
	return 0;
}

static int check_op(struct parser *p, const struct condition *c)
{
	enum field_type type = c->field->type;

	if (c->op >= OP_LT && c->op <= OP_GE && type > TYPE_TIME)
		return fail(p, "%s is no number: it takes %s", c->field->name,
			    type >= TYPE_TEXT || type == TYPE_ADDRESS || type == TYPE_FLAGS
				    ? "= != ~ !~"
				    : "= !=");
	if (c->op >= OP_LIKE && type != TYPE_FLAGS && type != TYPE_ADDRESS && type < TYPE_TEXT)
		return fail(p, "%s is no text: it takes %s", c->field->name,
			    type > TYPE_TIME ? "= !=" : "= != < <= > >=");
	return 0;
}

static int take_operands(struct parser *p, struct condition *c)
{
	int r = check_op(p, c);

	if (!r && *p->at == '=')
		r = fail(p, "'%s=' is no operator; did you mean '%s'?", op_text(c->op),
			 op_text(c->op));
	do {
		skip_spaces(p);
		r = r ?: take_operand(p, c);
	} while (!r && *p->at == '|' && p->at++);
	if (!r && c->n > 1 && c->op >= OP_LT && c->op <= OP_GE)
		r = fail(p, "%s%s takes one value", c->field->name, op_text(c->op));
	return r;
}

/* ---- steps ---- */

static struct condition *condition_new(struct step *step, const struct field *field, enum op op)
{
	struct condition *more = reallocarray(step->conditions, step->n + 1, sizeof(*more));

	if (!more)
		return NULL;
	step->conditions = more;
	more[step->n] = (struct condition){ .field = field, .op = op };
	return &more[step->n++];
}

/* A word alone: a field that is yes, or the value of the field that this kind is mostly about. */
static int take_bare(struct parser *p, struct step *step, const char *begin, const char *word)
{
	const struct field *yes = field_find(step->kind->thing, word);
	const struct field *bare =
		*step->kind->bare ? field_find(step->kind->thing, step->kind->bare) : NULL;
	struct condition *c;

	if (yes && yes->type == TYPE_YES) {
		c = condition_new(step, yes, OP_NE);
		if (!c)
			return -ENOMEM;
		c->operands = calloc(1, sizeof(*c->operands));
		if (!c->operands)
			return -ENOMEM;
		c->n = 1;
		c->operands->step = -1;
		c->operands->value.s = "";
		c->operands->text = strdup("no");
		return c->operands->text ? 0 : -ENOMEM;
	}
	/* "call read" is one, "drop reason" is half of something. */
	if (!bare || (yes && bare->type <= TYPE_WORD))
		return fail(p, "after '%s' comes one of = != < <= > >= ~ !~", word);
	c = condition_new(step, bare, OP_EQ);
	if (!c)
		return -ENOMEM;
	p->at = begin;
	return take_operands(p, c);
}

static int take_name(struct parser *p, struct step *step)
{
	const char *begin;
	int r;

	skip_blanks(p);
	if (*p->at != '$')
		return fail(p, "after 'as' comes a name such as $a");
	begin = ++p->at;
	while (is_name(*p->at))
		p->at++;
	if (p->at == begin)
		return fail(p, "after 'as' comes a name such as $a");
	if (step->counted)
		return fail(p, "a step that counts has no name: it is not about a single %s",
			    step->kind->name);
	if (step->name)
		return fail(p, "it is named already, $%s", step->name);
	for (size_t i = 0; i < p->e->n; i++) {
		const char *other = p->e->steps[i].name;

		r = other && !strncmp(other, begin, (size_t)(p->at - begin)) &&
		    !other[p->at - begin];
		if (r)
			return fail(p, "step %zu is named $%s already", i + 1, other);
	}
	step->name = strndup(begin, (size_t)(p->at - begin));
	return step->name ? 0 : -ENOMEM;
}

/* x3, x2+, x1-3 */
static int take_count(struct parser *p, struct step *step, const char *word)
{
	char *end;

	if (step->counted)
		return fail(p, "'%s' is too much: the step counts already", word);
	if (step->name)
		return fail(p, "a step that counts has no name: it is not about a single %s",
			    step->kind->name);
	step->counted = true;
	step->min = step->max = (uint32_t)strtoul(word + 1, &end, 10);
	if (*end == '+') {
		step->max = UINT32_MAX;
		end++;
	} else if (*end == '-') {
		step->max = (uint32_t)strtoul(end + 1, &end, 10);
	}
	if (*end || step->max < step->min)
		return fail(p, "'%s' is no count; it is written x3, x2+ or x1-3", word);
	return 0;
}

/* FIELD OP VALUE, a word alone, a count, or "as $name". */
static int take_part(struct parser *p, struct step *step)
{
	const char *begin = p->at;
	const struct field *field;
	struct condition *c;
	char word[64];
	size_t len = 0;
	enum op op;

	if (*begin == '"' || *begin == '\'')
		return take_bare(p, step, begin, "");
	/* Only in a word alone, such as ICMP names and file names, there may be other letters. */
	len = strcspn(begin, " \t\r\n;{}|\"'=!<>~");
	if (!len)
		return fail(p, "'%.*s' is not understood", (int)strcspn(begin, ";\n"), begin);
	snprintf(word, sizeof(word), "%.*s", (int)len, begin);
	p->at = begin + len;
	if (!strcmp(word, "as"))
		return take_name(p, step);
	if (*word == 'x' && isdigit((unsigned char)word[1]))
		return take_count(p, step, word);
	skip_blanks(p);
	if (!take_op(p, &op))
		return take_bare(p, step, begin, word);
	field = field_find(step->kind->thing, word);
	if (!field)
		return fail_field(p, step->kind->name, step->kind->thing, word);
	c = condition_new(step, field, op);
	return c ? take_operands(p, c) : -ENOMEM;
}

static size_t take_word(struct parser *p, char word[static 64])
{
	size_t len = 0;

	skip_blanks(p);
	while (is_name(p->at[len]))
		len++;
	snprintf(word, 64, "%.*s", (int)len, p->at);
	return len;
}

static int take_kind(struct parser *p, struct step *step)
{
	char word[64];
	size_t len = take_word(p, word);

	if (!strcmp(word, "no")) {
		step->counted = true;
		p->at += len;
		len = take_word(p, word);
	}
	if (!len)
		return fail(p, "a step begins with its kind, such as 'call' or 'drop'");
	step->kind = kind_find(word);
	if (!step->kind)
		return fail_kind(p, word);
	p->at += len;
	return 0;
}

/* Does the value stand for what is not there? */
static bool operand_is_nothing(const struct condition *c, const struct operand *o)
{
	if (o->none || o->step >= 0)
		return o->none;
	switch (c->field->type) {
	case TYPE_YES:
	case TYPE_NUMBER:
		return !o->value.n;
	case TYPE_FATE:
		return words_alike(o->text, "underway") || words_alike(o->text, "unknown");
	case TYPE_CAUSE:
		return words_alike(o->text, "unknown");
	case TYPE_TOLD:
		return words_alike(o->text, "nothing");
	default:
		return false;
	}
}

/* Does it hold because something is not there, as far as the engine knows? */
static bool condition_is_absence(const struct condition *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (operand_is_nothing(c, &c->operands[i]) != op_is_negative(c->op))
			return c->field->concluded;
	return false;
}

static void step_finish(struct step *step)
{
	step->concluded = step->kind->concluded;
	for (size_t i = 0; i < step->n; i++) {
		const struct condition *c = &step->conditions[i];

		step->concluded |= c->field->concluded;
		step->absent |= condition_is_absence(c);
		for (size_t o = 0; o < c->n; o++)
			if (c->operands[o].step >= 0)
				step->refs |= 1ull << c->operands[o].step;
	}
}

static void step_free(struct step *step)
{
	for (size_t i = 0; i < step->n; i++) {
		for (size_t o = 0; o < step->conditions[i].n; o++)
			free(step->conditions[i].operands[o].text);
		free(step->conditions[i].operands);
	}
	free(step->conditions);
	free(step->name);
	free(step->text);
}

static int take_step(struct parser *p)
{
	struct step step = { .group = p->in_group ? p->group : 0 }, *more;
	const char *end;
	int r;

	p->begin = p->at;
	if (p->e->n == EXPECT_STEPS_MAX)
		return fail(p, "there are more than %d steps: give --expect twice",
			    EXPECT_STEPS_MAX);
	r = take_kind(p, &step);
	end = p->at;
	for (skip_blanks(p); !r && !at_end(p); skip_blanks(p)) {
		r = take_part(p, &step);
		end = p->at;
	}
	if (!r) {
		step.text = text_of(p->begin, end);
		more = reallocarray(p->e->steps, p->e->n + 1, sizeof(*more));
		if (more)
			p->e->steps = more;
		r = step.text && more ? 0 : -ENOMEM;
	}
	if (r) {
		step_free(&step);
		return r;
	}
	step_finish(&step);
	p->e->steps[p->e->n++] = step;
	return 0;
}

static int take_all(struct parser *p)
{
	int r = 0;

	for (skip_ends(p); !r && *p->at; skip_ends(p)) {
		p->begin = p->at;
		if (*p->at == '{') {
			if (p->in_group)
				return fail(p, "a { stands inside of another");
			p->in_group = true;
			p->group++;
			p->at++;
		} else if (*p->at == '}') {
			if (!p->in_group)
				return fail(p, "there is no { before this }");
			p->in_group = false;
			p->at++;
		} else {
			r = take_step(p);
		}
	}
	if (!r && p->in_group)
		r = fail(p, "the { is not closed");
	if (!r && !p->e->n)
		r = fail(
			p,
			"nothing is expected; an example: drop reason=NO_SOCKET as $p; icmp cause=$p");
	return r;
}

static void expectation_free(struct hs_expectation *e)
{
	for (size_t i = 0; e && i < e->n; i++)
		step_free(&e->steps[i]);
	if (e)
		free(e->steps);
	free(e);
}

int expect_add(struct hs_expectations *list, const char *text, char *err, size_t err_len)
{
	struct hs_expectation **more = reallocarray(list->all, list->n + 1, sizeof(*more));
	struct parser p = { .at = text, .begin = text, .err = err, .err_len = err_len };
	int r;

	if (!more)
		return -ENOMEM;
	list->all = more;
	p.e = calloc(1, sizeof(*p.e));
	r = p.e ? take_all(&p) : -ENOMEM;
	if (r) {
		expectation_free(p.e);
		return r;
	}
	more[list->n++] = p.e;
	return 0;
}

void expectations_free(struct hs_expectations *list)
{
	for (size_t i = 0; i < list->n; i++)
		expectation_free(list->all[i]);
	free(list->all);
	*list = (struct hs_expectations){ 0 };
}
