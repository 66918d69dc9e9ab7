// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what holds, in which order, how often and how soon. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_expect.h"

/* ---- order ---- */

static void test_sample(void **state)
{
	(void)state;
	trace_says(
		trace_closed_port(
			"drop reason=NO_SOCKET netns=ns_server as $p; icmp type=3 code=3 cause=$p "
			"as $e; call errno=ECONNREFUSED error_from=$e"),
		HS_VERDICT_HELD, "expected: 3 of 3 held\n");
	trace_ends_as(trace_closed_port(
			      "call sendto as $c; drop id=$c as $d; icmp cause=$d; call recvfrom"),
		      HS_VERDICT_HELD);
	trace_ends_as(trace_closed_port(
			      "drop as $d; call sendto sent=$d; told ECONNREFUSED told_to=client"),
		      HS_VERDICT_HELD);
	trace_ends_as(
		trace_closed_port("icmp as $e; drop caused=$e lasted=0s; icmp ended>$e.began"),
		HS_VERDICT_FAILED); /* the last one is the first again */
	trace_ends_as(trace_closed_port(
			      "icmp as $e; drop caused=$e lasted=0ns born=10ms; journey began=11ms "
			      "ended=13ms lasted=2ms id=$e"),
		      HS_VERDICT_HELD);
}

