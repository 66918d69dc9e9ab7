// SPDX-License-Identifier: BSD-2-Clause
/* TCP sockets: their queues and limits, accept(), and what remains known where records are lost. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

enum { WORKER = 701 };

static const struct note_kinds sockets = { .sockets = true };

static void snapshot(struct conn *c, unsigned int end)
{
	stream_tcp(c->s, HS_TCP_SNAPSHOT, c->end[end].sk, 0);
}

/* ---- queues and limits ---- */

/* Each of them, and nothing else, is news. */
static void test_told_when_it_changes(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct hs_rec_tcp *tcp = conn_tcp(&c, CLIENT);

	(void)state;
	snapshot(&c, CLIENT);
	tcp->pending = 1;
	tcp->retransmits = 2;
	tcp->snd_nxt++;
	tcp->shutdown = 1;
	snapshot(&c, CLIENT);
	tcp->write_seq += 10;
	snapshot(&c, CLIENT);
	tcp->snd_una += 10;
	snapshot(&c, CLIENT);
	tcp->rcv_nxt += 7;
	snapshot(&c, CLIENT);
	tcp->copied_seq += 3;
	snapshot(&c, CLIENT);
	tcp->rcvbuf *= 2;
	snapshot(&c, CLIENT);
	tcp->sndbuf *= 2;
	snapshot(&c, CLIENT);
	tcp->rcv_wnd = 0;
	snapshot(&c, CLIENT);
	tcp->snd_wnd = 7;
	snapshot(&c, CLIENT);
	snapshot(&c, CLIENT);
	notes_expect(s, sockets,
		     "@2 ESTABLISHED, recv 0 of 131072, send 10 of 87040, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 7 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 4 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 4 of 262144, send 0 of 87040, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 4 of 262144, send 0 of 174080, windows 65536 and 65536\n"
		     "@2 ESTABLISHED, recv 4 of 262144, send 0 of 174080, windows 0 and 65536\n"
		     "@2 ESTABLISHED, recv 4 of 262144, send 0 of 174080, windows 0 and 7\n");
}

/* Bytes wait in its queue until they are read; the FIN behind them is none. */
static void test_receive_queue(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 5);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	stream_back(s);
	conn_read(&c, SERVER, 2);
	conn_read(&c, SERVER, 3);
	conn_read_end(&c, SERVER);
	notes_expect(s, sockets,
		     "@3 ESTABLISHED, recv 5 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@2 FIN_WAIT1, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@3 CLOSE_WAIT, recv 5 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@3 CLOSE_WAIT, recv 3 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@3 CLOSE_WAIT, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n");
}

/* What was written waits until it is acknowledged. */
static void test_send_queue(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack;

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_leave(&c, 5);
	stream_by(s, 1, CONN_PID_SERVER);
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_take(&c, &ack);
	snapshot(&c, CLIENT);
	notes_expect(
		s, sockets,
		"@3 ESTABLISHED, recv 5 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		"@2 ESTABLISHED, recv 0 of 131072, send 5 of 87040, windows 65536 and 65536\n"
		"@2 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n");
}

/* Numbers wrap, the difference does not. */
static void test_queues_over_the_wrap(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct hs_rec_tcp *tcp = conn_tcp(&c, CLIENT);

	(void)state;
	tcp->write_seq = tcp->rcv_nxt = 5;
	tcp->snd_una = tcp->copied_seq = UINT32_MAX - 4;
	snapshot(&c, CLIENT);
	notes_expect(
		s, sockets,
		"@2 ESTABLISHED, recv 10 of 131072, send 10 of 87040, windows 65536 and 65536\n");
}

