// SPDX-License-Identifier: BSD-2-Clause
/* Expectations: what holds, what does not, what cannot be told, and what is said about it. */
#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../loader/expect.h"
#include "helper_notes.h"

#define START 1000000000ull
#define MS(n) (START + (n)*1000000ull)

/* ---- things that happen ---- */

/* A datagram from 10.0.2.2:4000 to 10.0.2.1:`dport`, from `born` to `end` ms. */
static struct hs_journey packet(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
{
	return (struct hs_journey){
		.id = id,
		.packet = { .version = 4,
			    .proto = IPPROTO_UDP,
			    .has_ports = true,
			    .length = 32,
			    .payload = 4,
			    .src = { { AF_INET, { 10, 0, 2, 2 } }, 4000 },
			    .dst = { { AF_INET, { 10, 0, 2, 1 } }, dport } },
		.born = MS(born),
		.by_call = "",
		.by_fd = -1,
		.cause_text = "",
		.told_call = "",
		.told_why = "",
		.no_icmp = "",
		.timer = "",
		.rst_reason = "",
		.by.comm = "",
		.told_task.comm = "",
		.read = { .call = "", .task.comm = "" },
		.fate = { .time = MS(end),
			  .netns = "ns_server",
			  .dev = "veth_s",
			  .reason = "",
			  .function = "",
			  .why = "",
			  .remedy = "",
			  .owner.comm = "" },
	};
}

static struct hs_journey dropped(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
{
	struct hs_journey j = packet(id, dport, born, end);

	j.fate.kind = HS_FATE_DROPPED;
	j.fate.reason = "NO_SOCKET";
	return j;
}

static struct hs_journey queued(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
{
	struct hs_journey j = packet(id, dport, born, end);

	j.fate.kind = HS_FATE_QUEUED;
	return j;
}

static struct hs_journey icmp(uint32_t id, uint32_t cause, uint64_t born, uint64_t end)
{
	struct hs_journey j = packet(id, 0, born, end);

	j.packet.proto = IPPROTO_ICMP;
	j.packet.has_ports = false;
	j.packet.has_icmp = j.packet.icmp_error = true;
	j.packet.icmp_type = j.packet.icmp_code = 3;
	j.packet.src.port = 0;
	j.fate.kind = HS_FATE_CONSUMED;
	j.cause_kind = HS_CAUSE_JOURNEY;
	j.cause = cause;
	return j;
}

static struct hs_journey segment(uint32_t id, uint8_t flags, uint64_t born, uint64_t end)
{
	struct hs_journey j = queued(id, 80, born, end);

	j.packet.proto = IPPROTO_TCP;
	j.packet.tcp_flags = flags;
	j.has_rel = true;
	j.flow = 1;
	return j;
}

static struct hs_call call(const char *name, enum hs_call_id id, uint64_t entered, uint64_t left,
			   int64_t ret)
{
	return (struct hs_call){
		.entered = MS(entered),
		.left = left ? MS(left) : 0,
		.task = { 812, 812, "client" },
		.id = id,
		.name = name,
		.fd = 3,
		.ret = ret,
		.hint = "",
		.type = SOCK_DGRAM,
		.family = AF_INET,
		.protocol = IPPROTO_UDP,
	};
}

static struct hs_state state_of(unsigned int end, enum hs_tcp_state before, enum hs_tcp_state after,
				uint64_t time)
{
	struct hs_state s = {
		.time = MS(time),
		.end = end,
		.netns = end ? "ns_server" : "ns_client",
		.local = { { AF_INET, { 10, 0, 2, end ? 1 : 2 } }, end ? 80 : 4000 },
		.owner.comm = "",
		.before = before,
		.after = after,
		.by.comm = "",
		.by_call = "",
		.timer = "",
	};

	s.flow = (struct hs_flow){ .id = 1, .opened = true };
	for (int i = 0; i < 2; i++) {
		s.flow.end[i].netns = s.flow.end[i].owner.comm = "";
		s.flow.end[i].at =
			(struct hs_endpoint){ { AF_INET, { 10, 0, 2, i ? 1 : 2 } }, i ? 80 : 4000 };
	}
	return s;
}

/* ---- a trace ---- */

struct trace {
	struct hs_expectations list;
	struct notes notes;
	struct hs_sink *sink;
	struct hs_summary summary;
	char *report;
	char *json;
};

static struct trace *trace_new(const char *text)
{
	struct trace *t = calloc(1, sizeof(*t));
	char err[2048];

	assert_non_null(t);
	if (expect_add(&t->list, text, err, sizeof(err)))
		fail_msg("%s", err);
	notes_init(&t->notes);
	t->summary.nothing = "";
	t->sink = expect_new(&t->notes.sink, &t->list, START);
	assert_non_null(t->sink);
	return t;
}

static void tell(struct trace *t, const struct hs_journey *j)
{
	if (j->fate.kind != HS_FATE_UNDERWAY)
		t->sink->fate(t->sink->ctx, j);
	if (j->read_done)
		t->sink->read(t->sink->ctx, j);
	if (j->told == HS_TOLD_CALL || j->told == HS_TOLD_NOBODY)
		t->sink->told(t->sink->ctx, j);
	if (j->unread_at_close)
		t->sink->unread(t->sink->ctx, j);
	t->sink->settled(t->sink->ctx, j);
}

static void tell_call(struct trace *t, const struct hs_call *c)
{
	struct hs_call entered = *c;

	entered.left = 0;
	t->sink->call_enter(t->sink->ctx, &entered);
	if (c->left)
		t->sink->call(t->sink->ctx, c);
}

static void tell_state(struct trace *t, const struct hs_state *s)
{
	t->sink->state(t->sink->ctx, s);
}

static char *text_as_printed(struct text *text)
{
	char *printed = NULL;
	size_t len;
	FILE *f = open_memstream(&printed, &len);

	assert_non_null(f);
	text_write(text, f);
	fclose(f);
	text_free(text);
	return printed;
}

static enum hs_verdict verdict(struct trace *t)
{
	static const struct text_style style;
	struct text text;

	t->sink->summary(t->sink->ctx, &t->summary);
	text_init(&text, &style);
	expect_tell(t->sink, &text);
	t->report = text_as_printed(&text);
	text_init(&text, &style);
	expect_tell_json(t->sink, &text);
	t->json = text_as_printed(&text);
	return expect_verdict(t->sink);
}

static void trace_free(struct trace *t)
{
	expect_free(t->sink);
	expectations_free(&t->list);
	notes_done(&t->notes);
	free(t->report);
	free(t->json);
	free(t);
}

/* The whole of a trace that does not matter otherwise. */
static void ends_as(struct trace *t, enum hs_verdict wanted)
{
	enum hs_verdict got = verdict(t);

	if (got != wanted)
		fail_msg("%d, not %d: %s", got, wanted, t->report);
	trace_free(t);
}

static void says(struct trace *t, enum hs_verdict wanted, const char *report)
{
	assert_int_equal(verdict(t), wanted);
	assert_string_equal(t->report, report);
	trace_free(t);
}

/* A closed port, as the kernel does it: the error is born before its cause is dropped. */
static struct trace *closed_port(const char *text)
{
	struct trace *t = trace_new(text);
	struct hs_journey p = dropped(1, 8080, 10, 12), e = icmp(2, 1, 11, 13);
	struct hs_call sendto = call("sendto", HS_CALL_SENDTO, 9, 14, 4);
	struct hs_call recvfrom = call("recvfrom", HS_CALL_RECVFROM, 15, 16, -ECONNREFUSED);
	uint32_t sent[] = { 1 };

	sendto.journeys = sent;
	sendto.n_journeys = 1;
	recvfrom.error_from = 2;
	e.told = HS_TOLD_CALL;
	e.told_err = ECONNREFUSED;
	e.told_task = (struct hs_task){ 812, 812, "client" };
	e.told_call = "recvfrom";
	p.caused = (uint32_t[]){ 2 };
	p.n_caused = 1;
	t->sink->fate(t->sink->ctx, &p);
	tell_call(t, &sendto);
	tell_call(t, &recvfrom);
	tell(t, &e);
	tell(t, &p);
	return t;
}

/* ---- order ---- */

static void test_sample(void **state)
{
	(void)state;
	says(closed_port("drop reason=NO_SOCKET netns=ns_server as $p; icmp type=3 code=3 cause=$p "
			 "as $e; call errno=ECONNREFUSED error_from=$e"),
	     HS_VERDICT_HELD, "expected: 3 of 3 held\n");
	ends_as(closed_port("call sendto as $c; drop id=$c as $d; icmp cause=$d; call recvfrom"),
		HS_VERDICT_HELD);
	ends_as(closed_port("drop as $d; call sendto sent=$d; told ECONNREFUSED told_to=client"),
		HS_VERDICT_HELD);
	ends_as(closed_port("icmp as $e; drop caused=$e lasted=0s; icmp ended>$e.began"),
		HS_VERDICT_FAILED); /* the last one is the first again */
	ends_as(closed_port("icmp as $e; drop caused=$e lasted=0ns born=10ms; journey began=11ms "
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
			call("socket", HS_CALL_SOCKET, 1, 2, 3),
			call("bind", HS_CALL_BIND, 3, 4, 0),
			call("close", HS_CALL_CLOSE, 5, 6, 0),
			call("connect", HS_CALL_CONNECT, 20, 25, 0),
			call("accept", HS_CALL_ACCEPT, 10, 30, 4),
		};

		for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
			tell_call(t, &calls[c]);
		if (verdict(t) != cases[i].wanted)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

static struct trace *three(const char *text)
{
	struct trace *t = trace_new(text);
	struct hs_journey a = queued(1, 8080, 10, 11), b = dropped(2, 8081, 20, 21),
			  c = queued(3, 8082, 30, 31), d = dropped(4, 8083, 40, 41);

	b.cause_kind = d.cause_kind = HS_CAUSE_JOURNEY;
	b.cause = 1;
	d.cause = 3;
	d.packet.src.port = 5000;
	c.read_done = true;
	c.read = (struct hs_read){ .time = MS(35),
				   .task = { 7, 7, "server" },
				   .call = "read",
				   .copied = 4,
				   .waited = 4000000 };
	tell(t, &a);
	tell(t, &b);
	tell(t, &c);
	tell(t, &d);
	return t;
}

/* A first choice that leads nowhere is taken back. */
static void test_backtracking(void **state)
{
	(void)state;
	ends_as(three("journey as $a; drop cause=$a dport=8083"), HS_VERDICT_HELD);
	ends_as(three("queued as $a; drop cause=$a dport=8083"), HS_VERDICT_HELD);
	ends_as(three("queued as $a; drop cause=$a as $d; drop as $e"), HS_VERDICT_HELD);
	ends_as(three("queued as $a; drop cause=$a dport=8084"), HS_VERDICT_FAILED);
	ends_as(three("drop as $a; queued as $b; drop cause=$b"), HS_VERDICT_HELD);
	ends_as(three("journey as $a; journey as $b; journey as $c; journey as $d dport=8083 "
		      "sport!=$a sport!=$b sport!=$c"),
		HS_VERDICT_HELD);
	/* the first takes what only the second can have */
	ends_as(three("{ drop as $a; drop dport=8081 }"), HS_VERDICT_HELD);
	ends_as(three("{ drop as $a; drop dport=8081 cause!=$a; drop }"), HS_VERDICT_FAILED);
}

static void test_equal_and_differ(void **state)
{
	(void)state;
	ends_as(three("drop as $a; drop sport!=$a"), HS_VERDICT_HELD);
	ends_as(three("drop as $a; drop sport=$a"), HS_VERDICT_FAILED);
	ends_as(three("drop as $a; drop dst=$a dport=$a.dport+2 dport>$a began>=$a.ended+19ms"),
		HS_VERDICT_HELD);
	ends_as(three("drop as $a; drop began>$a.ended+20ms"), HS_VERDICT_FAILED);
	ends_as(three("queued as $a; read id=$a waited=4ms reader=server as $r; drop cause=$r"),
		HS_VERDICT_HELD);
	ends_as(three("queued read as $a; no queued id=$a read=no; queued x1 reader=none"),
		HS_VERDICT_HELD);
	/* nothing on either side is not the same */
	ends_as(three("queued dport=8080 as $a; queued reader=$a"), HS_VERDICT_FAILED);
	ends_as(three("queued dport=8080 reader=none as $a; queued reader!=$a"), HS_VERDICT_HELD);
}

static void test_reckoned(void **state)
{
	(void)state;
	ends_as(three("drop dport=8081 as $a; drop dport>$a.dport*1 dport<$a.dport*1.1"),
		HS_VERDICT_HELD);
	ends_as(three("drop dport=8081 as $a; drop dport=$a.dport*2-8079"), HS_VERDICT_HELD);
	ends_as(three("drop dport=8081 as $a; drop dport>$a.dport*1.1"), HS_VERDICT_FAILED);
	says(closed_port("drop as $p; drop dport=$p.dport*2+1"), HS_VERDICT_FAILED,
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
	struct hs_journey p = dropped(1, 8080, 10, 22);

	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
		hops[i].text = hops[i].function = hops[i].dev_kind = "";
	p.hops = hops;
	p.n_hops = sizeof(hops) / sizeof(hops[0]);
	tell(t, &p);
	return t;
}

static void test_path(void **state)
{
	(void)state;
	ends_as(travelled("drop path='a/va > b/vb > b/vc > a/va' crossings=2"), HS_VERDICT_HELD);
	ends_as(travelled("drop path='a/va > b/vb > b/vc'"), HS_VERDICT_FAILED);
	ends_as(travelled("drop cpus=2 cpu=0 cpu=1 softirq"), HS_VERDICT_HELD);
	ends_as(travelled("drop cpu=2"), HS_VERDICT_FAILED);
	ends_as(travelled("drop backlog_cpu=1 backlog_wait=2ms backlog_cpu=0 backlog_wait=6ms"),
		HS_VERDICT_HELD);
	ends_as(travelled("drop backlog_wait>6ms"), HS_VERDICT_FAILED);
	/* one without hops has no such fields */
	ends_as(three("drop x2 path=none crossings=0 cpu=none cpus=none backlog_wait=none softirq=none"),
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
		struct trace *t = three(cases[i].text);

		if (!verdict(t) != cases[i].holds)
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
		struct trace *t = three(cases[i].text);

		if (!verdict(t) != cases[i].holds)
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
	struct hs_state c = state_of(0, HS_TCP_CLOSE, HS_TCP_SYN_SENT, 10),
			s = state_of(1, HS_TCP_LISTEN, HS_TCP_NEW_SYN_RECV, 12),
			e = state_of(1, HS_TCP_SYN_RECV, HS_TCP_ESTABLISHED, 16);
	struct hs_journey syn = segment(1, 0x02, 11, 13), again = segment(3, 0x02, 1011, 1012),
			  ack = segment(2, 0x12, 12, 14), rst = segment(4, 0x14, 1020, 1021);
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
	tell_state(t, &c);
	tell_state(t, &s);
	tell_state(t, &e);
	tell(t, &syn);
	tell(t, &ack);
	tell(t, &again);
	tell(t, &rst);
	t->sink->signal(t->sink->ctx, &sig);
	t->sink->socket(t->sink->ctx, &k);
	says(t, HS_VERDICT_HELD, "expected: 10 of 10 held\n");
}

/* What a packet carries, where it was captured. */
static void test_data(void **state)
{
	struct hs_journey j = queued(1, 80, 10, 11), k = queued(2, 80, 20, 21);

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct trace *t = trace_new("queued data~\"GET /\"; queued data=\"x..y\"");

		j.payload = (const uint8_t *)(with ? "GET / HTTP" : NULL);
		j.payload_captured = 10;
		k.payload = (const uint8_t *)"x\0\ny";
		k.payload_captured = 4;
		tell(t, &j);
		tell(t, &k);
		ends_as(t, with ? HS_VERDICT_HELD : HS_VERDICT_FAILED);
	}
}

/* Calls that never return. */
static void test_blocked(void **state)
{
	struct hs_call in = call("sendto", HS_CALL_SENDTO, 10, 0, 0),
		       out = call("bind", HS_CALL_BIND, 1, 2, 0);
	struct trace *t = trace_new("call bind; blocked sendto fd=3; no blocked recvfrom; "
				    "no call sendto");

	(void)state;
	tell_call(t, &out);
	tell_call(t, &in);
	assert_false(expect_is_over(t->sink));
	ends_as(t, HS_VERDICT_HELD);
	t = trace_new("blocked bind");
	tell_call(t, &out);
	says(t, HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: blocked bind\n"
	     "  nearest: client[812] bind(3) = 0: it returned\n");
	/* in a call, a task is not in the one before any more */
	t = trace_new("no blocked sendto; blocked bind");
	out.left = 0;
	tell_call(t, &in);
	tell_call(t, &out);
	ends_as(t, HS_VERDICT_HELD);
	t = trace_new("blocked sendto");
	t->summary.lost = 1;
	tell_call(t, &in);
	ends_as(t, HS_VERDICT_INCONCLUSIVE);
}

/* ---- what came nearest ---- */

static void test_nearest(void **state)
{
	(void)state;
	says(closed_port("drop as $p; icmp type=3 code=1 cause=$p; call"), HS_VERDICT_FAILED,
	     "expect: step 2 of 3 did not hold: icmp type=3 code=1 cause=$p\n"
	     "  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET (as "
	     "$p)\n"
	     "  nearest: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed: code is 3, "
	     "not 1\n");
	says(closed_port("icmp as $p; drop cause=$p dport=80|81"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: drop cause=$p dport=80|81\n"
	     "  step 1 held: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed (as $p)\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it has no "
	     "cause; dport is 8080, not 80 or 81\n");
	says(closed_port("icmp as $p; call recvfrom error_from!=$p errno~TIMED"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: call recvfrom error_from!=$p errno~TIMED\n"
	     "  step 1 held: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed (as $p)\n"
	     "  nearest: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED: error_from is #2; errno is "
	     "ECONNREFUSED, not like TIMED\n");
	says(closed_port("drop as $p; drop dport=$p.dport+1"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: drop dport=$p.dport+1\n"
	     "  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET (as "
	     "$p)\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: dport is "
	     "8080, not $p.dport+1 (8081)\n");
	says(closed_port("drop; drop"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: drop\n"
	     "  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: step 1 has "
	     "it already\n");
	says(closed_port("call recvfrom; drop"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: drop\n"
	     "  step 1 held: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it was over "
	     "before that of step 1 began\n");
	says(closed_port("drop netns=ns_client function=none|x why~'no socket'"), HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: drop netns=ns_client function=none|x why~'no "
	     "socket'\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: netns is "
	     "'ns_server', not 'ns_client'; it has no why\n");
	says(closed_port("queued dport=8080"), HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: queued dport=8080\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: it is "
	     "dropped\n");
	says(closed_port("read dport=8080"), HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: read dport=8080\n"
	     "  nearest: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: nobody read "
	     "it\n");
	says(closed_port("signal SIGPIPE"), HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: signal SIGPIPE\n"
	     "  there is no signal at all\n");
	says(closed_port("drop; no icmp"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: no icmp\n"
	     "  step 1 held: #1 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n"
	     "  wanted: none, there is 1\n"
	     "  counted: #2 ICMP 10.0.2.2 → 10.0.2.1  port unreachable, consumed\n");
	says(closed_port("call x2-3; call x4+ fd=3"), HS_VERDICT_FAILED,
	     "expect: step 2 of 2 did not hold: call x4+ fd=3\n"
	     "  step 1 held: call x2-3, 2 of them\n"
	     "  wanted: 4 or more, there are 2\n"
	     "  counted: client[812] sendto(3, 0 B) = 4\n"
	     "  counted: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED\n");
	says(closed_port("call x1 ret=5"), HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: call x1 ret=5\n"
	     "  wanted: 1, there is none\n"
	     "  nearest: client[812] sendto(3, 0 B) = 4: ret is 4, not 5\n"
	     "  nearest: client[812] recvfrom(3, 0 B) = -1 ECONNREFUSED: ret is -1, not 5\n");
}

/* The nearest are remembered, however much happens besides. */
static void test_nearest_of_many(void **state)
{
	struct trace *t = trace_new("drop dport=8080 len=32 payload=4 src=10.0.2.3");

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++) {
		struct hs_journey j = dropped(i, i == 3000 ? 8080 : 9, i, i + 1);

		tell(t, &j);
	}
	says(t, HS_VERDICT_FAILED,
	     "expect: step 1 of 1 did not hold: drop dport=8080 len=32 payload=4 src=10.0.2.3\n"
	     "  nearest: #3000 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET: src is "
	     "10.0.2.2, not 10.0.2.3\n");
}

/* Many ways, and none leads on: it is found out soon. */
static void test_many_ways(void **state)
{
	static const char *const texts[] = {
		"drop; drop; drop; drop; call",
		"drop as $a; drop as $b; drop as $c; call connect sent=$a",
		"drop as $a; drop dport=$a.dport+1",
		"drop as $a; drop as $b; no drop; call fd=$b.fd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct trace *t = trace_new(texts[i]);

		for (uint32_t n = 1; n <= 2000; n++) {
			struct hs_journey j = dropped(n, 8080, n, n + 1);

			tell(t, &j);
		}
		if (verdict(t) != HS_VERDICT_FAILED)
			fail_msg("%s: %s", texts[i], t->report);
		trace_free(t);
	}
}

static void test_too_many_ways(void **state)
{
	struct trace *t = trace_new("drop as $a; drop as $b; drop as $c; "
				    "drop dport=$a.dport+1 dport=$b.dport dport=$c.dport");

	(void)state;
	for (uint32_t n = 1; n <= 800; n++) {
		struct hs_journey j = dropped(n, 8080, n, n + 1);

		tell(t, &j);
	}
	assert_int_equal(verdict(t), HS_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(t->report, "too many ways to match the steps: let them say more"));
	trace_free(t);
}

/* ---- inconclusive ---- */

static void test_losses(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict lossy, cut;
	} cases[] = {
		/* what was seen was seen */
		{ "drop NO_SOCKET as $a; drop sport!=$a", HS_VERDICT_HELD, HS_VERDICT_HELD },
		{ "drop x2+", HS_VERDICT_HELD, HS_VERDICT_HELD },
		/* what was not seen may have been */
		{ "no drop dport=9", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "no drop dport=8081", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop x2", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop x3+", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "drop dport=9", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8080 read=no", HS_VERDICT_INCONCLUSIVE, HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8080 reader!=server", HS_VERDICT_INCONCLUSIVE,
		  HS_VERDICT_INCONCLUSIVE },
		{ "queued dport=8082 read", HS_VERDICT_HELD, HS_VERDICT_HELD },
		{ "journey dport!=9", HS_VERDICT_HELD, HS_VERDICT_HELD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *lossy = three(cases[i].text), *skipped = three(cases[i].text),
			     *cut = three(cases[i].text);

		lossy->summary.lost = 3;
		skipped->summary.misses = 3;
		expect_note_cut(cut->sink);
		if (verdict(lossy) != cases[i].lossy || verdict(skipped) != cases[i].lossy ||
		    verdict(cut) != cases[i].cut)
			fail_msg("%s: %s", cases[i].text, lossy->report);
		trace_free(lossy);
		trace_free(skipped);
		trace_free(cut);
	}
}

static void test_what_is_said_of_losses(void **state)
{
	struct trace *t = three("drop; no drop dport=9");

	(void)state;
	t->summary.lost = 12;
	t->summary.misses = 1;
	says(t, HS_VERDICT_INCONCLUSIVE,
	     "expect: inconclusive, since 12 events were lost, 1 event was skipped; as far as is "
	     "known, all hold\n"
	     "  step 1 held: #2 UDP 10.0.2.2:4000 → 10.0.2.1:8081  4 B, dropped: NO_SOCKET\n"
	     "  step 2 held: no drop dport=9, 0 of them\n");
	t = three("drop dport=9");
	expect_note_cut(t->sink);
	says(t, HS_VERDICT_INCONCLUSIVE,
	     "expect: inconclusive, since the recording is cut short; as far as is known, step 1 of "
	     "1 did not hold: drop dport=9\n"
	     "  nearest: #2 UDP 10.0.2.2:4000 → 10.0.2.1:8081  4 B, dropped: NO_SOCKET: dport is "
	     "8081, not 9\n"
	     "  nearest: #4 UDP 10.0.2.2:5000 → 10.0.2.1:8083  4 B, dropped: NO_SOCKET: dport is "
	     "8083, not 9\n");
}

/* Packets that miss events: nothing may rest on what is concluded from them. */
static void test_incomplete(void **state)
{
	static const struct {
		const char *text;
		enum hs_verdict wanted;
	} cases[] = {
		{ "journey dport=8080 sport=4000 proto=udp", HS_VERDICT_HELD },
		{ "drop dport=8080", HS_VERDICT_INCONCLUSIVE },
		{ "journey dport=8080 fate=dropped", HS_VERDICT_INCONCLUSIVE },
		{ "journey dport=8080 reason~NO", HS_VERDICT_INCONCLUSIVE },
		{ "drop", HS_VERDICT_HELD }, /* the other one */
		{ "drop; drop", HS_VERDICT_INCONCLUSIVE },
		{ "drop dport=9", HS_VERDICT_FAILED },
		{ "drop x2+", HS_VERDICT_INCONCLUSIVE },
		{ "drop x1", HS_VERDICT_INCONCLUSIVE },
		{ "drop x1-2", HS_VERDICT_HELD },
		{ "drop x3+", HS_VERDICT_FAILED },
		{ "no drop", HS_VERDICT_FAILED },
		{ "no drop dport=8080", HS_VERDICT_INCONCLUSIVE },
		{ "no journey dport=8080", HS_VERDICT_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace *t = trace_new(cases[i].text);
		struct hs_journey a = dropped(1, 8080, 10, 11), b = dropped(2, 8081, 20, 21);

		a.incomplete = true;
		tell(t, &a);
		tell(t, &b);
		if (verdict(t) != cases[i].wanted)
			fail_msg("%s: %s", cases[i].text, t->report);
		trace_free(t);
	}
}

static void test_what_is_said_of_incomplete(void **state)
{
	struct trace *t = trace_new("drop; journey dport=1");
	struct hs_journey a = dropped(7, 8080, 10, 11);

	(void)state;
	a.incomplete = true;
	tell(t, &a);
	assert_int_equal(verdict(t), HS_VERDICT_FAILED);
	trace_free(t);
	t = trace_new("drop");
	tell(t, &a);
	says(t, HS_VERDICT_INCONCLUSIVE,
	     "expect: inconclusive, since events of #7 may be missing: it was under way before "
	     "tracing began; as far as is known, it holds\n"
	     "  step 1 held: #7 UDP 10.0.2.2:4000 → 10.0.2.1:8080  4 B, dropped: NO_SOCKET\n");
}

/* What was concluded from silence is nothing where records may be missing. */
static void test_inferred(void **state)
{
	struct hs_journey j = packet(1, 80, 10, 20);
	struct hs_state s = state_of(0, HS_TCP_FIN_WAIT2, HS_TCP_TIME_WAIT, 30);

	(void)state;
	j.fate.kind = HS_FATE_CONSUMED;
	j.fate.inferred = true;
	s.inferred = true;
	for (int cut = 0; cut < 2; cut++) {
		struct trace *t = trace_new("journey fate=consumed"),
			     *u = trace_new("state TIME_WAIT"), *v = trace_new("state TIME_WAIT");

		tell(t, &j);
		tell_state(u, &s);
		s.confirmed = true;
		tell_state(v, &s);
		s.confirmed = false;
		if (cut) {
			expect_note_cut(t->sink);
			expect_note_cut(u->sink);
			expect_note_cut(v->sink);
		}
		ends_as(t, cut ? HS_VERDICT_INCONCLUSIVE : HS_VERDICT_HELD);
		ends_as(u, cut ? HS_VERDICT_INCONCLUSIVE : HS_VERDICT_HELD);
		ends_as(v, HS_VERDICT_HELD);
	}
}

/* ---- several, early, late ---- */

static void test_several(void **state)
{
	struct trace *t = trace_new("call socket");
	struct hs_call c = call("socket", HS_CALL_SOCKET, 1, 2, 3);
	struct hs_journey j = dropped(1, 8080, 10, 11);
	char err[256];

	(void)state;
	expect_free(t->sink);
	assert_int_equal(expect_add(&t->list, "no drop; call", err, sizeof(err)), 0);
	assert_int_equal(expect_add(&t->list, "drop; call", err, sizeof(err)), 0);
	t->sink = expect_new(&t->notes.sink, &t->list, START);
	tell_call(t, &c);
	t->summary.lost = 0;
	tell(t, &j);
	says(t, HS_VERDICT_FAILED,
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
	struct hs_journey j = dropped(1, 8080, 10, 11);

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
	struct hs_journey j = packet(1, 8080, 10, 11), k = queued(2, 8081, 20, 21);

	(void)state;
	j.fate.kind = HS_FATE_UNKNOWN;
	tell(t, &j);
	j = queued(1, 8080, 10, 15);
	t->sink->fate(t->sink->ctx, &j);
	j.read_done = true;
	t->sink->read(t->sink->ctx, &j);
	tell(t, &k);
	k.unread_at_close = true;
	t->sink->unread(t->sink->ctx, &k);
	ends_as(t, HS_VERDICT_HELD);
}

/* A trace that breaks off without a summary says nothing. */
static void test_no_end(void **state)
{
	struct trace *t = trace_new("drop");
	struct text text;
	static const struct text_style style;
	char *report;

	(void)state;
	assert_int_equal(expect_verdict(t->sink), HS_VERDICT_INCONCLUSIVE);
	text_init(&text, &style);
	expect_tell(t->sink, &text);
	report = text_as_printed(&text);
	assert_string_equal(report,
			    "expect: inconclusive, since the trace did not come to its end\n");
	free(report);
	trace_free(t);
}

/* ---- the sink ---- */

static void test_passes_on(void **state)
{
	struct hs_sink nothing = { 0 };
	struct trace *t = closed_port("call");
	struct hs_hop hop = { .stage = HS_STAGE_DROP, .netns = "", .dev = "", .text = "" };
	struct hs_journey j = dropped(9, 1, 1, 2);
	struct hs_expectations list = { 0 };
	struct hs_sink *sink;
	char err[256];

	(void)state;
	j.hops = &hop;
	j.n_hops = 1;
	t->sink->hop(t->sink->ctx, &j, &hop);
	t->sink->no_icmp(t->sink->ctx, &j);
	t->sink->loss(t->sink->ctx, MS(3), 2, 1);
	t->sink->tick(t->sink->ctx, MS(4));
	assert_string_equal(notes_text(&t->notes), "#1 dropped in ns_server: NO_SOCKET\n"
						   "sendto(3) = 4, sent #1\n"
						   "recvfrom(3) = ECONNREFUSED, error from #2\n"
						   "#2 consumed in ns_server\n"
						   "#2 told recvfrom ECONNREFUSED\n"
						   "#2 settled\n"
						   "#1 dropped in ns_server: NO_SOCKET\n"
						   "#1 settled, caused #2\n"
						   "#9 born, UDP to port 1\n"
						   "#9 no ICMP ()\n"
						   "lost 2, skipped 1\n");
	t->summary.packets = 7;
	verdict(t);
	assert_int_equal(t->notes.summary.packets, 7);
	trace_free(t);

	/* a view that implements nothing */
	assert_int_equal(expect_add(&list, "call; drop; state; flow; socket; signal; blocked", err,
				    sizeof(err)),
			 0);
	sink = expect_new(&nothing, &list, 0);
	sink->hop(sink->ctx, &j, &hop);
	sink->settled(sink->ctx, &j);
	sink->tick(sink->ctx, 1);
	expect_free(sink);
	expectations_free(&list);
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *found = NULL;

	assert_true(json_object_object_get_ex(o, name, &found));
	return found;
}

static void test_json(void **state)
{
	struct trace *t = closed_port("drop as $p; call x1+; icmp why~'\xc3\xa9\"' cause=$p; call");
	struct json_object *o, *steps, *step, *near;

	(void)state;
	assert_int_equal(verdict(t), HS_VERDICT_FAILED);
	assert_int_equal(strcspn(t->json, "\n"), strlen(t->json) - 1);
	o = json_tokener_parse(t->json);
	assert_non_null(o);
	assert_string_equal(json_object_get_string(member(o, "type")), "expect");
	assert_false(json_object_get_boolean(member(o, "held")));
	assert_string_equal(json_object_get_string(member(o, "inconclusive")), "");
	steps = member(o, "steps");
	assert_int_equal(json_object_array_length(steps), 4);
	step = json_object_array_get_idx(steps, 0);
	assert_true(json_object_get_boolean(member(step, "held")));
	assert_string_equal(json_object_get_string(member(step, "as")), "p");
	near = json_object_array_get_idx(member(step, "matched"), 0);
	assert_int_equal(json_object_get_int(member(near, "journey")), 1);
	assert_int_equal(json_object_get_int64(member(near, "time")), MS(12));
	step = json_object_array_get_idx(steps, 1);
	assert_int_equal(json_object_get_int(member(step, "count")), 2);
	assert_int_equal(json_object_array_length(member(step, "matched")), 2);
	step = json_object_array_get_idx(steps, 2);
	assert_non_null(member(step, "held"));
	assert_false(json_object_get_boolean(member(step, "held")));
	assert_string_equal(json_object_get_string(member(step, "step")),
			    "icmp why~'\xc3\xa9\"' cause=$p");
	near = json_object_array_get_idx(member(step, "nearest"), 0);
	assert_string_equal(json_object_get_string(member(near, "unmet")), "it has no why");
	step = json_object_array_get_idx(steps, 3);
	assert_null(member(step, "held"));
	json_object_put(o);
	trace_free(t);

	t = three("drop; no drop dport=9");
	t->summary.lost = 3;
	verdict(t);
	o = json_tokener_parse(t->json);
	assert_null(member(o, "held"));
	assert_string_equal(json_object_get_string(member(o, "inconclusive")),
			    "3 events were lost");
	json_object_put(o);
	trace_free(t);
}

static void test_help(void **state)
{
	static const struct text_style style;
	struct text text;
	char *help;

	(void)state;
	text_init(&text, &style);
	expect_help(&text);
	help = text_as_printed(&text);
	assert_non_null(strstr(help, "  drop            a packet is dropped\n"));
	assert_non_null(strstr(help, "Fields of call, blocked:\n  name "));
	assert_non_null(strstr(help, "  lasted "));
	free(help);
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
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_of_many),
		cmocka_unit_test(test_many_ways),
		cmocka_unit_test(test_too_many_ways),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_what_is_said_of_losses),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_what_is_said_of_incomplete),
		cmocka_unit_test(test_inferred),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_over_early),
		cmocka_unit_test(test_revised),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_passes_on),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