static void test_order(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict wanted;
	} cases[] = {
		{ "call socket; call bind", HS_VERDICT_HELD },
		{ "call bind; call socket", HS_VERDICT_FAILED },
		{ "call accept; call connect; call accept", HS_VERDICT_FAILED },
		/* they overlap */
		{ "call accept; call connect", HS_VERDICT_HELD },
		{ "call connect; call accept", HS_VERDICT_HELD },
		{ "call connect as $c; call accept ended<$c.ended", HS_VERDICT_FAILED },
		{ "call connect as $c; call accept ended>$c.ended", HS_VERDICT_HELD },
		/* but all three have no common order: close is over before accept begins */
		{ "call accept; call close; call connect", HS_VERDICT_FAILED },
		{ "call close; call accept; call connect", HS_VERDICT_HELD },
		{ "{ call accept; call close }; call connect", HS_VERDICT_HELD },
		{ "{ call connect; call bind; call socket }", HS_VERDICT_HELD },
		{ "{ call connect; call bind }; call socket", HS_VERDICT_FAILED },
		{ "call bind; { call connect; call socket }", HS_VERDICT_FAILED },
		{ "{ call bind } { call connect }", HS_VERDICT_HELD },
		{ "{ call connect } { call bind }", HS_VERDICT_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_new(cases[i].text);
		const struct hs_call calls[] = {
			event_call("socket", HS_CALL_SOCKET, 1, 2, 3),
			event_call("bind", HS_CALL_BIND, 3, 4, 0),
			event_call("close", HS_CALL_CLOSE, 5, 6, 0),
			event_call("connect", HS_CALL_CONNECT, 20, 25, 0),
			event_call("accept", HS_CALL_ACCEPT, 10, 30, 4),
		};

		for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
			trace_tell_call(t, &calls[c]);
		if (trace_verdict(t) != cases[i].wanted)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

/* A first choice that leads nowhere is taken back. */
static void test_backtracking(void **state)
{
	(void)state;
	trace_ends_as(trace_four("journey as $a; drop cause=$a dport=8083"), HS_VERDICT_HELD);
	trace_ends_as(trace_four("queued as $a; drop cause=$a dport=8083"), HS_VERDICT_HELD);
	trace_ends_as(trace_four("queued as $a; drop cause=$a as $d; drop as $e"), HS_VERDICT_HELD);
	trace_ends_as(trace_four("queued as $a; drop cause=$a dport=8084"), HS_VERDICT_FAILED);
	trace_ends_as(trace_four("drop as $a; queued as $b; drop cause=$b"), HS_VERDICT_HELD);
	trace_ends_as(
		trace_four("journey as $a; journey as $b; journey as $c; journey as $d dport=8083 "
			   "sport!=$a sport!=$b sport!=$c"),
		HS_VERDICT_HELD);
	/* the first takes what only the second can have */
	trace_ends_as(trace_four("{ drop as $a; drop dport=8081 }"), HS_VERDICT_HELD);
	trace_ends_as(trace_four("{ drop as $a; drop dport=8081 cause!=$a; drop }"),
		      HS_VERDICT_FAILED);
}

static void test_equal_and_differ(void **state)
{
	(void)state;
	trace_ends_as(trace_four("drop as $a; drop sport!=$a"), HS_VERDICT_HELD);
	trace_ends_as(trace_four("drop as $a; drop sport=$a"), HS_VERDICT_FAILED);
	trace_ends_as(
		trace_four(
			"drop as $a; drop dst=$a dport=$a.dport+2 dport>$a began>=$a.ended+19ms"),
		HS_VERDICT_HELD);
	trace_ends_as(trace_four("drop as $a; drop began>$a.ended+20ms"), HS_VERDICT_FAILED);
	trace_ends_as(
		trace_four(
			"queued as $a; read id=$a waited=4ms reader=server as $r; drop cause=$r"),
		HS_VERDICT_HELD);
	trace_ends_as(
		trace_four("queued read as $a; no queued id=$a read=no; queued x1 reader=none"),
		HS_VERDICT_HELD);
	/* nothing on either side is not the same */
	trace_ends_as(trace_four("queued dport=8080 as $a; queued reader=$a"), HS_VERDICT_FAILED);
	trace_ends_as(trace_four("queued dport=8080 reader=none as $a; queued reader!=$a"),
		      HS_VERDICT_HELD);
}

static void test_reckoned(void **state)
{
	(void)state;
	trace_ends_as(trace_four("drop dport=8081 as $a; drop dport>$a.dport*1 dport<$a.dport*1.1"),
		      HS_VERDICT_HELD);
	trace_ends_as(trace_four("drop dport=8081 as $a; drop dport=$a.dport*2-8079"),
		      HS_VERDICT_HELD);
	trace_ends_as(trace_four("drop dport=8081 as $a; drop dport>$a.dport*1.1"),
		      HS_VERDICT_FAILED);
	trace_says(
		trace_closed_port("drop as $p; drop dport=$p.dport*2+1"), HS_VERDICT_FAILED,
		"expect: step 2 of 2 did not hold: drop dport=$p.dport*2+1\n"
		"  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET (as $p)\n"
		"  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: dport is "
		"8080, not $p.dport*2+1 (16161)\n");
}

/* Where it was: from one namespace to another, through two backlogs. */
static struct trace *travelled(const char *text)
{
	struct hs_hop hops[] = {
		{ .stage = HS_STAGE_DEV_XMIT, .netns = "a", .dev = "va", .time = MS(10), .cpu = 1 },
		{ .stage = HS_STAGE_BACKLOG,
		  .netns = "b",
		  .dev = "vb",
		  .time = MS(11),
		  .cpu = 1,
		  .crossed = true },
		{ .stage = HS_STAGE_RECEIVE,
		  .netns = "b",
		  .dev = "vb",
		  .time = MS(13),
		  .cpu = 1,
		  .softirq = true },
		{ .stage = HS_STAGE_UDP_IN,
		  .kind = HS_HOP_VIA,
		  .netns = "",
		  .dev = "",
		  .time = MS(14),
		  .cpu = 1 },
		{ .stage = HS_STAGE_DEV_XMIT, .netns = "b", .dev = "vc", .time = MS(14), .cpu = 1 },
		{ .stage = HS_STAGE_BACKLOG,
		  .netns = "a",
		  .dev = "va",
		  .time = MS(14),
		  .cpu = 0,
		  .crossed = true },
		{ .stage = HS_STAGE_RECEIVE,
		  .netns = "a",
		  .dev = "va",
		  .time = MS(20),
		  .cpu = 0,
		  .softirq = true },
	};
	struct trace *t = trace_new(text);
	struct hs_journey p = event_dropped(1, 8080, 10, 22);

	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
		hops[i].text = hops[i].function = hops[i].dev_kind = "";
	p.hops = hops;
	p.n_hops = sizeof(hops) / sizeof(hops[0]);
	trace_tell(t, &p);
	return t;
}

static void test_path(void **state)
{
	(void)state;
	trace_ends_as(travelled("drop path='a/va > b/vb > b/vc > a/va' crossings=2"),
		      HS_VERDICT_HELD);
	trace_ends_as(travelled("drop path='a/va > b/vb > b/vc'"), HS_VERDICT_FAILED);
	trace_ends_as(travelled("drop cpus=2 cpu=0 cpu=1 softirq"), HS_VERDICT_HELD);
	trace_ends_as(travelled("drop cpu=2"), HS_VERDICT_FAILED);
	trace_ends_as(
		travelled("drop backlog_cpu=1 backlog_wait=2ms backlog_cpu=0 backlog_wait=6ms"),
		HS_VERDICT_HELD);
	trace_ends_as(travelled("drop backlog_wait>6ms"), HS_VERDICT_FAILED);
	/* one without hops has no such fields */
	trace_ends_as(
		trace_four(
			"drop x2 path=none crossings=0 cpu=none cpus=none backlog_wait=none softirq=none"),
		HS_VERDICT_HELD);
}

static void test_words_and_values(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
		{ "drop reason=no-socket", true },
		{ "drop no_socket", true },
		{ "drop reason=NO_SOCKETS|NO_SOCKET", true },
		{ "drop reason!=NO_SOCKETS|NO_SOCKET", false },
		{ "drop reason~sock", true },
		{ "drop reason~sock*", false },
		{ "drop reason~no_*", true },
		{ "drop reason!~TCP", true },
		{ "drop netns=ns_server", true },
		{ "drop netns=ns_Server", false },
		{ "drop src=10.0.2.2 dst=10.0.2.1", true },
		{ "drop src~10.0.2.*", true },
		{ "drop src=10.0.2.3", false },
		{ "drop port=4000 port=8081", true },
		{ "drop port!=4000 dport=8081", false },
		{ "drop len>=32 len<33 len!=31 payload<=4", true },
		{ "drop id=#2", true },
		{ "drop id=2 cause=#1", true },
		{ "drop id=#9", false },
		{ "queued udp dport=8082 read", true },
		{ "queued udp dport=8080 read", false },
		{ "queued udp dport=8080 read=no", true },
		{ "queued cause=none", true },
		{ "queued cause!=none", false },
		{ "drop cause!=none", true },
		{ "drop cause=none|#1", true },
		{ "drop flags~SYN", false },
		{ "drop flags=none", true },
		{ "journey fate=queued|consumed dport=8080", true },
		{ "read waited<5ms waited>3.9ms copied=4", true },
		{ "read began=35ms", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_four(cases[i].text);

		if (!trace_verdict(t) != cases[i].holds)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

static void test_counts(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
		{ "no drop", false },
		{ "no drop dport=1", true },
		{ "no icmp; no call; no state; no signal; no blocked", true },
		{ "drop x2", true },
		{ "drop x1", false },
		{ "drop x3", false },
		{ "drop x1+", true },
		{ "drop x3+", false },
		{ "drop x0-1", false },
		{ "drop x1-2", true },
		{ "journey x4; drop x2; queued x2; read x1", true },
		/* counted in the whole trace, wherever the step stands */
		{ "drop dport=8083; queued x2", true },
		{ "queued as $a; no drop cause=$a", false },
		{ "drop as $a; no drop cause=$a", true },
		{ "queued as $a; drop x1 cause=$a dport=8083", true },
		{ "journey dport=8080 as $a; journey dport=8082 as $b; no journey began>$a.began "
		  "began<$b.began",
		  false },
		{ "journey dport=8080 as $a; journey dport=8081 as $b; no journey began>$a.began "
		  "began<$b.began",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_four(cases[i].text);

		if (!trace_verdict(t) != cases[i].holds)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

/* ---- TCP ---- */

static void test_tcp(void **state)
{
	struct trace *t = trace_new(
		"flow as $f cport=4000;"
		"{ state SYN_SENT end=client flow=$f sent!=none as $c; state SYN_RECV end=server };"
		"journey flags=SYN seq=0 flow=$f id=$c.sent as $syn;"
		"journey flags=SYN+ACK ack=$syn.seq+1 from!=$syn;"
		"state ESTABLISHED before=SYN_RECV netns=ns_server cause!=none flow=$c;"
		"retransmission retransmission=1 of=$syn timer~retransmission resent_after=1s;"
		"reset flags~RST rst_reason=tcp-timeout; signal SIGPIPE call=sendto cause!=none;"
		"socket LISTEN accept_queued=2 accept_limit=1");
	struct hs_state c = event_state(0, HS_TCP_CLOSE, HS_TCP_SYN_SENT, 10),
			s = event_state(1, HS_TCP_LISTEN, HS_TCP_NEW_SYN_RECV, 12),
			e = event_state(1, HS_TCP_SYN_RECV, HS_TCP_ESTABLISHED, 16);
	struct hs_journey syn = event_segment(1, 0x02, 11, 13),
			  again = event_segment(3, 0x02, 1011, 1012),
			  ack = event_segment(2, 0x12, 12, 14),
			  rst = event_segment(4, 0x14, 1020, 1021);
	struct hs_signal sig = { .time = MS(1030),
				 .task = { 812, 812, "client" },
				 .number = SIGPIPE,
				 .by_call = "sendto",
				 .fd = 3,
				 .cause = 4 };
	struct hs_socket k = { .id = 1,
			       .netns = "ns_server",
			       .protocol = IPPROTO_TCP,
			       .owner.comm = "",
			       .state = HS_TCP_LISTEN,
			       .has_queues = true,
			       .accept_queued = 2,
			       .accept_limit = 1 };

	(void)state;
	c.sent = 1;
	e.cause_kind = HS_CAUSE_JOURNEY;
	e.cause = 9;
	ack.rel_ack = 1;
	ack.from = 1;
	again.retransmission = 1;
	again.retransmission_of = again.related_to = 1;
	again.relation = HS_RELATION_RETRANSMISSION;
	again.resent_after = 1000000000;
	again.timer = "retransmission timer";
	rst.rst_reason = "TCP_TIMEOUT";
	t->sink->flow(t->sink->ctx, &c.flow);
	trace_tell_state(t, &c);
	trace_tell_state(t, &s);
	trace_tell_state(t, &e);
	trace_tell(t, &syn);
	trace_tell(t, &ack);
	trace_tell(t, &again);
	trace_tell(t, &rst);
	t->sink->signal(t->sink->ctx, &sig);
	t->sink->socket(t->sink->ctx, &k);
	trace_says(t, HS_VERDICT_HELD, "expected: 10 of 10 held\n");
}

/* What a packet carries, where it was captured. */
static void test_data(void **state)
{
	struct hs_journey j = event_queued(1, 80, 10, 11), k = event_queued(2, 80, 20, 21);

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct trace *t = trace_new("queued data~\"GET /\"; queued data=\"x..y\"");

		j.payload = (const uint8_t *)(with ? "GET / HTTP" : NULL);
		j.payload_captured = 10;
		k.payload = (const uint8_t *)"x\0\ny";
		k.payload_captured = 4;
		trace_tell(t, &j);
		trace_tell(t, &k);
		trace_ends_as(t, with ? HS_VERDICT_HELD : HS_VERDICT_FAILED);
	}
}

/* Calls that never return. */
static void test_blocked(void **state)
{
	struct hs_call in = event_call("sendto", HS_CALL_SENDTO, 10, 0, 0),
		       out = event_call("bind", HS_CALL_BIND, 1, 2, 0);
	struct trace *t = trace_new("call bind; blocked sendto fd=3; no blocked recvfrom; "
				    "no call sendto");

	(void)state;
	trace_tell_call(t, &out);
	trace_tell_call(t, &in);
	assert_false(expect_is_over(t->sink));
	trace_ends_as(t, HS_VERDICT_HELD);
	t = trace_new("blocked bind");
	trace_tell_call(t, &out);
	trace_says(t, HS_VERDICT_FAILED,
		   "expect: step 1 of 1 did not hold: blocked bind\n"
		   "  nearest: client[812] bind(3) = 0: it returned\n");
	/* in a call, a task is not in the one before any more */
	t = trace_new("no blocked sendto; blocked bind");
	out.left = 0;
	trace_tell_call(t, &in);
	trace_tell_call(t, &out);
	trace_ends_as(t, HS_VERDICT_HELD);
	t = trace_new("blocked sendto");
	t->summary.lost = 1;
	trace_tell_call(t, &in);
	trace_ends_as(t, HS_VERDICT_INCONCLUSIVE);
}

/* ---- several, early, late ---- */

static void test_several(void **state)
{
	struct trace *t = trace_new("call socket");
	struct hs_call c = event_call("socket", HS_CALL_SOCKET, 1, 2, 3);
	struct hs_journey j = event_dropped(1, 8080, 10, 11);
	char err[256];

	(void)state;
	expect_free(t->sink);
	assert_int_equal(expect_add(&t->list, "no drop; call", err, sizeof(err)), 0);
	assert_int_equal(expect_add(&t->list, "drop; call", err, sizeof(err)), 0);
	t->sink = expect_new(&t->notes.sink, &t->list, START);
	trace_tell_call(t, &c);
	t->summary.lost = 0;
	trace_tell(t, &j);
	trace_says(
		t, HS_VERDICT_FAILED,
		"expect: step 1 of 2 did not hold: no drop\n"
		"  wanted: none, there is 1\n"
		"  counted: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
		"expect: step 2 of 2 did not hold: call\n"
		"  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
		"  nearest: client[812] socket(AF_INET, SOCK_DGRAM) = 3: it was over before that of "
		"step 1 began\n");
}

static void test_over_early(void **state)
{
	static const struct {
		const char *text;
		bool over;
	} cases[] = {
		{ "drop", true },	    { "drop x1+", true },    { "drop x1", false },
		{ "drop; no icmp", false }, { "drop; call", false }, { "drop read=no", false },
	};
	struct hs_journey j = event_dropped(1, 8080, 10, 11);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_new(cases[i].text);

		assert_false(expect_is_over(t->sink));
		t->sink->fate(t->sink->ctx, &j);
		if (expect_is_over(t->sink) != cases[i].over)
			fail_msg("%s", cases[i].text);
		t->sink->settled(t->sink->ctx, &j);
		if (expect_is_over(t->sink) != cases[i].over)
			fail_msg("%s", cases[i].text);
		trace_free(t);
	}
}

/* What is said of a packet later replaces what was said before, even once it is settled. */
static void test_revised(void **state)
{
	struct trace *t = trace_new("queued dport=8080 read as $q; no drop; unread x1");
	struct hs_journey j = event_packet(1, 8080, 10, 11), k = event_queued(2, 8081, 20, 21);

	(void)state;
	j.fate.kind = HS_FATE_UNKNOWN;
	trace_tell(t, &j);
	j = event_queued(1, 8080, 10, 15);
	t->sink->fate(t->sink->ctx, &j);
	j.read_done = true;
	t->sink->read(t->sink->ctx, &j);
	trace_tell(t, &k);
	k.unread_at_close = true;
	t->sink->unread(t->sink->ctx, &k);
	trace_ends_as(t, HS_VERDICT_HELD);
}

/* A trace that breaks off without a summary says nothing. */
static void test_no_end(void **state)
{
	struct trace *t = trace_new("drop");

	(void)state;
	assert_int_equal(trace_verdict_so_far(t), HS_VERDICT_INCONCLUSIVE);
	assert_string_equal(t->report,
			    "expect: inconclusive, since the trace did not come to its end\n");
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_backtracking),
		cmocka_unit_test(test_equal_and_differ),
		cmocka_unit_test(test_reckoned),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_words_and_values),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_over_early),
		cmocka_unit_test(test_revised),
		cmocka_unit_test(test_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
