// SPDX-License-Identifier: BSD-2-Clause
/* The kinds of steps, and what can be asked of each. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "expect_parts.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* ---- words for the model's numbers; in the lists of expect_words.c, too ---- */

static const char *fate_name(enum hs_fate_kind kind)
{
	return word_nth(TYPE_FATE, kind);
}

static const char *told_name(enum hs_told told)
{
	return word_nth(TYPE_TOLD, told);
}

static const char *cause_name(enum hs_cause_kind kind)
{
	return word_nth(TYPE_CAUSE, kind);
}

static const char *end_name(unsigned int end)
{
	return word_nth(TYPE_END, end);
}

static const char *shutdown_name(uint32_t how)
{
	static const char *const names[] = { "SHUT_RD", "SHUT_WR", "SHUT_RDWR" };

	return how < N_ELEMS(names) ? names[how] : "";
}

static const char *journey_proto(const struct hs_journey *j)
{
	return j->packet.arp_op ? "ARP" : text_proto_name(j->packet.proto);
}

static bool journey_is_tcp(const struct hs_journey *j)
{
	return j->packet.proto == IPPROTO_TCP && !j->packet.later_fragment;
}

static const char *journey_netns(const struct hs_journey *j)
{
	if (j->fate.kind != HS_FATE_UNDERWAY || !j->n_hops)
		return j->fate.netns;
	return j->hops[j->n_hops - 1].netns;
}

static const char *journey_dev(const struct hs_journey *j)
{
	if (j->fate.kind != HS_FATE_UNDERWAY || !j->n_hops)
		return j->fate.dev;
	return j->hops[j->n_hops - 1].dev;
}

static int64_t journey_cpus(const struct hs_journey *j)
{
	int64_t cpus = 0;

	for (size_t i = 0; i < j->n_hops; i++) {
		size_t k = 0;

		while (k < i && j->hops[k].cpu != j->hops[i].cpu)
			k++;
		cpus += k == i;
	}
	return cpus;
}

static int64_t journey_crossings(const struct hs_journey *j)
{
	int64_t crossings = 0;

	for (size_t i = 0; i < j->n_hops; i++)
		crossings += j->hops[i].crossed;
	return crossings;
}

/* The i-th time that it was put into a CPU's backlog and received from there; NULL at the end. */
static const struct hs_hop *journey_backlog(const struct hs_journey *j, size_t i, int64_t *ret_wait)
{
	const struct hs_hop *backlog = NULL;

	for (size_t k = 0; k < j->n_hops; k++) {
		const struct hs_hop *hop = &j->hops[k];

		if (hop->kind == HS_HOP_STAGE && hop->stage == HS_STAGE_BACKLOG) {
			backlog = hop;
		} else if (hop->kind == HS_HOP_STAGE && hop->stage == HS_STAGE_RECEIVE && backlog) {
			if (ret_wait)
				*ret_wait = (int64_t)(hop->time - backlog->time);
			if (!i--)
				return backlog;
			backlog = NULL;
		}
	}
	return NULL;
}

static bool journey_in_softirq(const struct hs_journey *j)
{
	bool received = false;

	for (size_t i = 0; i < j->n_hops; i++) {
		if (j->hops[i].stage != HS_STAGE_RECEIVE || j->hops[i].kind != HS_HOP_STAGE)
			continue;
		if (!j->hops[i].softirq)
			return false;
		received = true;
	}
	return received;
}

/* ---- getters ---- */

static bool set_number(struct value *v, int64_t n)
{
	v->n = n;
	return true;
}

static bool set_id(struct value *v, uint32_t id)
{
	v->n = id;
	return id;
}

static bool set_text(struct value *v, const char *s)
{
	v->s = s ?: "";
	return *v->s;
}

static bool set_address(struct value *v, const struct hs_addr *addr)
{
	v->addr = *addr;
	return addr->family;
}

static bool set_errno(struct value *v, int err)
{
	char buf[16];

	snprintf(v->buf, sizeof(v->buf), "%s", text_errno(err, buf));
	v->s = v->buf;
	return true;
}

static bool set_signal(struct value *v, int number)
{
	char buf[16];

	snprintf(v->buf, sizeof(v->buf), "%s", text_signal(number, buf));
	v->s = v->buf;
	return true;
}

/* "vxlan 42", "ipip"; "" at that hop there was none. */
static const char *wrap_name(struct value *v, const struct hs_journey *j, size_t i,
			     enum hs_wrapping way)
{
	const struct hs_wrap *wrap = &j->hops[i].wrap;

	if (wrap->way != way)
		return "";
	snprintf(v->buf, sizeof(v->buf), wrap->has_id ? "%s %u" : "%s", wrap->kind, wrap->id);
	return v->buf;
}