static void test_accept_queue(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_init(&other, s, 1);
	conn_open(&other);
	conn_init(&c, s, 2);
	conn_open(&c);
	conn_accept(&other);
	conn_accept(&c);
	stream_enter(s, HS_CALL_LISTEN, 3, CONN_LISTENER, 0, NULL);
	stream_tcp_of(s, CONN_LISTENER)->backlog_max = 128;
	stream_leave(s, 0);
	notes_expect(s, (struct note_kinds){ .sockets = true, .calls = true, .streams = true },
		     "@4 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@5 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@1 LISTEN, accept queue 1 of 1\n"
		     "connect(3) = 0, sent #4, ~2 @4, holds 0 and 0\n"
		     "@6 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@7 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 65536\n"
		     "@1 LISTEN, accept queue 2 of 1\n"
		     "connect(3) = 0, sent #7, ~3 @6, holds 0 and 0\n"
		     "@1 LISTEN, accept queue 1 of 1\n"
		     "accept(3) = 4, ~2 @5, accept queue 2 -> 1 of 1\n"
		     "@1 LISTEN, accept queue 0 of 1\n"
		     "accept(3) = 4, ~3 @7, accept queue 1 -> 0 of 1\n"
		     "@1 LISTEN, accept queue 0 of 128\n"
		     "listen(3) = 0, @1, accept queue 0 -> 0 of 128\n");
}

/* Of a socket nothing of which is shown nothing is told. */
static void test_nobodys_socket(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_tcp(&c, CLIENT)->after = HS_TCP_ESTABLISHED;
	snapshot(&c, CLIENT);
	conn_tcp(&c, CLIENT)->write_seq++;
	snapshot(&c, CLIENT);
	notes_expect(s, sockets, "");
}

/* The same address for another socket: nothing of the old one is left. */
static void test_address_used_again(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment syn;

	(void)state;
	conn_init(&c, s, 1);
	c.end[SERVER].sk = 0xd000;
	stream_sock_is(s, 0xd000, CONN_NS_SERVER, IPPROTO_TCP, c.end[SERVER].at, c.end[CLIENT].at);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_synack(&c, &syn);
	stream_back(s);
	syn = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &syn);
	conn_child(&c);
	notes_expect(s, (struct note_kinds){ .states = true },
		     "~2.0 @4 CLOSE -> SYN_SENT, by client[812] connect, with #4\n"
		     "~2.1 LISTEN -> SYN_RECV, because of #4, with #5, inferred\n"
		     "~2.1 @5 SYN_RECV -> ESTABLISHED, because of #6\n");
}

/* ---- accept() ---- */

/* Nobody waits. */
static void test_accept_fails(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_enter(s, HS_CALL_ACCEPT, 3, CONN_LISTENER, 0, NULL);
	stream_leave(s, -EAGAIN);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "listen(3) = 0, @1, accept queue 0 -> 0 of 1\n"
		     "accept(3) = EAGAIN, @1, accept queue 0 -> 0 of 1\n");
}

