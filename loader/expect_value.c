// SPDX-License-Identifier: BSD-2-Clause
/* Values: read from a text, compared, told. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect_parts.h"
#include "stages.h"

static const char *const ops[] = {
	[OP_EQ] = "=", [OP_NE] = "!=", [OP_LT] = "<",	[OP_LE] = "<=",
	[OP_GT] = ">", [OP_GE] = ">=", [OP_LIKE] = "~", [OP_UNLIKE] = "!~",
};

const char *op_text(enum op op)
{
	return ops[op];
}

bool op_is_negative(enum op op)
{
	return op == OP_NE || op == OP_UNLIKE;
}

/* ---- from a text ---- */

/* A number and a unit of the table, whose first entry is the unit of a number without. */
struct unit {
	const char *name;
	int64_t times;
};

static const struct unit bytes[] = { { "", 1 },		 { "B", 1 },	    { "kB", 1000 },
				     { "KB", 1000 },	 { "MB", 1000000 }, { "KiB", 1 << 10 },
				     { "MiB", 1 << 20 }, { NULL, 0 } };
static const struct unit times[] = { { "ns", 1 },	{ "us", 1000 },	     { "\u00b5s", 1000 },
				     { "ms", 1000000 }, { "s", 1000000000 }, { "min", 60000000000 },
				     { NULL, 0 } };

