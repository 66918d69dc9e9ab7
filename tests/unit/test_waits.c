// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who waited for what: the reader that was blocked, asleep, runnable or elsewhere when a datagram was
 * queued; the bytes of a TCP connection that were written and not sent.
 *
 * The lab of the datagrams: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3).
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

#define MS 1000000ull

/* ---- readers ---- */

enum { NS_CLIENT = 1, NS_SERVER = 2 };
enum { VETH_C = 2, VETH_S = 3 };
enum { SENDER = 812, READER = 900 };
enum { SK = 0xc000, READER_SK = 0xd000 };

#define CLIENT_EP "10.0.1.2:4000"
#define SERVER_EP "10.0.1.1:9000"

static const struct note_kinds readers = { .reads = true, .readers = true };

static struct stream *lab(void)
{
	struct stream *s = stream_new(NULL);

	stream_netns(s, NS_CLIENT, "ns_client");
	stream_netns(s, NS_SERVER, "ns_server");
	stream_dev(s, NS_CLIENT, VETH_C, "veth_c", "veth");
	stream_dev(s, NS_SERVER, VETH_S, "veth_s", "veth");
	stream_task(s, SENDER, "sender");
	stream_task(s, READER, "reader");
	stream_sock_is(s, SK, NS_CLIENT, IPPROTO_UDP, CLIENT_EP, SERVER_EP);
	stream_sock_is(s, READER_SK, NS_SERVER, IPPROTO_UDP, SERVER_EP, NULL);
	stream_sock(s, READER_SK, READER, "reader", true);
	return s;
}

/* A datagram is queued, the `qlen`th there. */
static void queued(struct stream *s, uint64_t skb, uint32_t qlen)
{
	const struct wire wire = wire_udp(CLIENT_EP, SERVER_EP, 4);

	stream_by(s, 0, SENDER);
	stream_birth(s, skb, NS_CLIENT, VETH_C, &wire, SK);
	stream_softirq(s, 0);
	stream_see(s, HS_STAGE_RECEIVE, skb, NS_SERVER, VETH_S);
	stream_queued(s, READER_SK, skb, qlen);
	stream_back(s);
}

/* The reader is woken, WAKEUP, or on a CPU again, RUNNING. */
static void reader(struct stream *s, enum hs_stage stage)
{
	struct hs_rec_stage rec = { .at = { .pid = READER, .tid = READER } };

	stream_add(s, &rec, sizeof(rec), HS_REC_STAGE, stage);
}

static void calls(struct stream *s)
{
	stream_by(s, 0, READER);
	stream_enter(s, HS_CALL_RECVFROM, 3, READER_SK, 100, NULL);
}

static void reads(struct stream *s, uint32_t left)
{
	stream_by(s, 0, READER);
	stream_read(s, READER_SK, 4, 0, left);
	stream_leave(s, 4);
}

static void test_blocked(void **state)
{
	struct stream *s = lab();

	(void)state;
	calls(s);
	stream_wait(s, 50 * MS);
	queued(s, 0xa000, 1);
	reader(s, HS_STAGE_WAKEUP);
	stream_wait(s, 7 * MS);
	reader(s, HS_STAGE_RUNNING);
	stream_wait(s, 2 * MS);
	reads(s, 0);
	notes_expect(s, readers,
		     "#1 read by reader[900] recvfrom, 4 B, waited 9 ms, blocked, runnable 7 ms\n");
}

static void test_elsewhere(void **state)
{
	struct stream *s = lab();

	(void)state;
	queued(s, 0xa000, 1);
	stream_wait(s, 30 * MS);
	calls(s);
	reads(s, 0);
	notes_expect(s, readers, "#1 read by reader[900] recvfrom, 4 B, waited 30 ms, elsewhere\n");
}