/* Until then it is the listener's program's, then the caller's. */
static void test_accepted_by_another_process(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	stream_task(s, WORKER, "worker");
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_open(&c);
	stream_by(s, 1, WORKER);
	stream_enter(s, HS_CALL_ACCEPT4, 3, CONN_LISTENER, 0, NULL);
	s->open.len = c.end[SERVER].sk;
	stream_leave(s, 5);
	c.end[SERVER].pid = WORKER;
	conn_close(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	notes_expect(s, (struct note_kinds){ .states = true, .ends = true },
		     "@1 CLOSE -> LISTEN, by server[700] listen, at 0.0.0.0:8080\n"
		     "~1.0 @2 CLOSE -> SYN_SENT, by client[812] connect, with #1, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 "
		     "server[700] none]\n"
		     "~1.1 LISTEN -> SYN_RECV, because of #1, with #2, inferred, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] SYN_SENT | 10.0.1.1:8080 in "
		     "ns_server server[700] SYN_RECV]\n"
		     "~1.0 @2 SYN_SENT -> ESTABLISHED, because of #2, at 10.0.1.2:4000 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] ESTABLISHED | 10.0.1.1:8080 in "
		     "ns_server server[700] SYN_RECV]\n"
		     "~1.1 @3 SYN_RECV -> ESTABLISHED, because of #3, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] ESTABLISHED | 10.0.1.1:8080 in "
		     "ns_server @3 server[700] ESTABLISHED]\n"
		     "~1.1 @3 ESTABLISHED -> FIN_WAIT1, by worker[701] close, at 10.0.1.1:8080 "
		     "[10.0.1.2:4000 in ns_client @2 client[812] ESTABLISHED | 10.0.1.1:8080 in "
		     "ns_server @3 worker[701] FIN_WAIT1]\n");
}

/* It is followed from then on: what it sends is shown. */
static void test_accepted_is_followed(void **state)
{
	struct stream *s = conn_lab("followed", NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	c.unfollowed = true;
	conn_listen(&c, 1);
	conn_open(&c);
	c.unfollowed = false;
	conn_accept(&c);
	c.unfollowed = true;
	conn_write(&c, SERVER, 5);
	conn_write(&c, CLIENT, 5);
	notes_expect(s,
		     (struct note_kinds){
			     .flows = true, .calls = true, .streams = true, .births = true },
		     "~1 opened: 10.0.1.2:4000 in ns_client @3 client[812] -> 10.0.1.1:8080 in "
		     "ns_server @2 server[700]\n"
		     "accept(3) = 4, ~1 @2, accept queue 1 -> 0 of 1\n"
		     "#1 born, TCP to port 4000, by server[700] sendto(-1)\n"
		     "#2 born, TCP to port 8080, because of #1\n"
		     "#3 born, TCP to port 8080, by client[812] sendto(-1)\n"
		     "#4 born, TCP to port 4000, because of #3\n");
}

/* Nothing is known of the new socket: its records were lost. */
static void test_accepted_is_unknown(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_tcp_of(s, CONN_LISTENER)->backlog = 1;
	conn_accept(&c);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "listen(3) = 0, @1, accept queue 0 -> 0 of 1\n"
		     "accept(3) = 4, @1, accept queue 1 -> 0 of 1\n");
}

/* ---- lost records ---- */

/* Lost while a segment is on its way: it is incomplete, those before and after are not. */
static void test_incomplete(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg;

	(void)state;
	conn_write(&c, CLIENT, 5);
	stream_by(s, 0, CONN_PID_CLIENT);
	seg = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_lose(s, 3);
	conn_arrive(&c, &seg);
	conn_take(&c, &seg);
	stream_back(s);
	conn_write(&c, CLIENT, 5);
	notes_expect(s, (struct note_kinds){ .settles = true },
		     "#1 settled, caused #2\n"
		     "#2 settled, caused #3\n"
		     "#3 settled\n"
		     "#4 settled, caused #5\n"
		     "#5 settled\n"
		     "#6 settled, incomplete (3 lost)\n"
		     "#7 settled, caused #8\n"
		     "#8 settled\n");
}

/* Its bytes are known by their numbers, whatever was lost before. */
static void test_read_after_a_loss(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	stream_by(s, 1, CONN_PID_SERVER);
	stream_lose(s, 4); /* a call that read them */
	conn_tcp(&c, SERVER)->copied_seq += 5;
	conn_write(&c, CLIENT, 7);
	conn_read(&c, SERVER, 7);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		     "sendto(3) = 7, sent #6, ~1 @2, bytes 6..13, holds 0 and 0\n"
		     "recvfrom(4) = 7, read #6, ~1 @3, bytes 6..13, took #6, waited 0 ms, holds 0 "
		     "and 0\n");
}

/* The same stream without some of the kernel's records. */
static struct stream without(const struct stream *s, size_t first, size_t n)
{
	struct stream copy = { .bytes = malloc(s->len) };
	size_t record = 0;

	assert_non_null(copy.bytes);
	for (size_t at = 0; at < s->len;) {
		struct hs_hdr hdr;
		bool numbered;

		memcpy(&hdr, s->bytes + at, sizeof(hdr));
		numbered = hdr.type < HS_REC_START && hdr.type != HS_REC_DEV &&
			   hdr.type != HS_REC_TASK;
		if (!numbered || record < first || record >= first + n) {
			memcpy(copy.bytes + copy.len, s->bytes + at, hdr.size);
			copy.len += hdr.size;
		}
		record += numbered;
		at += hdr.size;
	}
	return copy;
}