static int parse_number(const char *text, const struct unit *units, int64_t *ret)
{
	char *end;
	int64_t whole;
	double fraction;

	errno = 0;
	whole = strtoll(text, &end, 0);
	fraction = *end == '.' ? strtod(text, &end) : 0;
	if (errno || end == text)
		return -EINVAL;
	for (; units->name; units++) {
		if (strcmp(units->name, end))
			continue;
		if (fraction != 0) {
			*ret = (int64_t)(fraction * (double)units->times + 0.5);
			return 0;
		}
		return __builtin_mul_overflow(whole, units->times, ret) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int parse_yes(const char *text, int64_t *ret)
{
	if (!strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1"))
		*ret = 1;
	else if (!strcmp(text, "no") || !strcmp(text, "false") || !strcmp(text, "0"))
		*ret = 0;
	else
		return -EINVAL;
	return 0;
}

static int parse_flags(const char *text, int64_t *ret)
{
	int64_t flags = 0;

	while (*text) {
		size_t len = strcspn(text, "+,");
		int bit = 0;

		while (bit < 8 && (strncasecmp(text_tcp_flag(bit), text, len) ||
				   strlen(text_tcp_flag(bit)) != len))
			bit++;
		if (bit == 8)
			return -EINVAL;
		flags |= 1 << bit;
		text += len;
		text += !!*text;
	}
	*ret = flags;
	return 0;
}

static int parse_address(const char *text, struct hs_addr *ret)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	struct hs_addr addr = { .family = (uint8_t)family };

	if (inet_pton(family, text, addr.bytes) != 1)
		return -EINVAL;
	*ret = addr;
	return 0;
}

static int parse_id(const char *text, char mark, int64_t *ret)
{
	static const struct unit none[] = { { "", 1 }, { NULL, 0 } };

	return parse_number(text + (*text == mark), none, ret);
}

/* One of a list. */
static int parse_listed(enum field_type type, const char *text, struct value *ret, char *err,
			size_t err_len)
{
	const struct hs_stage_info *stage = type == TYPE_STAGE ? stage_by_word(text) : NULL;
	char buf[32], best_buf[32];
	const char *word, *best = "";
	size_t distance = SIZE_MAX;

	ret->s = stage ? stage->label : text;
	for (size_t i = 0; !stage && (word = word_at(type, i, buf)); i++) {
		const char *before = best;

		if (*word && words_alike(word, text))
			return 0;
		word_guess(text, word, &best, &distance);
		if (best != before && best == buf)
			best = strcpy(best_buf, buf);
	}
	if (stage)
		return 0;
	if (*best)
		snprintf(err, err_len, "; did you mean '%s'?", best);
	return -EINVAL;
}

int value_parse(enum field_type type, const char *text, struct value *ret, char *err,
		size_t err_len)
{
	static const char *const examples[] = {
		[TYPE_NUMBER] = "a number, such as 8080 or 64KiB",
		[TYPE_TIME] = "a time with its unit, such as 200ms or 1.5s",
		[TYPE_YES] = "yes or no",
		[TYPE_FLAGS] = "TCP flags, such as SYN+ACK",
		[TYPE_ADDRESS] = "an IPv4 or IPv6 address",
		[TYPE_JOURNEY] = "a packet, such as $name or #7",
		[TYPE_SOCKET] = "a socket, such as $name or @1",
		[TYPE_FLOW] = "a connection, such as $name or ~1",
		[TYPE_FATE] = "a fate",
		[TYPE_PROTO] = "a protocol that trace knows by name",
		[TYPE_STATE] = "a TCP state",
		[TYPE_ERRNO] = "the name of an errno",
		[TYPE_SIGNAL] = "the name of a signal",
		[TYPE_STAGE] = "a stage (trace stages lists them)",
		[TYPE_END] = "client or server",
		[TYPE_TOLD] = "nothing, socket, call or nobody",
		[TYPE_CAUSE] = "call, journey, kernel, timer or unknown",
		[TYPE_CALL] = "a call that trace follows",
	};
	char guess[64] = "";
	int r = 0;

	*ret = (struct value){ .s = "" };
	switch (type) {
	case TYPE_NUMBER:
		r = parse_number(text, bytes, &ret->n);
		break;
	case TYPE_TIME:
		r = parse_number(text, times, &ret->n);
		break;
	case TYPE_YES:
		r = parse_yes(text, &ret->n);
		break;
	case TYPE_FLAGS:
		r = parse_flags(text, &ret->n);
		break;
	case TYPE_ADDRESS:
		r = parse_address(text, &ret->addr);
		break;
	case TYPE_JOURNEY:
		r = parse_id(text, '#', &ret->n);
		break;
	case TYPE_SOCKET:
		r = parse_id(text, '@', &ret->n);
		break;
	case TYPE_FLOW:
		r = parse_id(text, '~', &ret->n);
		break;
	case TYPE_TEXT:
	case TYPE_WORD:
		ret->s = text;
		break;
	default:
		r = parse_listed(type, text, ret, guess, sizeof(guess));
	}
	if (r)
		snprintf(err, err_len, "'%s' is not %s%s", text, examples[type], guess);
	return r;
}

/* ---- for people ---- */

static void tell_flags(struct text *t, int64_t flags)
{
	const char *gap = "";

	for (int bit = 0; bit < 8; bit++) {
		if (!(flags & 1 << bit))
			continue;
		text_addf(t, "%s%s", gap, text_tcp_flag(bit));
		gap = "+";
	}
	text_add(t, *gap ? "" : "no flags");
}

void value_tell(struct text *t, enum field_type type, const struct value *v)
{
	switch (type) {
	case TYPE_NUMBER:
		text_addf(t, "%" PRId64, v->n);
		break;
	case TYPE_TIME:
		text_add(t, v->n < 0 ? "-" : "");
		text_duration(t, (uint64_t)llabs(v->n));
		break;
	case TYPE_YES:
		text_add(t, v->n ? "yes" : "no");
		break;
	case TYPE_FLAGS:
		tell_flags(t, v->n);
		break;
	case TYPE_ADDRESS:
		text_address(t, &v->addr);
		break;
	case TYPE_JOURNEY:
		text_addf(t, "#%" PRId64, v->n);
		break;
	case TYPE_SOCKET:
		text_addf(t, "@%" PRId64, v->n);
		break;
	case TYPE_FLOW:
		text_addf(t, "~%" PRId64, v->n);
		break;
	case TYPE_TEXT:
		text_addf(t, "'%s'", v->s);
		break;
	default:
		text_add(t, v->s);
	}
}

/* ---- comparing ---- */

bool types_compare(enum field_type a, enum field_type b)
{
	return a == b || (a >= TYPE_TEXT && b >= TYPE_TEXT);
}

static bool text_is_like(const char *text, const char *pattern)
{
	if (strpbrk(pattern, "*?["))
		return !fnmatch(pattern, text, FNM_CASEFOLD);
	return strcasestr(text, pattern);
}

static bool values_are_like(enum field_type type, const struct value *v, const struct value *wanted)
{
	char buf[INET6_ADDRSTRLEN];

	if (type == TYPE_FLAGS)
		return (v->n & wanted->n) == wanted->n;
	if (type != TYPE_ADDRESS)
		return text_is_like(v->s, wanted->s);
	return inet_ntop(v->addr.family, v->addr.bytes, buf, sizeof(buf)) &&
	       text_is_like(buf, wanted->s);
}

static bool values_are_equal(enum field_type type, const struct value *v,
			     const struct value *wanted)
{
	if (type == TYPE_ADDRESS)
		return v->addr.family == wanted->addr.family &&
		       !memcmp(v->addr.bytes, wanted->addr.bytes,
			       v->addr.family == AF_INET6 ? 16 : 4);
	if (type == TYPE_TEXT)
		return !strcmp(v->s, wanted->s);
	return type >= TYPE_WORD ? words_alike(v->s, wanted->s) : v->n == wanted->n;
}

/* Of a negative operator: whether what it denies is so. */
static bool values_match(enum op op, enum field_type type, const struct value *v,
			 const struct value *wanted)
{
	switch (op) {
	case OP_LT:
		return v->n < wanted->n;
	case OP_LE:
		return v->n <= wanted->n;
	case OP_GT:
		return v->n > wanted->n;
	case OP_GE:
		return v->n >= wanted->n;
	case OP_LIKE:
	case OP_UNLIKE:
		return values_are_like(type, v, wanted);
	default:
		return values_are_equal(type, v, wanted);
	}
}

void operand_reckon(const struct operand *o, struct value *value)
{
	if (o->times != 1)
		value->n = (int64_t)((double)value->n * o->times);
	value->n += o->add;
}

static bool operand_matches(const struct condition *c, const struct operand *o,
			    const struct value *v, const struct step *steps,
			    struct fact *const *chosen)
{
	enum field_type type = c->field->type;
	struct value wanted;

	if (o->none)
		return false;
	if (o->step < 0)
		return values_match(c->op, type, v, &o->value);
	/* A word meets a text: as words. */
	if (type == TYPE_TEXT && o->field->type > TYPE_TEXT)
		type = TYPE_WORD;
	for (size_t i = 0; o->field->get(chosen[o->step], steps[o->step].kind, i, &wanted); i++) {
		operand_reckon(o, &wanted);
		if (values_match(c->op, type, v, &wanted))
			return true;
	}
	return false;
}

bool condition_holds(const struct condition *c, const struct fact *fact, const struct kind *kind,
		     const struct step *steps, struct fact *const *chosen)
{
	bool found = false;
	struct value v;
	size_t i;

	for (i = 0; !found && c->field->get(fact, kind, i, &v); i++)
		for (size_t o = 0; o < c->n && !found; o++)
			found = operand_matches(c, &c->operands[o], &v, steps, chosen);
	for (size_t o = 0; o < c->n && !i; o++)
		found |= c->operands[o].none;
	return found != op_is_negative(c->op);
}
