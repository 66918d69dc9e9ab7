// SPDX-License-Identifier: BSD-2-Clause
/* --only and --reason: which journeys pass, and that all of a journey does. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../loader/only.h"
#include "../../loader/text.h"
#include "helper_notes.h"

static void test_words(void **state)
{
	const char *bad = NULL;
	unsigned int bits = 0;

	(void)state;
	assert_int_equal(only_parse("dropped", &bits, &bad), 0);
	assert_int_equal(bits, HS_ONLY_DROPPED);
	assert_int_equal(only_parse("unread,unknown,refused", &bits, &bad), 0);
	assert_int_equal(bits,
			 HS_ONLY_DROPPED | HS_ONLY_UNREAD | HS_ONLY_UNKNOWN | HS_ONLY_REFUSED);
	assert_int_equal(only_parse("reset,retransmitted", &bits, &bad), 0);
	assert_int_equal(bits, 0x3f);
	assert_null(bad);
	assert_int_equal(only_parse("dropped,drop,unread", &bits, &bad), -EINVAL);
	assert_string_equal(bad, "drop,unread");
	assert_int_equal(only_parse(",", &bits, &bad), -EINVAL);
	assert_int_equal(only_parse("dropped ", &bits, &bad), -EINVAL);
}

static const struct hs_journey empty = {
	.id = 1,
	.packet = { .version = 4, .proto = IPPROTO_UDP },
	.by_call = "",
	.cause_text = "",
	.told_call = "",
	.told_why = "",
	.no_icmp = "",
	.read = { .call = "", .task.comm = "" },
	.fate = { .netns = "", .dev = "", .reason = "", .function = "", .why = "", .remedy = "" },
};

static bool passes(const struct hs_journey *j, unsigned int bits, const struct hs_words *reasons)
{
	struct notes notes;
	struct hs_sink *only;
	bool passed;

	notes_init(&notes);
	only = only_new(&notes.sink, bits, reasons);
	assert_non_null(only);
	/* nothing is passed on before it is settled */
	assert_null(only->hop);
	assert_null(only->fate);
	only->settled(only->ctx, j);
	passed = notes.n_settled;
	assert_int_equal(only_passed(only), passed);
	only_free(only);
	notes_done(&notes);
	return passed;
}

/* Exactly these of the words let it pass. */
static void passes_by(const struct hs_journey *j, unsigned int bits)
{
	static const struct hs_words none;

	for (unsigned int bit = 1; bit <= HS_ONLY_UNKNOWN; bit <<= 1)
		assert_int_equal(passes(j, bit, &none), !!(bits & bit));
	assert_int_equal(passes(j, 0x3f, &none), !!bits);
}

static void test_which_pass(void **state)
{
	struct hs_journey j = empty;

	(void)state;
	j.fate.kind = HS_FATE_DROPPED;
	passes_by(&j, HS_ONLY_DROPPED);
	j.fate.kind = HS_FATE_REFUSED;
	passes_by(&j, HS_ONLY_REFUSED);
	j.fate.kind = HS_FATE_UNKNOWN;
	passes_by(&j, HS_ONLY_UNKNOWN);
	j.fate.kind = HS_FATE_UNDERWAY;
	passes_by(&j, 0);
	j.fate.kind = HS_FATE_CONSUMED;
	passes_by(&j, 0);
	j.fate.kind = HS_FATE_QUEUED;
	passes_by(&j, HS_ONLY_UNREAD);
	j.read_done = true;
	passes_by(&j, 0);
	j.read_done = false;
	j.unread_at_close = true;
	passes_by(&j, HS_ONLY_UNREAD);
	/* of TCP no read is known */
	j.unread_at_close = false;
	j.packet.proto = IPPROTO_TCP;
	passes_by(&j, 0);
	j.packet.tcp_flags = 0x14;
	passes_by(&j, HS_ONLY_RESET);
	j.packet.tcp_flags = 0x18;
	j.retransmission = 2;
	passes_by(&j, HS_ONLY_RETRANSMITTED);
	j.retransmission = 0;
	j.packet.proto = IPPROTO_UDP;
	j.read_done = true;
	passes_by(&j, 0);
}

