// SPDX-License-Identifier: BSD-2-Clause
/* trace diff: which journeys are the same one, where two part, and what is said of it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../loader/diff.h"
#include "helper_view.h"

enum { A, B };

static const struct hs_task client = { .pid = 8, .tid = 8, .comm = "client" };
static const struct hs_task server = { .pid = 9, .tid = 9, .comm = "server" };

/* ---- recordings made by hand ---- */

static void begin(struct diff *d)
{
	*d = (struct diff){ 0 };
	diff_side_init(&d->side[A]);
	diff_side_init(&d->side[B]);
}

static void add(struct diff *d, int in, struct trip *t)
{
	struct hs_sink *sink = &d->side[in].sink;

	sink->settled(sink->ctx, &t->j);
}

static void call(struct diff *d, int in, struct hs_call c)
{
	struct hs_sink *sink = &d->side[in].sink;

	sink->call(sink->ctx, &c);
}

static void compare(struct diff *d)
{
	static const struct hs_summary nothing_lost = { .packets = 1, .nothing = "" };

	for (int in = 0; in < 2; in++) {
		struct hs_sink *sink = &d->side[in].sink;

		sink->summary(sink->ctx, &nothing_lost);
		assert_int_equal(diff_side_error(&d->side[in]), 0);
	}
	assert_int_equal(diff_compare(d), 0);
}

static struct hs_packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct hs_packet){
		.ethertype = 0x0800,
		.version = 4,
		.proto = IPPROTO_UDP,
		.ttl = 64,
		.has_ports = true,
		.src = ep(src, sport),
		.dst = ep(dst, dport),
		.length = 52,
		.payload = 24,
	};
}

static void trip_by_call(struct trip *t)
{
	t->j.cause_kind = HS_CAUSE_CALL;
	t->j.by = client;
	t->j.by_call = "sendto";
}

/* From the client up to the server's device. */
static void trip_over(struct trip *t, uint32_t id, struct hs_packet packet, const char *from,
		      const char *dev)
{
	trip_init(t, id, packet, T0 + id * MS);
	trip_by_call(t);
	trip_hop(t, HS_STAGE_DEV_QUEUE, t->j.born, from, dev);
	trip_hop(t, HS_STAGE_DEV_XMIT, t->j.born + US, from, dev);
	trip_last(t, HS_STAGE_RECEIVE, t->j.born + 2 * US, "srv", "eth0");
}

/* It arrives, and is read. */
static struct trip request(uint32_t id, uint16_t sport)
{
	struct trip t;

	trip_over(&t, id, udp("10.0.0.2", sport, "10.0.0.1", 8080), "cli", "eth1");
	trip_queued(&t, t.j.born + 3 * US, 2, "srv", "eth0");
	t.j.fate.owner = server;
	t.j.read_done = true;
	t.j.read = (struct hs_read){ .task = server, .call = "recvfrom", .ret = 24 };
	t.j.hops = NULL; /* set where it is used */
	return t;
}

static struct trip refused(uint32_t id, uint16_t sport)
{
	struct trip t;

	trip_over(&t, id, udp("10.0.0.2", sport, "10.0.0.1", 8080), "cli", "eth1");
	trip_last(&t, HS_STAGE_ICMP_ERROR, t.j.born + 3 * US, "srv", "eth0")->text =
		"ICMP port unreachable";
	trip_last(&t, HS_STAGE_DROP, t.j.born + 4 * US, "srv", "eth0");
	trip_fate(&t, HS_FATE_DROPPED, t.j.born + 4 * US, "srv", "eth0");
	t.j.fate.reason = "NO_SOCKET";
	t.j.fate.function = "__udp4_lib_rcv";
	return t;
}

static void give(struct diff *d, int in, struct trip t)
{
	t.j.hops = t.hops;
	t.j.caused = t.caused;
	add(d, in, &t);
}

static const struct diff_pair *only_pair(const struct diff *d)
{
	assert_int_equal(d->n_pairs, 1);
	assert_non_null(d->pairs->side[A]);
	assert_non_null(d->pairs->side[B]);
	return d->pairs;
}

/* ---- pairs ---- */

