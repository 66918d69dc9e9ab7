// SPDX-License-Identifier: BSD-2-Clause
#include "helper_expect.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct hs_journey event_packet(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
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

struct hs_journey event_dropped(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
{
	struct hs_journey j = event_packet(id, dport, born, end);

	j.fate.kind = HS_FATE_DROPPED;
	j.fate.reason = "NO_SOCKET";
	return j;
}

struct hs_journey event_queued(uint32_t id, uint16_t dport, uint64_t born, uint64_t end)
{
	struct hs_journey j = event_packet(id, dport, born, end);

	j.fate.kind = HS_FATE_QUEUED;
	return j;
}

struct hs_journey event_icmp(uint32_t id, uint32_t cause, uint64_t born, uint64_t end)
{
	struct hs_journey j = event_packet(id, 0, born, end);

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

struct hs_journey event_segment(uint32_t id, uint8_t flags, uint64_t born, uint64_t end)
{
	struct hs_journey j = event_queued(id, 80, born, end);

	j.packet.proto = IPPROTO_TCP;
	j.packet.tcp_flags = flags;
	j.has_rel = true;
	j.flow = 1;
	return j;
}

struct hs_call event_call(const char *name, enum hs_call_id id, uint64_t entered, uint64_t left,
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

struct hs_state event_state(unsigned int end, enum hs_tcp_state before, enum hs_tcp_state after,
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

struct trace *trace_new(const char *text)
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

void trace_tell(struct trace *t, const struct hs_journey *j)
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

void trace_tell_call(struct trace *t, const struct hs_call *c)
{
	struct hs_call entered = *c;

	entered.left = 0;
	t->sink->call_enter(t->sink->ctx, &entered);
	if (c->left)
		t->sink->call(t->sink->ctx, c);
}

void trace_tell_state(struct trace *t, const struct hs_state *s)
{
	t->sink->state(t->sink->ctx, s);
}

char *text_as_printed(struct text *text)
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

enum hs_verdict trace_verdict_so_far(struct trace *t)
{
	static const struct text_style style;
	struct text text;

	text_init(&text, &style);
	expect_tell(t->sink, &text);
	t->report = text_as_printed(&text);
	text_init(&text, &style);
	expect_tell_json(t->sink, &text);
	t->json = text_as_printed(&text);
	return expect_verdict(t->sink);
}

enum hs_verdict trace_verdict(struct trace *t)
{
	t->sink->summary(t->sink->ctx, &t->summary);
	return trace_verdict_so_far(t);
}

void trace_free(struct trace *t)
{
	expect_free(t->sink);
	expectations_free(&t->list);
	notes_done(&t->notes);
	free(t->report);
	free(t->json);
	free(t);
}

void trace_ends_as(struct trace *t, enum hs_verdict wanted)
{
	enum hs_verdict got = trace_verdict(t);

	if (got != wanted)
		fail_msg("%d, not %d: %s", got, wanted, t->report);
	trace_free(t);
}

void trace_says(struct trace *t, enum hs_verdict wanted, const char *report)
{
	assert_int_equal(trace_verdict(t), wanted);
	assert_string_equal(t->report, report);
	trace_free(t);
}

struct trace *trace_closed_port(const char *text)
{
	struct trace *t = trace_new(text);
	struct hs_journey p = event_dropped(1, 8080, 10, 12), e = event_icmp(2, 1, 11, 13);
	struct hs_call sendto = event_call("sendto", HS_CALL_SENDTO, 9, 14, 4);
	struct hs_call recvfrom = event_call("recvfrom", HS_CALL_RECVFROM, 15, 16, -ECONNREFUSED);
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
	trace_tell_call(t, &sendto);
	trace_tell_call(t, &recvfrom);
	trace_tell(t, &e);
	trace_tell(t, &p);
	return t;
}

struct trace *trace_four(const char *text)
{
	struct trace *t = trace_new(text);
	struct hs_journey a = event_queued(1, 8080, 10, 11), b = event_dropped(2, 8081, 20, 21),
			  c = event_queued(3, 8082, 30, 31), d = event_dropped(4, 8083, 40, 41);

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
	trace_tell(t, &a);
	trace_tell(t, &b);
	trace_tell(t, &c);
	trace_tell(t, &d);
	return t;
}