static void test_reasons(void **state)
{
	struct hs_words reasons = { 0 };
	struct hs_journey j = empty;

	(void)state;
	assert_int_equal(words_add(&reasons, "NO_SOCKET"), 0);
	assert_int_equal(words_add(&reasons, "UDP_CSUM"), 0);
	j.fate.kind = HS_FATE_DROPPED;
	j.fate.reason = "UDP_CSUM";
	assert_true(passes(&j, 0, &reasons));
	j.fate.reason = "IP_CSUM";
	assert_false(passes(&j, 0, &reasons));
	/* either of both is enough */
	assert_true(passes(&j, HS_ONLY_DROPPED, &reasons));
	j.fate.kind = HS_FATE_UNKNOWN;
	j.fate.reason = "";
	assert_false(passes(&j, 0, &reasons));
	words_free(&reasons);
}

/* A journey that passes is told from its first hop to its end. */
static void test_all_of_it(void **state)
{
	static const struct hs_words none;
	struct hs_hop hops[2] = {
		{ .stage = HS_STAGE_DEV_QUEUE, .netns = "a", .dev = "veth", .text = "" },
		{ .stage = HS_STAGE_DROP, .netns = "a", .dev = "veth", .text = "" }
	};
	struct hs_journey j = empty;
	struct hs_call call = { .name = "bind", .fd = 3, .hint = "" };
	struct hs_summary summary = { .packets = 7, .nothing = "" };
	struct notes notes;
	struct hs_sink *only;

	(void)state;
	notes_init(&notes);
	notes.hops = true;
	only = only_new(&notes.sink, HS_ONLY_DROPPED, &none);
	assert_non_null(only);
	j.hops = hops;
	j.n_hops = 2;
	j.fate.kind = HS_FATE_DROPPED;
	j.told = HS_TOLD_NOBODY;
	j.told_why = "because";
	j.no_icmp = "rate limit";
	only->call(only->ctx, &call);
	only->settled(only->ctx, &j);
	j.id = 2;
	j.fate.kind = HS_FATE_LEFT;
	only->settled(only->ctx, &j);
	only->loss(only->ctx, 1, 2, 3);
	only->summary(only->ctx, &summary);
	assert_string_equal(notes_text(&notes), "bind(3) = 0\n"
						"#1 born, UDP\n"
						"#1   a/veth device queue\n"
						"#1   a/veth drop\n"
						"#1 dropped\n"
						"#1 told nobody (because)\n"
						"#1 no ICMP (rate limit)\n"
						"#1 settled\n"
						"lost 2, skipped 3\n");
	assert_int_equal(notes.summary.packets, 7);
	assert_int_equal(only_passed(only), 1);
	only_free(only);
	notes_done(&notes);
}

/* What a connection and its states do, as "flow 1" and "state 1 SYN_SENT". */
static void note_flow(void *ctx, const struct hs_flow *f)
{
	struct notes *n = ctx;

	fprintf(n->file, "flow %u\n", f->id);
}

static void note_state(void *ctx, const struct hs_state *s)
{
	struct notes *n = ctx;

	fprintf(n->file, "state %u %s\n", s->flow.id, text_tcp_state(s->after));
}

static void note_signal(void *ctx, const struct hs_signal *s)
{
	struct notes *n = ctx;

	fprintf(n->file, "signal %d\n", s->number);
}

static void note_tick(void *ctx, uint64_t now)
{
	struct notes *n = ctx;

	fprintf(n->file, "tick %u\n", (unsigned int)now);
}

static void tell_change(struct hs_sink *sink, uint32_t flow, enum hs_tcp_state after,
			uint32_t cause, uint32_t sent, uint64_t time)
{
	struct hs_state s = { .time = time,
			      .flow.id = flow,
			      .after = after,
			      .cause_kind = cause ? HS_CAUSE_JOURNEY : HS_CAUSE_CALL,
			      .cause = cause,
			      .sent = sent };

	sink->state(sink->ctx, &s);
}