#define SET_NUMBER(v, x)  set_number(v, (int64_t)(x))
#define SET_TIME(v, x)	  set_number(v, (int64_t)(x))
#define SET_YES(v, x)	  set_number(v, !!(x))
#define SET_FLAGS(v, x)	  set_number(v, x)
#define SET_ADDRESS(v, x) set_address(v, x)
#define SET_JOURNEY(v, x) set_id(v, x)
#define SET_SOCKET(v, x)  set_id(v, x)
#define SET_FLOW(v, x)	  set_id(v, x)
#define SET_TEXT(v, x)	  set_text(v, x)
#define SET_WORD(v, x)	  set_text(v, x)
#define SET_FATE(v, x)	  set_text(v, x)
#define SET_PROTO(v, x)	  set_text(v, x)
#define SET_STATE(v, x)	  set_text(v, x)
#define SET_ERRNO(v, x)	  set_errno(v, (int)(x))
#define SET_SIGNAL(v, x)  set_signal(v, x)
#define SET_STAGE(v, x)	  set_text(v, x)
#define SET_END(v, x)	  set_text(v, x)
#define SET_TOLD(v, x)	  set_text(v, x)
#define SET_CAUSE(v, x)	  set_text(v, x)
#define SET_CALL(v, x)	  set_text(v, x)

#define OF_any
#define OF_journey __attribute__((unused)) const struct hs_journey *j = &fact->j;
#define OF_call	   __attribute__((unused)) const struct hs_call *c = &fact->c;
#define OF_state   __attribute__((unused)) const struct hs_state *s = &fact->s;
#define OF_signal  __attribute__((unused)) const struct hs_signal *g = &fact->g;
#define OF_socket  __attribute__((unused)) const struct hs_socket *k = &fact->k;
#define OF_flow	   __attribute__((unused)) const struct hs_flow *f = &fact->f;

#define GETTER(thing, name)                                                               \
	static bool get_##thing##_##name(const struct fact *fact __attribute__((unused)), \
					 const struct kind *kind __attribute__((unused)), \
					 size_t i, struct value *v)

#define HS_FIELD(thing, name, type, how, has, value, meaning)          \
	GETTER(thing, name)                                            \
	{                                                              \
		OF_##thing return !i && (has) && SET_##type(v, value); \
	}
/* Of a list a value may be "": the list goes on. */
#define HS_LIST(thing, name, type, how, has, value, meaning)               \
	GETTER(thing, name)                                                \
	{                                                                  \
		OF_##thing return (has) && (SET_##type(v, value) || true); \
	}
#include "expect_fields.def"
#undef HS_FIELD
#undef HS_LIST

#define IS_any	   THING_ANY
#define IS_journey THING_JOURNEY
#define IS_call	   THING_CALL
#define IS_state   THING_STATE
#define IS_signal  THING_SIGNAL
#define IS_socket  THING_SOCKET
#define IS_flow	   THING_FLOW
enum { SEEN, CONCLUDED };