static void expect_one_flow(const struct stream *s, size_t lost)
{
	const struct hs_summary *sum;
	struct notes notes;

	notes_init(&notes);
	notes.quiet = true;
	notes_run(&notes, s);
	sum = &notes.summary;
	assert_int_equal(sum->flows, 1);
	assert_int_equal(notes.n_settled, sum->shown);
	assert_int_equal(sum->shown, sum->queued + sum->dropped + sum->refused + sum->consumed +
					     sum->left + sum->underway + sum->unknown);
	assert_true(sum->lost <= lost);
	notes_done(&notes);
}

/* Whatever is lost of a connection: it is one, and all that is left of it settles. */
static void test_any_records_lost(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;
	size_t n = 0;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_whole(&c);
	stream_tick(s, 3 * STREAM_S);
	stream_end(s);
	for (size_t lost = 1; lost <= 12; lost++)
		for (size_t first = 0;; first++, n++) {
			struct stream some = without(s, first, lost);
			bool all = some.len == s->len;

			if (!all)
				expect_one_flow(&some, lost);
			free(some.bytes);
			if (all)
				break;
		}
	assert_true(n > 12 * 50);
	stream_free(s);
}

/* A SYN and a FIN take numbers, and are no bytes: they are not what waits to be acknowledged. */
static void test_send_queue_counts_bytes(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SHUTDOWN, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	conn_leave(&c, 0);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "shutdown(3) = 0, sent #4, ~1 @2, holds 0 and 0\n");
}

static void test_send_queue_has_no_syn(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_syn(&c);
	conn_leave(&c, -EINPROGRESS);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "connect(3) = EINPROGRESS, sent #1, ~1 @1, holds 0 and 0\n");
}

/* A damaged recording's time: what waits in a socket goes last again and again, for ever. */
static void test_time_that_wraps(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_tick(s, 3 * STREAM_S);
	s->time = UINT64_MAX - STREAM_S;
	stream_tick(s, 0);
	alarm(5);
	notes_expect(s, (struct note_kinds){ .signals = true }, "");
	alarm(0);
}

/* The sender sleeps in its call. Only what arrives can tell that the window closed, and opened again. */
static void test_window_between_calls(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack;

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	s->noted_from = s->len;
	for (int window = 0; window < 2000; window += 1000) {
		conn_tcp(&c, CLIENT)->snd_wnd = window;
		ack = conn_send(&c, SERVER, CONN_ACK, 0);
		conn_arrive(&c, &ack);
		conn_take(&c, &ack);
		ack = conn_send(&c, SERVER, CONN_ACK, 0);
		conn_arrive_here(&c, &ack);
		conn_take(&c, &ack);
		stream_back(s);
	}
	notes_expect(s, sockets,
		     "@2 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 0\n"
		     "@2 ESTABLISHED, recv 0 of 131072, send 0 of 87040, windows 65536 and 1000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_when_it_changes),
		cmocka_unit_test(test_receive_queue),
		cmocka_unit_test(test_send_queue),
		cmocka_unit_test(test_queues_over_the_wrap),
		cmocka_unit_test(test_accept_queue),
		cmocka_unit_test(test_nobodys_socket),
		cmocka_unit_test(test_address_used_again),
		cmocka_unit_test(test_accept_fails),
		cmocka_unit_test(test_accepted_by_another_process),
		cmocka_unit_test(test_accepted_is_followed),
		cmocka_unit_test(test_accepted_is_unknown),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_read_after_a_loss),
		cmocka_unit_test(test_any_records_lost),
		cmocka_unit_test(test_send_queue_counts_bytes),
		cmocka_unit_test(test_send_queue_has_no_syn),
		cmocka_unit_test(test_time_that_wraps),
		cmocka_unit_test(test_window_between_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