/* Connections pass with the first that passes of them, states with the segment that moved them. */
static void test_connections(void **state)
{
	static const struct hs_words none;
	struct hs_journey j = empty;
	struct hs_call call = { .name = "connect", .fd = 3, .hint = "", .flow = 2 };
	struct hs_signal signal = { .number = 13 };
	struct hs_flow flow = { .id = 1 };
	struct notes notes;
	struct hs_sink *only;

	(void)state;
	notes_init(&notes);
	notes.sink.flow = note_flow;
	notes.sink.state = note_state;
	notes.sink.signal = note_signal;
	notes.sink.tick = note_tick;
	only = only_new(&notes.sink, HS_ONLY_RESET, &none);
	assert_non_null(only);
	for (flow.id = 1; flow.id <= 3; flow.id++)
		only->flow(only->ctx, &flow);
	j.packet.proto = IPPROTO_TCP;
	j.flow = 1;
	/* by a segment that does not pass; by nothing that could */
	tell_change(only, 1, HS_TCP_SYN_SENT, 0, 1, 1);
	tell_change(only, 1, HS_TCP_TIME_WAIT, 0, 0, 2);
	j.id = 1;
	only->settled(only->ctx, &j);
	assert_string_equal(notes_text(&notes), "");
	/* by one that does, before and after it has settled */
	tell_change(only, 1, HS_TCP_FIN_WAIT1, 0, 2, 3);
	j.id = 2;
	j.packet.tcp_flags = 0x04;
	only->settled(only->ctx, &j);
	tell_change(only, 1, HS_TCP_CLOSE, 2, 0, 4);
	/* received is more than sent */
	tell_change(only, 1, HS_TCP_CLOSING, 1, 2, 5);
	/* one whose segment never settles is forgotten */
	tell_change(only, 3, HS_TCP_CLOSE, 9, 0, 6);
	tell_change(only, 3, HS_TCP_CLOSE, 10, 0, 60000000000);
	only->call(only->ctx, &call);
	only->signal(only->ctx, &signal);
	only->tick(only->ctx, 7);
	assert_string_equal(notes_text(&notes), "flow 1\n"
						"state 1 FIN_WAIT1\n"
						"#2 settled\n"
						"state 1 CLOSE\n"
						"flow 2\n"
						"connect(3) = 0\n"
						"signal 13\n"
						"tick 7\n");
	only_free(only);
	notes_done(&notes);
}

/* A view that implements nothing. */
static void test_sink_without_callbacks(void **state)
{
	static const struct hs_words none;
	struct hs_sink nothing = { 0 };
	struct hs_sink *only = only_new(&nothing, HS_ONLY_DROPPED, &none);
	struct hs_journey j = empty;
	struct hs_call call = { .name = "" };
	struct hs_summary summary = { .nothing = "" };

	(void)state;
	assert_non_null(only);
	j.fate.kind = HS_FATE_DROPPED;
	only->call_enter(only->ctx, &call);
	only->call(only->ctx, &call);
	only->flow(only->ctx, &(struct hs_flow){ .id = 1 });
	tell_change(only, 1, HS_TCP_CLOSE, 1, 0, 1);
	only->settled(only->ctx, &j);
	tell_change(only, 1, HS_TCP_CLOSE, 1, 0, 1);
	only->socket(only->ctx, &(struct hs_socket){ .id = 1 });
	only->signal(only->ctx, &(struct hs_signal){ .number = 1 });
	only->tick(only->ctx, 1);
	only->loss(only->ctx, 1, 2, 3);
	only->summary(only->ctx, &summary);
	only_free(only);
	only_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	    cmocka_unit_test(test_which_pass),
		cmocka_unit_test(test_reasons),	    cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_connections), cmocka_unit_test(test_sink_without_callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
