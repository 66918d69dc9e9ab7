// SPDX-License-Identifier: BSD-2-Clause
#include "only.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define TCP_RST 0x04

struct only {
	struct hs_sink sink;
	struct hs_sink *inner;
	unsigned int bits;
	const struct hs_words *reasons;
	uint64_t passed;
};

static const struct {
	const char *word;
	unsigned int bit;
} only_words[] = {
	{ "dropped", HS_ONLY_DROPPED }, { "refused", HS_ONLY_REFUSED },
	{ "reset", HS_ONLY_RESET },	{ "retransmitted", HS_ONLY_RETRANSMITTED },
	{ "unread", HS_ONLY_UNREAD },	{ "unknown", HS_ONLY_UNKNOWN },
};

int only_parse(const char *list, unsigned int *bits, const char **ret_bad)
{
	for (const char *word = list; *word;) {
		size_t len = strcspn(word, ","), i;

		for (i = 0; i < sizeof(only_words) / sizeof(only_words[0]); i++)
			if (strlen(only_words[i].word) == len &&
			    !strncmp(only_words[i].word, word, len))
				break;
		if (i == sizeof(only_words) / sizeof(only_words[0])) {
			*ret_bad = word;
			return -EINVAL;
		}
		*bits |= only_words[i].bit;
		word += len;
		word += *word == ',';
	}
	return 0;
}

static bool only_wants(const struct only *o, const struct hs_journey *j)
{
	const struct hs_fate *fate = &j->fate;

	if (o->reasons->n && words_have(o->reasons, fate->reason))
		return true;
	if (o->bits & HS_ONLY_DROPPED && fate->kind == HS_FATE_DROPPED)
		return true;
	if (o->bits & HS_ONLY_REFUSED && fate->kind == HS_FATE_REFUSED)
		return true;
	if (o->bits & HS_ONLY_RESET && j->packet.proto == IPPROTO_TCP &&
	    j->packet.tcp_flags & TCP_RST)
		return true;
	if (o->bits & HS_ONLY_UNREAD &&
	    (j->unread_at_close ||
	     (fate->kind == HS_FATE_QUEUED && !j->read_done && j->packet.proto != IPPROTO_TCP)))
		return true;
	return o->bits & HS_ONLY_UNKNOWN && fate->kind == HS_FATE_UNKNOWN;
}

static void only_settled(void *ctx, const struct hs_journey *j)
{
	struct only *o = ctx;
	struct hs_sink *in = o->inner;

	if (!only_wants(o, j))
		return;
	o->passed++;
	if (in->hop)
		for (size_t i = 0; i < j->n_hops; i++)
			in->hop(in->ctx, j, &j->hops[i]);
	if (in->fate && j->fate.kind != HS_FATE_UNDERWAY)
		in->fate(in->ctx, j);
	if (in->read && j->read_done)
		in->read(in->ctx, j);
	if (in->told && (j->told == HS_TOLD_CALL || j->told == HS_TOLD_NOBODY))
		in->told(in->ctx, j);
	if (in->unread && j->unread_at_close)
		in->unread(in->ctx, j);
	if (in->no_icmp && *j->no_icmp)
		in->no_icmp(in->ctx, j);
	if (in->settled)
		in->settled(in->ctx, j);
}

static void only_call_enter(void *ctx, const struct hs_call *call)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->call_enter)
		in->call_enter(in->ctx, call);
}

static void only_call(void *ctx, const struct hs_call *call)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->call)
		in->call(in->ctx, call);
}

static void only_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->loss)
		in->loss(in->ctx, time, lost, misses);
}

static void only_summary(void *ctx, const struct hs_summary *summary)
{
	struct hs_sink *in = ((struct only *)ctx)->inner;

	if (in->summary)
		in->summary(in->ctx, summary);
}

struct hs_sink *only_new(struct hs_sink *inner, unsigned int bits, const struct hs_words *reasons)
{
	struct only *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->inner = inner;
	o->bits = bits;
	o->reasons = reasons;
	o->sink = (struct hs_sink){
		.ctx = o,
		.call_enter = only_call_enter,
		.call = only_call,
		.settled = only_settled,
		.loss = only_loss,
		.summary = only_summary,
	};
	return &o->sink;
}

uint64_t only_passed(const struct hs_sink *sink)
{
	return ((const struct only *)sink->ctx)->passed;
}

void only_free(struct hs_sink *sink)
{
	free(sink ? sink->ctx : NULL);
}
