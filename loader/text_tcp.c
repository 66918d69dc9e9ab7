// SPDX-License-Identifier: BSD-2-Clause
/* TCP in words: states, signals, segments. */
#define _GNU_SOURCE
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define G TEXT_GLUE

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

const char *text_tcp_state(enum hs_tcp_state state)
{
	static const char *const names[HS_TCP_STATE_MAX] = {
		[HS_TCP_ESTABLISHED] = "ESTABLISHED",
		[HS_TCP_SYN_SENT] = "SYN_SENT",
		[HS_TCP_SYN_RECV] = "SYN_RECV",
		[HS_TCP_FIN_WAIT1] = "FIN_WAIT1",
		[HS_TCP_FIN_WAIT2] = "FIN_WAIT2",
		[HS_TCP_TIME_WAIT] = "TIME_WAIT",
		[HS_TCP_CLOSE] = "CLOSE",
		[HS_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[HS_TCP_LAST_ACK] = "LAST_ACK",
		[HS_TCP_LISTEN] = "LISTEN",
		[HS_TCP_CLOSING] = "CLOSING",
		[HS_TCP_NEW_SYN_RECV] = "SYN_RECV",
	};

	return state < HS_TCP_STATE_MAX && names[state] ? names[state] : "?";
}

const char *text_signal(int number, char buf[static 16])
{
	const char *name = sigabbrev_np(number);

	if (name)
		snprintf(buf, 16, "SIG%s", name);
	else
		snprintf(buf, 16, "signal %d", number);
	return buf;
}

/* The flags that say what it is, and those that are rare. PSH and the ACK of data say nothing. */
static bool add_flags(struct text *t, uint8_t flags, bool payload)
{
	uint8_t shown = flags & ~PSH;
	bool any = false;

	if (!(flags & (SYN | RST)) && (payload || flags & FIN))
		shown &= ~ACK;
	/* as everybody says it: SYN+ACK, FIN+ACK */
	for (int bit = 0; bit < 8; bit++) {
		if (!(shown & 1 << bit))
			continue;
		text_addf(t, "%s%s", any ? "+" : "", text_tcp_flag(bit));
		any = true;
	}
	return any;
}

static void add_number(struct text *t, const char *word, const char *plain, uint32_t n)
{
	text_addf(t, t->style->plain ? ", %s" G "%" PRIu32 : " %s" G "%" PRIu32,
		  t->style->plain ? plain : word, n);
}

void text_segment(struct text *t, const struct hs_journey *j, enum text_segment how)
{
	const struct hs_packet *p = &j->packet;
	uint8_t flags = p->tcp_flags;
	bool any, pure = !p->payload && !(flags & (SYN | FIN | RST)) && !j->window_probe;

	if (j->window_probe) {
		text_add(t, "window" G "probe");
	} else {
		any = add_flags(t, flags, p->payload);
		if (p->payload) {
			text_add(t, any ? G : "");
			text_size(t, p->payload);
		} else if (!any) {
			text_add(t, "no" G "flags");
		}
	}
	if (!j->has_rel)
		how = TEXT_SEGMENT_NAME;
	if (how >= TEXT_SEGMENT_SEQ && p->payload && !j->window_probe) {
		text_add(t, t->style->plain ? ", sequence" G : " seq" G);
		text_range(t, j->rel_seq, j->rel_seq + p->payload - 1);
	} else if (how >= TEXT_SEGMENT_SEQ && !pure) {
		add_number(t, "seq", "sequence", j->rel_seq);
	}
	if (pure && j->has_rel && flags & ACK) {
		if (t->style->plain)
			add_number(t, "", "acknowledgment", j->rel_ack);
		else
			text_addf(t, G "%" PRIu32, j->rel_ack);
	} else if (how >= TEXT_SEGMENT_ALL && flags & ACK) {
		add_number(t, "ack", "acknowledgment", j->rel_ack);
	}
	if (j->zero_window && !(flags & RST))
		text_add(t, t->style->plain ? ", window" G "0" : " window" G "0");
}