/* It waits in poll(). The second datagram comes before it runs. */
static void test_asleep(void **state)
{
	struct stream *s = lab();

	(void)state;
	queued(s, 0xa000, 1);
	reader(s, HS_STAGE_WAKEUP);
	stream_wait(s, 5 * MS);
	queued(s, 0xb000, 2);
	stream_wait(s, 3 * MS);
	reader(s, HS_STAGE_RUNNING);
	calls(s);
	reads(s, 1);
	calls(s);
	reads(s, 0);
	notes_expect(
		s, readers,
		"#1 read by reader[900] recvfrom, 4 B, waited 8 ms, asleep, runnable 8 ms\n"
		"#2 read by reader[900] recvfrom, 4 B, waited 3 ms, runnable, runnable 3 ms\n");
}

/* What woke it earlier, and was dealt with, says nothing of a later datagram. */
static void test_woken_long_ago(void **state)
{
	struct stream *s = lab();

	(void)state;
	queued(s, 0xa000, 1);
	reader(s, HS_STAGE_WAKEUP);
	reader(s, HS_STAGE_RUNNING);
	calls(s);
	reads(s, 0);
	queued(s, 0xb000, 1);
	stream_wait(s, 4 * MS);
	calls(s);
	reads(s, 0);
	notes_expect(s, readers,
		     "#1 read by reader[900] recvfrom, 4 B, waited 0 ms, asleep, runnable 0 ms\n"
		     "#2 read by reader[900] recvfrom, 4 B, waited 4 ms, elsewhere\n");
}

/* ---- what is written and not sent ---- */

static const struct note_kinds held = { .births = true, .held = true };

/* A client that has written 100 B, and sent nothing of it; its socket, to be filled in before it returns. */
static struct hs_rec_tcp *writes(struct conn *c)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, CLIENT);

	conn_enter(c, CLIENT, HS_CALL_SENDTO, 100);
	tcp->mss = 1448;
	tcp->snd_wnd = 65535;
	tcp->cwnd = 10;
	tcp->snd_sml = tcp->snd_una;
	tcp->write_seq += 100;
	return tcp;
}

/* It returns; 40 ms later the bytes are sent in a softirq. */
static void sent_later(struct conn *c)
{
	conn_leave(c, 100);
	stream_wait(c->s, 40 * MS);
	stream_softirq(c->s, 0);
	conn_send(c, CLIENT, CONN_PSH | CONN_ACK, 100);
	stream_back(c->s);
}

/* A short segment is on its way. */
static void unanswered(struct hs_rec_tcp *tcp)
{
	tcp->snd_nxt += 5;
	tcp->write_seq += 5;
	tcp->snd_sml = tcp->snd_nxt;
	tcp->in_flight = 1;
}

static void test_nagle(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	unanswered(writes(&c));
	sent_later(&c);
	notes_expect(s, held,
		     "#4 born, TCP to port 8080, by the kernel, held 40 ms by nagle: sendto\n");
}

/* TCP_NODELAY: it must be something else. */
static void test_no_nagle(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct hs_rec_tcp *tcp = writes(&c);

	(void)state;
	unanswered(tcp);
	tcp->nonagle = 1;
	sent_later(&c);
	notes_expect(s, held,
		     "#4 born, TCP to port 8080, by the kernel, held 40 ms by other: sendto\n");
}

static void test_cork(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c)->nonagle = 2;
	sent_later(&c);
	notes_expect(s, held,
		     "#4 born, TCP to port 8080, by the kernel, held 40 ms by cork: sendto\n");
}

static void test_window(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c)->snd_wnd = 99;
	sent_later(&c);
	notes_expect(s, held,
		     "#4 born, TCP to port 8080, by the kernel, held 40 ms by window: sendto\n");
}

/* It was another thing at first; then the peer's window closed. */
static void test_window_closes(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment full;

	(void)state;
	writes(&c)->in_flight = 10;
	conn_leave(&c, 100);
	c.end[SERVER].window = 0;
	full = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &full);
	stream_wait(s, 40 * MS);
	stream_softirq(s, 0);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 100);
	stream_back(s);
	notes_expect(s, held,
		     "#4 born, TCP to port 4000, by the kernel\n"
		     "#5 born, TCP to port 8080, by the kernel, held 40 ms by window: sendto\n");
}