static void test_same(void **state)
{
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	give(&d, A, request(2, 40002));
	give(&d, B, request(1, 50001));
	give(&d, B, request(2, 50002));
	compare(&d);
	assert_int_equal(d.n_pairs, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(d.pairs[i].verdict, DIFF_SAME);
		assert_int_equal(d.pairs[i].differs, 0);
		assert_int_equal(d.pairs[i].common, 4);
		assert_int_equal(d.pairs[i].side[A]->j.id, d.pairs[i].side[B]->j.id);
	}
	assert_int_equal(diff_verdict(&d), DIFF_SAME);
	diff_free(&d);
}

/* A port that the kernel picked stands for one of the other run: a conversation stays together. */
static void test_conversations(void **state)
{
	static const struct {
		uint32_t id;
		uint16_t port;
	} a[] = { { 1, 40001 }, { 2, 40002 }, { 3, 40001 }, { 4, 40002 } },
	  b[] = { { 1, 50001 }, { 2, 50002 }, { 3, 50002 }, { 4, 50001 } };
	static const uint32_t wanted[] = { 1, 2, 4, 3 };
	struct diff d;

	(void)state;
	begin(&d);
	for (int i = 0; i < 4; i++) {
		give(&d, A, request(a[i].id, a[i].port));
		give(&d, B, request(b[i].id, b[i].port));
	}
	compare(&d);
	assert_int_equal(d.n_pairs, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(d.pairs[i].side[B]->j.id, wanted[i]);
	assert_int_equal(diff_verdict(&d), DIFF_SAME);
	diff_free(&d);
}

static void test_only_in_one(void **state)
{
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	give(&d, B, request(1, 50001));
	give(&d, B, request(2, 50002));
	compare(&d);
	assert_int_equal(d.n_pairs, 2);
	assert_int_equal(d.pairs[0].verdict, DIFF_SAME);
	assert_int_equal(d.pairs[1].verdict, DIFF_ONLY_B);
	assert_null(d.pairs[1].side[A]);
	assert_int_equal(diff_verdict(&d), DIFF_PART);
	diff_free(&d);
}

/* From another place to another address: paired all the same, and that is what differs. */
static void test_moved(void **state)
{
	const struct diff_pair *pair;
	struct trip t;
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	trip_over(&t, 1, udp("10.0.9.2", 50001, "10.0.9.1", 8080), "cli9", "eth9");
	trip_queued(&t, T0 + MS + 3 * US, 2, "srv", "eth8");
	t.j.fate.owner = server;
	t.j.read_done = true;
	t.j.read = (struct hs_read){ .task = server, .call = "recvfrom", .ret = 24 };
	give(&d, B, t);
	compare(&d);
	pair = only_pair(&d);
	assert_int_equal(pair->verdict, DIFF_PART);
	assert_int_equal(pair->differs, 1 << DIFF_PLACE);
	assert_int_equal(pair->common, 4);
	diff_free(&d);
}

/* The same program asks another port. */
static void test_other_port(void **state)
{
	const struct diff_pair *pair;
	struct trip t;
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	t = refused(1, 50001);
	t.j.packet.dst.port = 8081;
	give(&d, B, t);
	compare(&d);
	pair = only_pair(&d);
	assert_int_equal(pair->differs,
			 1 << DIFF_PLACE | 1 << DIFF_PATH | 1 << DIFF_FATE | 1 << DIFF_READ);
	assert_int_equal(pair->common, 3);
	diff_free(&d);

	/* Another program's is another packet. */
	begin(&d);
	give(&d, A, request(1, 40001));
	t.j.by.comm = "other";
	give(&d, B, t);
	compare(&d);
	assert_int_equal(d.n_pairs, 2);
	diff_free(&d);
}

/* Whether the neighbour's address is known depends on what went before. */
static void test_noise(void **state)
{
	struct hs_packet arp = {
		.ethertype = 0x0806, .arp_op = 1, .src = ep("10.0.0.2", 0), .dst = ep("10.0.0.1", 0)
	};
	struct trip t;
	struct diff d;

	(void)state;
	begin(&d);
	trip_init(&t, 1, arp, T0);
	trip_hop(&t, HS_STAGE_DEV_QUEUE, T0, "cli", "eth1");
	trip_fate(&t, HS_FATE_CONSUMED, T0 + US, "srv", "eth0");
	t.j.noise = HS_NOISE_ARP;
	give(&d, A, t);
	give(&d, A, request(2, 40001));
	give(&d, B, request(1, 50001));
	compare(&d);
	assert_int_equal(d.n_pairs, 2);
	assert_int_equal(d.pairs[0].verdict, DIFF_ONLY_A);
	assert_true(d.pairs[0].minor);
	assert_int_equal(d.pairs[1].verdict, DIFF_SAME);
	assert_int_equal(diff_verdict(&d), DIFF_SAME);
	diff_free(&d);
}

static struct trip segment(uint32_t id, uint8_t flags, uint32_t payload)
{
	struct hs_packet p = udp("10.0.0.2", 40001, "10.0.0.1", 8080);
	struct trip t;

	p.proto = IPPROTO_TCP;
	p.tcp_flags = flags;
	p.payload = payload;
	p.length = 40 + payload;
	trip_over(&t, id, p, "cli", "eth1");
	trip_fate(&t, payload ? HS_FATE_QUEUED : HS_FATE_CONSUMED, t.j.born + 3 * US, "srv",
		  "eth0");
	return t;
}

/* How a stream is cut is no difference; that it is reset is. */
static void test_segments(void **state)
{
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, segment(1, TH_SYN, 0));
	give(&d, A, segment(2, TH_ACK, 100));
	give(&d, A, segment(3, TH_ACK, 0));
	give(&d, B, segment(1, TH_SYN, 0));
	give(&d, B, segment(2, TH_ACK, 60));
	give(&d, B, segment(3, TH_ACK, 40));
	give(&d, B, segment(4, TH_ACK, 0));
	compare(&d);
	assert_int_equal(diff_verdict(&d), DIFF_SAME);
	diff_free(&d);

	begin(&d);
	give(&d, A, segment(1, TH_SYN, 0));
	give(&d, B, segment(1, TH_SYN, 0));
	give(&d, B, segment(2, TH_RST, 0));
	compare(&d);
	assert_int_equal(diff_verdict(&d), DIFF_PART);
	diff_free(&d);
}