#define HS_FIELD(thing, name, type, how, has, value, meaning) \
	{ #name, IS_##thing, TYPE_##type, how, get_##thing##_##name, meaning },
#define HS_LIST HS_FIELD
static const struct field fields[] = {
#include "expect_fields.def"
};
#undef HS_FIELD
#undef HS_LIST

const struct field *field_at(enum thing thing, size_t i)
{
	/* Those of the thing first, then those of each. */
	for (int any = 0; any < 2; any++)
		for (size_t at = 0; at < N_ELEMS(fields); at++)
			if (fields[at].thing == (any ? THING_ANY : thing) && !i--)
				return &fields[at];
	return NULL;
}

const struct field *field_find(enum thing thing, const char *name)
{
	const struct field *field;

	for (size_t i = 0; (field = field_at(thing, i)); i++)
		if (!strcmp(field->name, name))
			return field;
	return NULL;
}

const struct field *field_implied(enum thing thing, const struct field *wanted)
{
	static const char *const journeys[THING_MAX] = {
		[THING_JOURNEY] = "id",
		[THING_CALL] = "sent",
	};
	static const char *const sockets[THING_MAX] = {
		[THING_CALL] = "socket",
		[THING_STATE] = "socket",
		[THING_SIGNAL] = "socket",
		[THING_SOCKET] = "id",
	};
	static const char *const flows[THING_MAX] = {
		[THING_JOURNEY] = "flow", [THING_CALL] = "flow", [THING_STATE] = "flow",
		[THING_SOCKET] = "flow",  [THING_FLOW] = "id",
	};
	const char *name = wanted->type == TYPE_JOURNEY	 ? journeys[thing]
			   : wanted->type == TYPE_SOCKET ? sockets[thing]
			   : wanted->type == TYPE_FLOW	 ? flows[thing]
							 : wanted->name;

	return name ? field_find(thing, name) : NULL;
}

const char *thing_name(enum thing thing)
{
	static const char *const names[] = {
		[THING_JOURNEY] = "packet", [THING_CALL] = "call",     [THING_STATE] = "state",
		[THING_SIGNAL] = "signal",  [THING_SOCKET] = "socket", [THING_FLOW] = "flow",
	};

	return names[thing];
}

/* ---- kinds ---- */

#define IS(name, condition)                         \
	static bool is_##name(const struct fact *f) \
	{                                           \
		return condition;                   \
	}

IS(there, f->thing != THING_CALL || f->c.left)
IS(blocked, !f->c.left)
IS(icmp, f->j.packet.has_icmp)
IS(reset, journey_is_tcp(&f->j) && f->j.packet.tcp_flags & TH_RST)
IS(retransmission, f->j.retransmission)
IS(drop, f->j.fate.kind == HS_FATE_DROPPED)
IS(refused, f->j.fate.kind == HS_FATE_REFUSED)
IS(queued, f->j.fate.kind == HS_FATE_QUEUED)
IS(read, f->j.read_done)
IS(told, f->j.told == HS_TOLD_CALL || f->j.told == HS_TOLD_NOBODY)
IS(unread, f->j.unread_at_close)

static const struct kind kinds[] = {
	{ "call", THING_CALL, WHEN_WHOLE, is_there, "name", false, false,
	  "a system call of a followed process, that has returned" },
	{ "blocked", THING_CALL, WHEN_WHOLE, is_blocked, "name", true, true,
	  "a system call that had not returned when the trace ended" },
	{ "journey", THING_JOURNEY, WHEN_WHOLE, is_there, "proto", false, false,
	  "a packet, whatever became of it" },
	{ "icmp", THING_JOURNEY, WHEN_WHOLE, is_icmp, "name", false, false,
	  "an ICMP or ICMPv6 packet" },
	{ "reset", THING_JOURNEY, WHEN_WHOLE, is_reset, "rst_reason", false, false,
	  "a TCP segment with RST" },
	{ "retransmission", THING_JOURNEY, WHEN_WHOLE, is_retransmission, "", true, false,
	  "a TCP segment that was sent before" },
	{ "drop", THING_JOURNEY, WHEN_FATE, is_drop, "reason", true, false, "a packet is dropped" },
	{ "refused", THING_JOURNEY, WHEN_FATE, is_refused, "", true, false,
	  "a SYN is refused by a full accept queue" },
	{ "queued", THING_JOURNEY, WHEN_FATE, is_queued, "proto", true, false,
	  "a packet reaches a socket's queue" },
	{ "read", THING_JOURNEY, WHEN_READ, is_read, "proto", true, false,
	  "a queued packet is read" },
	{ "unread", THING_JOURNEY, WHEN_UNREAD, is_unread, "proto", true, false,
	  "a socket is closed with the packet in its queue" },
	{ "told", THING_JOURNEY, WHEN_TOLD, is_told, "errno", true, false,
	  "an ICMP error is told to a call, or it is clear that nobody hears of it" },
	{ "state", THING_STATE, WHEN_WHOLE, is_there, "after", false, false,
	  "an end of a TCP connection changes its state" },
	{ "signal", THING_SIGNAL, WHEN_WHOLE, is_there, "name", false, false,
	  "a followed process gets a signal" },
	{ "socket", THING_SOCKET, WHEN_WHOLE, is_there, "state", false, false,
	  "a socket's state, queues or limits change" },
	{ "flow", THING_FLOW, WHEN_WHOLE, is_there, "", false, false, "a TCP connection is met" },
};

const struct kind *kind_at(size_t i)
{
	return i < N_ELEMS(kinds) ? &kinds[i] : NULL;
}

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < N_ELEMS(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static struct span span_at(uint64_t time)
{
	return (struct span){ time, time };
}

static struct span journey_span(enum when when, const struct fact *fact)
{
	const struct hs_journey *j = &fact->j;
	bool over = j->fate.kind != HS_FATE_UNDERWAY && j->fate.time >= j->born;

	if (when == WHEN_READ)
		return span_at(j->read.time);
	if (when == WHEN_TOLD)
		return span_at(fact->told_at);
	if (when == WHEN_UNREAD)
		return span_at(fact->unread_at);
	if (when == WHEN_FATE && over)
		return span_at(j->fate.time);
	return (struct span){ j->born, over ? j->fate.time : UINT64_MAX };
}

struct span kind_span(const struct kind *kind, const struct fact *fact)
{
	switch (fact->thing) {
	case THING_JOURNEY:
		return journey_span(kind->when, fact);
	case THING_CALL:
		return (struct span){ fact->c.entered, fact->c.left ?: UINT64_MAX };
	case THING_STATE:
		return span_at(fact->s.time);
	case THING_SIGNAL:
		return span_at(fact->g.time);
	case THING_FLOW:
		return span_at(fact->f.born);
	default:
		return span_at(fact->seen);
	}
}
