// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls of two runs: those of a task are aligned by what they are and how they ended; of what
 * is left between two common ones, calls of one name are the same call with another result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "diff.h"
#include "text.h"

#define PORT_PICKED 32768 /* net.ipv4.ip_local_port_range: from here on the kernel picks */

/* The calls of one task, by index. */
struct task_calls {
	const struct diff_side *side;
	size_t *at;
	size_t n;
};

struct calls_ctx {
	struct task_calls of[2];
};

static bool is_transfer(const struct hs_call *c)
{
	return text_call_sends(c->id) || text_call_receives(c->id);
}

/* Where bind() and connect() were told to go; not what the kernel picked. */
static bool same_given(const struct hs_call *a, const struct hs_call *b)
{
	if (a->id != HS_CALL_BIND && a->id != HS_CALL_CONNECT)
		return true;
	if (a->given.addr.family != b->given.addr.family ||
	    memcmp(a->given.addr.bytes, b->given.addr.bytes, sizeof(a->given.addr.bytes)) != 0)
		return false;
	return a->given.port == b->given.port ||
	       (a->given.port >= PORT_PICKED && b->given.port >= PORT_PICKED);
}

/* Bytes of a stream come as they come, but their end is an end. */
static bool same_result(const struct hs_call *a, const struct hs_call *b)
{
	if (!a->left != !b->left)
		return false;
	if (a->ret < 0 || b->ret < 0)
		return a->ret == b->ret;
	if (!is_transfer(a))
		return true;
	return a->type == SOCK_STREAM ? !a->ret == !b->ret : a->ret == b->ret;
}

static bool calls_same(const void *ctx, size_t i, size_t j)
{
	const struct calls_ctx *c = ctx;
	const struct hs_call *a = &c->of[0].side->calls[c->of[0].at[i]].c;
	const struct hs_call *b = &c->of[1].side->calls[c->of[1].at[j]].c;

	return a->id == b->id && same_given(a, b) && same_result(a, b);
}

/* The kernel's own doing, and parts of a stream that another run has in another number. */
static bool call_is_minor(const struct hs_call *c)
{
	return c->id == HS_CALL_EXIT || (c->type == SOCK_STREAM && is_transfer(c) && c->ret > 0);
}

static int call_pair_add(struct diff *d, const struct diff_call *a, const struct diff_call *b)
{
	bool silent = (!a && d->side[0].silent) || (!b && d->side[1].silent) ||
		      (a && b &&
		       ((!a->c.left && d->side[0].silent) || (!b->c.left && d->side[1].silent)));
	struct diff_call_pair *grown = d->calls;

	if (!(d->n_calls & (d->n_calls - 1)))
		grown = realloc(grown, (d->n_calls ? d->n_calls * 2 : 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->calls = grown;
	grown[d->n_calls++] = (struct diff_call_pair){
		.side = { a, b },
		.verdict = silent ? DIFF_INCONCLUSIVE
			   : !b	  ? DIFF_ONLY_A
			   : !a	  ? DIFF_ONLY_B
				  : DIFF_PART,
	};
	return 0;
}

static struct diff_call *call_of(struct diff *d, const struct calls_ctx *c, int side, size_t i)
{
	return &d->side[side].calls[c->of[side].at[i]];
}

/* Between two common calls: A's from `i` to `end_i`, B's from `j` to `end_j`. */
static void calls_gap(struct diff *d, const struct calls_ctx *c, size_t i, size_t end_i, size_t j,
		      size_t end_j)
{
	for (; i < end_i; i++) {
		struct diff_call *a = call_of(d, c, 0, i);

		for (size_t k = j; k < end_j; k++) {
			struct diff_call *b = call_of(d, c, 1, k);

			if (a->c.id != b->c.id)
				continue;
			a->other = c->of[1].at[k] + 1;
			b->other = c->of[0].at[i] + 1;
			j = k + 1;
			break;
		}
	}
}

static int calls_align(struct diff *d, struct calls_ctx *c)
{
	size_t n = c->of[0].n, m = c->of[1].n, i = 0, j = 0;
	size_t *match = calloc(n + 1, sizeof(*match));
	int r;

	if (!match)
		return -ENOMEM;
	r = diff_align(n, m, calls_same, c, match);
	for (size_t k = 0; k <= n && !r; k++) {
		if (k < n && !match[k])
			continue;
		calls_gap(d, c, i, k, j, k < n ? match[k] - 1 : m);
		if (k == n)
			break;
		call_of(d, c, 0, k)->other = c->of[1].at[match[k] - 1] + 1;
		call_of(d, c, 1, match[k] - 1)->other = c->of[0].at[k] + 1;
		i = k + 1;
		j = match[k];
	}
	free(match);
	return r;
}

/* B's calls from *j up to call `end` that A does not have. */
static int calls_report_b(struct diff *d, const struct calls_ctx *c, size_t *j, size_t end)
{
	int r = 0;

	for (; *j < c->of[1].n && c->of[1].at[*j] < end && !r; ++*j) {
		const struct diff_call *one = call_of(d, c, 1, *j);

		if (!one->other && !call_is_minor(&one->c))
			r = call_pair_add(d, NULL, one);
	}
	return r;
}

static int calls_report(struct diff *d, const struct calls_ctx *c)
{
	size_t j = 0;
	int r = 0;

	for (size_t i = 0; i < c->of[0].n && !r; i++) {
		const struct diff_call *one = call_of(d, c, 0, i);
		const struct diff_call *other =
			one->other ? &d->side[1].calls[one->other - 1] : NULL;

		if (other)
			r = calls_report_b(d, c, &j, one->other - 1);
		if (r)
			break;
		if (other && same_given(&one->c, &other->c) && same_result(&one->c, &other->c))
			d->n_same_calls++;
		else if (other || !call_is_minor(&one->c))
			r = call_pair_add(d, one, other);
	}
	return r ? r : calls_report_b(d, c, &j, SIZE_MAX);
}

/* Those of a task; `seen` gets them. */
static int calls_of_task(struct task_calls *ret, const struct diff_side *side,
			 const struct diff_call *first, bool *seen)
{
	*ret = (struct task_calls){ .side = side, .at = calloc(side->n_calls + 1, sizeof(size_t)) };
	if (!ret->at)
		return -ENOMEM;
	for (size_t i = 0; i < side->n_calls; i++) {
		if (side->calls[i].who != first->who ||
		    strcmp(side->calls[i].c.task.comm, first->c.task.comm) != 0)
			continue;
		seen[i] = true;
		ret->at[ret->n++] = i;
	}
	return 0;
}

static int calls_task(struct diff *d, const struct diff_call *first, bool *const seen[2])
{
	struct calls_ctx c = { 0 };
	int r = 0;

	for (int i = 0; i < 2 && !r; i++)
		r = calls_of_task(&c.of[i], &d->side[i], first, seen[i]);
	if (!r)
		r = calls_align(d, &c);
	if (!r)
		r = calls_report(d, &c);
	free(c.of[0].at);
	free(c.of[1].at);
	return r;
}

int diff_compare_calls(struct diff *d)
{
	bool *seen[2] = { calloc(d->side[0].n_calls + 1, sizeof(bool)),
			  calloc(d->side[1].n_calls + 1, sizeof(bool)) };
	int r = seen[0] && seen[1] ? 0 : -ENOMEM;

	for (int in = 0; in < 2; in++)
		for (size_t i = 0; i < d->side[in].n_calls && !r; i++)
			if (!seen[in][i])
				r = calls_task(d, &d->side[in].calls[i], seen);
	free(seen[0]);
	free(seen[1]);
	return r;
}