/* ---- where they part ---- */

static void test_parting(void **state)
{
	const struct diff_pair *pair;
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	give(&d, B, refused(1, 50001));
	compare(&d);
	pair = only_pair(&d);
	assert_int_equal(pair->verdict, DIFF_PART);
	assert_int_equal(pair->differs, 1 << DIFF_PATH | 1 << DIFF_FATE | 1 << DIFF_READ);
	assert_int_equal(pair->common, 3);
	assert_int_equal(pair->side[A]->hops[pair->last[A] - 1].stage, HS_STAGE_RECEIVE);
	assert_int_equal(pair->side[A]->hops[pair->part[A]].stage, HS_STAGE_SOCK_QUEUE);
	assert_int_equal(pair->side[B]->hops[pair->part[B]].stage, HS_STAGE_ICMP_ERROR);
	diff_free(&d);
}

/* By another device from the second hop on. */
static void test_other_way(void **state)
{
	const struct diff_pair *pair;
	struct trip t = request(1, 50001);
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	t.hops[1].dev = "eth7";
	give(&d, B, t);
	compare(&d);
	pair = only_pair(&d);
	assert_int_equal(pair->differs, 1 << DIFF_PATH);
	assert_int_equal(pair->common, 1);
	assert_string_equal(pair->side[B]->hops[pair->part[B]].dev, "eth7");
	diff_free(&d);
}

/* Stacks, and probes on functions, which the other recording was made without. */
static void test_unseen_is_no_parting(void **state)
{
	const struct diff_pair *pair;
	struct trip t;
	struct diff d;

	(void)state;
	begin(&d);
	trip_init(&t, 1, udp("10.0.0.2", 40001, "10.0.0.1", 8080), T0 + MS);
	trip_by_call(&t);
	trip_via(&t, HS_STAGE_UDP_SEND, T0 + MS, "cli", "eth1", "udp_sendmsg");
	trip_hop(&t, HS_STAGE_DEV_QUEUE, T0 + MS, "cli", "eth1");
	trip_hop(&t, HS_STAGE_DEV_XMIT, T0 + MS + US, "cli", "eth1");
	trip_last(&t, HS_STAGE_RECEIVE, T0 + MS + 2 * US, "srv", "eth0");
	trip_last(&t, HS_STAGE_UDP_IN, T0 + MS + 2 * US, "srv", "eth0")->by = HS_BY_KPROBE;
	trip_queued(&t, T0 + MS + 3 * US, 2, "srv", "eth0");
	trip_last(&t, HS_STAGE_WAKEUP, T0 + MS + 4 * US, "srv", "eth0");
	t.j.fate.owner = server;
	t.j.read_done = true;
	t.j.read = (struct hs_read){ .task = server, .call = "recvfrom", .ret = 24 };
	give(&d, A, t);
	give(&d, B, request(1, 50001));
	compare(&d);
	pair = only_pair(&d);
	assert_int_equal(pair->verdict, DIFF_SAME);
	assert_int_equal(pair->common, 4);
	assert_int_equal(pair->extra[A], 2);
	assert_int_equal(pair->extra[B], 0);
	assert_false(pair->side[A]->hops[0].common);
	assert_true(pair->side[A]->hops[1].common);
	diff_free(&d);
}