static void test_congestion(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c)->in_flight = 10;
	sent_later(&c);
	notes_expect(
		s, held,
		"#4 born, TCP to port 8080, by the kernel, held 40 ms by congestion: sendto\n");
}

/* Sent within its call. */
static void test_not_held(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c);
	conn_tcp(&c, CLIENT)->write_seq -= 100;
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 100);
	conn_leave(&c, 100);
	notes_expect(s, held, "#4 born, TCP to port 8080, by client[812] sendto(3)\n");
}

/* The function of the call that wrote it is none of the later call's that sends it. */
static void test_uncorked(void **state)
{
	struct hs_rec_func rec = {
		.at = { .netns = CONN_NS_CLIENT, .pid = CONN_PID_CLIENT, .tid = CONN_PID_CLIENT },
		.kind = HS_FN_CALL,
		.call = HS_CALL_SENDTO,
	};
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c)->nonagle = 2;
	stream_add(s, &rec, sizeof(rec), HS_REC_FUNC, HS_STAGE_TCP_SEND);
	conn_leave(&c, 100);
	stream_wait(s, 40 * MS);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 100);
	notes_expect(
		s, (struct note_kinds){ .births = true, .hops = true, .held = true },
		"#4 born, TCP to port 8080, by the kernel, held 40 ms by cork: sendto\n"
		"#4   ns_client/veth_c device queue (40.0 ms after sendto(): corked, as more was "
		"announced (inferred))\n"
		"#4   ns_client/veth_c transmit\n"
		"#4   => ns_server/veth_s backlog\n");
}

static const struct note_kinds full = { .calls = true, .held = true };

/* An ACK arrives when so many bytes are in the send buffer of the client, which has room for `limit`. */
static void answered(struct conn *c, uint32_t window, uint32_t held_bytes, uint32_t limit)
{
	struct hs_rec_tcp *tcp = conn_tcp(c, CLIENT);

	tcp->snd_wnd = window;
	tcp->wmem = held_bytes;
	tcp->sndbuf = limit;
	stream_by(c->s, c->end[SERVER].cpu, CONN_PID_SERVER);
	conn_deliver(c, SERVER, CONN_ACK, 0);
	stream_by(c->s, c->end[CLIENT].cpu, c->end[CLIENT].pid);
}

static void test_buffer_full(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c);
	answered(&c, 65535, 90000, 80000);
	answered(&c, 0, 60000, 120000); /* there is room, and it is woken */
	conn_leave(&c, 100);
	notes_expect(s, full, "sendto(3) = 100, buffer full\n");
}

/* The buffer grows, but by too little for the program to be woken; then the window is closed. */
static void test_window_full(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c);
	answered(&c, 65535, 90000, 80000);
	answered(&c, 0, 90000, 120000);
	conn_leave(&c, 100);
	notes_expect(s, full, "sendto(3) = 100, buffer full, window full\n");
}

/* It never slept: that the window is closed holds back others. */
static void test_not_full(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c);
	answered(&c, 0, 90000, 120000);
	conn_leave(&c, 100);
	notes_expect(s, full, "sendto(3) = 100\n");
}

/* A recording from before these were told. */
static void test_old_recording(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	writes(&c)->mss = 0;
	sent_later(&c);
	notes_expect(s, held, "#4 born, TCP to port 8080, by the kernel\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocked),	      cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_asleep),	      cmocka_unit_test(test_woken_long_ago),
		cmocka_unit_test(test_nagle),	      cmocka_unit_test(test_no_nagle),
		cmocka_unit_test(test_cork),	      cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_closes), cmocka_unit_test(test_congestion),
		cmocka_unit_test(test_not_held),      cmocka_unit_test(test_uncorked),
		cmocka_unit_test(test_buffer_full),   cmocka_unit_test(test_window_full),
		cmocka_unit_test(test_not_full),      cmocka_unit_test(test_old_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