static void test_route(void **state)
{
	static const char *const texts[][2] = {
		{ "via 10.0.0.254, eth1 (table main)", "via 10.0.0.254, eth1 (table main)" },
		{ "via 10.0.0.254, eth1 (table main)", "no route (table main)" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct diff d;

		begin(&d);
		for (int in = 0; in < 2; in++) {
			struct trip t;

			trip_init(&t, 1, udp("10.0.0.2", 4000 + in, "10.1.0.1", 8080), T0);
			trip_by_call(&t);
			trip_hop(&t, HS_STAGE_ROUTE_OUT, T0, "cli", "eth1")->text = texts[i][in];
			trip_hop(&t, HS_STAGE_DEV_QUEUE, T0 + US, "cli", "eth1");
			trip_fate(&t, HS_FATE_LEFT, T0 + 2 * US, "cli", "eth1");
			give(&d, in, t);
		}
		compare(&d);
		assert_int_equal(only_pair(&d)->differs, i ? 1 << DIFF_ROUTE : 0);
		assert_int_equal(only_pair(&d)->common, i ? 0 : 2);
		diff_free(&d);
	}
}

/* Facts that differ though the way is the same. */
static void test_facts(void **state)
{
	struct diff d;

	(void)state;
	for (unsigned int what = DIFF_REASON; what < DIFF_MAX; what++) {
		struct trip a = what == DIFF_OWNER || what == DIFF_READ ? request(1, 40001)
									: refused(1, 40001);
		struct trip b = a;
		unsigned int wanted = 1u << what;

		switch ((enum diff_what)what) {
		case DIFF_REASON:
			b.j.fate.reason = "UDP_CSUM";
			break;
		case DIFF_FUNCTION:
			b.j.fate.function = "nf_hook_slow";
			break;
		case DIFF_WHERE:
			b.j.fate.netns = "elsewhere";
			break;
		case DIFF_OWNER:
			b.j.fate.owner.comm = "other";
			break;
		case DIFF_READ:
			b.j.read.ret = 4;
			break;
		case DIFF_UNREAD:
			b.j.unread_at_close = true;
			break;
		case DIFF_TOLD:
			a.j.told = HS_TOLD_CALL;
			a.j.told_call = "recvfrom";
			b.j.told = HS_TOLD_NOBODY;
			break;
		case DIFF_TTL:
			b.j.packet.ttl = 63;
			break;
		case DIFF_SIZE:
			b.j.packet.length = 1500;
			break;
		default:
			continue;
		}
		begin(&d);
		give(&d, A, a);
		give(&d, B, b);
		compare(&d);
		assert_int_equal(only_pair(&d)->differs, wanted);
		assert_int_equal(only_pair(&d)->verdict, DIFF_PART);
		diff_free(&d);
	}
}

/* An older kernel knows no reason; a part of a function is the function. */
static void test_kernels(void **state)
{
	struct trip b = refused(1, 40001);
	struct diff d;

	(void)state;
	b.j.fate.reason = "NOT_SPECIFIED";
	b.j.fate.function = "__udp4_lib_rcv.isra.0";
	begin(&d);
	give(&d, A, refused(1, 40001));
	give(&d, B, b);
	compare(&d);
	assert_int_equal(only_pair(&d)->verdict, DIFF_SAME);
	diff_free(&d);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(diff_same_name("net:bash[4711]", "net:bash[12]"));
	assert_false(diff_same_name("net:bash[4711]", "net:sh[4711]"));
	assert_false(diff_same_name("ns1", "ns12"));
	assert_true(diff_same_name("", ""));
	assert_false(diff_same_name("a[1]b", "a[1]"));
}

/* ---- losses ---- */

/* Silence of a journey that misses events proves nothing. */
static void test_inconclusive(void **state)
{
	struct trip t;
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	trip_over(&t, 1, udp("10.0.0.2", 50001, "10.0.0.1", 8080), "cli", "eth1");
	trip_fate(&t, HS_FATE_UNKNOWN, T0, "srv", "eth0");
	t.j.incomplete = true;
	t.j.lost = 3;
	give(&d, B, t);
	compare(&d);
	assert_int_equal(only_pair(&d)->verdict, DIFF_INCONCLUSIVE);
	assert_int_equal(diff_verdict(&d), DIFF_INCONCLUSIVE);
	diff_free(&d);

	/* What was seen was seen. */
	begin(&d);
	give(&d, A, request(1, 40001));
	t = refused(1, 50001);
	t.j.incomplete = true;
	give(&d, B, t);
	compare(&d);
	assert_int_equal(only_pair(&d)->verdict, DIFF_PART);
	diff_free(&d);

	/* And what is in one only may have happened in the other. */
	begin(&d);
	give(&d, A, request(1, 40001));
	d.side[B].silent = true;
	compare(&d);
	assert_int_equal(d.n_pairs, 1);
	assert_int_equal(d.pairs->verdict, DIFF_INCONCLUSIVE);
	diff_free(&d);
}

/* ---- calls ---- */

static struct hs_call received(int64_t ret, uint64_t at)
{
	return made_call(client, HS_CALL_RECVFROM, "recvfrom", 3, ret, at);
}

static void test_calls(void **state)
{
	struct hs_call bound = made_call(server, HS_CALL_BIND, "bind", 3, 0, T0);
	struct diff d;

	(void)state;
	begin(&d);
	bound.given = ep("10.0.0.1", 8080);
	call(&d, A, bound);
	call(&d, A, made_call(client, HS_CALL_SOCKET, "socket", -1, 3, T0));
	call(&d, A, received(24, T0 + MS));
	call(&d, A, made_call(client, HS_CALL_CLOSE, "close", 3, 0, T0 + 2 * MS));
	bound.given = ep("127.0.0.1", 8080);
	bound.task.pid = bound.task.tid = 77;
	call(&d, B, bound);
	call(&d, B, made_call(client, HS_CALL_SOCKET, "socket", -1, 5, T0));
	call(&d, B, received(-ECONNREFUSED, T0 + MS));
	compare(&d);
	assert_int_equal(d.n_same_calls, 1);
	assert_int_equal(d.n_calls, 3);
	assert_string_equal(d.calls[0].side[A]->c.name, "bind");
	assert_int_equal(d.calls[0].verdict, DIFF_PART);
	assert_int_equal(d.calls[1].side[A]->c.ret, 24);
	assert_int_equal(d.calls[1].side[B]->c.ret, -ECONNREFUSED);
	assert_string_equal(d.calls[2].side[A]->c.name, "close");
	assert_int_equal(d.calls[2].verdict, DIFF_ONLY_A);
	assert_int_equal(diff_verdict(&d), DIFF_PART);
	diff_free(&d);
}

/* Bytes of a stream come as they come. */
static void test_stream_calls(void **state)
{
	struct hs_call c = received(100, T0);
	struct diff d;

	(void)state;
	begin(&d);
	c.type = SOCK_STREAM;
	call(&d, A, c);
	c.ret = 0;
	call(&d, A, c);
	c.ret = 60;
	call(&d, B, c);
	c.ret = 40;
	call(&d, B, c);
	c.ret = 0;
	call(&d, B, c);
	compare(&d);
	assert_int_equal(d.n_calls, 0);
	diff_free(&d);
}

/* ---- alignment ---- */

struct words {
	const char *a, *b;
};

static bool letters_same(const void *ctx, size_t i, size_t j)
{
	const struct words *w = ctx;

	return w->a[i] == w->b[j];
}

/* The common letters. */
static const char *common(const char *a, const char *b)
{
	static char got[32];
	struct words w = { a, b };
	size_t match[32], n = 0, last = 0;

	assert_int_equal(diff_align(strlen(a), strlen(b), letters_same, &w, match), 0);
	for (size_t i = 0; a[i]; i++) {
		if (!match[i])
			continue;
		assert_true(match[i] > last);
		assert_int_equal(a[i], b[match[i] - 1]);
		last = match[i];
		got[n++] = a[i];
	}
	got[n] = '\0';
	return got;
}

static void test_align(void **state)
{
	(void)state;
	assert_string_equal(common("", ""), "");
	assert_string_equal(common("abc", ""), "");
	assert_string_equal(common("abc", "abc"), "abc");
	assert_string_equal(common("abc", "xyz"), "");
	assert_string_equal(common("abcd", "axcd"), "acd");
	assert_string_equal(common("aXbYc", "abc"), "abc");
	assert_string_equal(common("abc", "aXbYc"), "abc");
	assert_int_equal(strlen(common("abcbdab", "bdcabb")), 4);
	assert_string_equal(common("aaa", "aa"), "aa");
}

/* ---- what is said ---- */

static char *told(const struct diff *d, const struct hs_render_options *options,
		  int (*tell)(const struct diff *d, FILE *out,
			      const struct hs_render_options *options, const char *const names[2]))
{
	static const char *const names[] = { "right.rec", "wrong.rec" };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(tell(d, out, options, names), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Fits every width, in every style, and names what matters. */
static void test_told(void **state)
{
	static const int widths[] = { 40, 60, 80, 200 };
	struct diff d;

	(void)state;
	begin(&d);
	give(&d, A, request(1, 40001));
	give(&d, A, request(2, 40002));
	give(&d, B, refused(1, 50001));
	call(&d, A, received(24, T0 + MS));
	call(&d, B, received(-ECONNREFUSED, T0 + MS));
	compare(&d);
	for (unsigned int i = 0; i < 16; i++) {
		struct hs_render_options options = {
			.width = widths[i % 4],
			.ascii = i & 4,
			.plain = i & 8,
			.verbose = i & 1,
		};
		char *text = told(&d, &options, diff_tell);

		view_check_lines(text, &options, false);
		assert_non_null(strstr(text, "NO_SOCKET"));
		assert_non_null(strstr(text, "ECONNREFUSED"));
		assert_non_null(strstr(text, "#2"));
		free(text);
	}
	diff_free(&d);
}

/* Many that part alike are told once. */
static void test_told_once(void **state)
{
	struct hs_render_options options = { .width = 80 };
	char *text;
	struct diff d;
	const char *first;

	(void)state;
	begin(&d);
	for (uint32_t i = 1; i <= 9; i++) {
		give(&d, A, request(i, 40000 + i));
		give(&d, B, refused(i, 50000 + i));
	}
	compare(&d);
	text = told(&d, &options, diff_tell);
	first = strstr(text, "NO_SOCKET");
	assert_non_null(first);
	assert_null(strstr(first + 1, "NO_SOCKET"));
	assert_non_null(strstr(text, "8 more like it, the last: #9 in A"));
	assert_non_null(strstr(text, "9 journeys part"));
	free(text);
	text = told(&d, &options, diff_tell_json);
	view_check_lines(text, &options, true);
	assert_non_null(strstr(text, "{\"type\":\"diff\",\"verdict\":\"part\",\"minor\":false,"
				     "\"differs\":[\"path\",\"fate\",\"read\"],\"common\":3,"));
	assert_non_null(strstr(text, "{\"type\":\"diff_summary\",\"verdict\":\"part\","));
	free(text);
	diff_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	     cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_only_in_one),  cmocka_unit_test(test_moved),
		cmocka_unit_test(test_other_port),   cmocka_unit_test(test_noise),
		cmocka_unit_test(test_segments),     cmocka_unit_test(test_parting),
		cmocka_unit_test(test_other_way),    cmocka_unit_test(test_unseen_is_no_parting),
		cmocka_unit_test(test_route),	     cmocka_unit_test(test_facts),
		cmocka_unit_test(test_kernels),	     cmocka_unit_test(test_names),
		cmocka_unit_test(test_inconclusive), cmocka_unit_test(test_calls),
		cmocka_unit_test(test_stream_calls), cmocka_unit_test(test_align),
		cmocka_unit_test(test_told),	     cmocka_unit_test(test_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
