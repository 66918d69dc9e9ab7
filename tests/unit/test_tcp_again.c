// SPDX-License-Identifier: BSD-2-Clause
/* TCP segments that come again, windows that close, and the timers behind both (RFC 6298). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

/* include/net/inet_connection_sock.h */
enum { PENDING_PROBE = 3, PENDING_LOSS_PROBE = 5 };

static const struct note_kinds segments = { .births = true, .segments = true };

/* ---- sent again ---- */

static void test_retransmissions_are_counted(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_leave(&c, 5);
	for (int i = 0; i < 3; i++) {
		stream_softirq(s, 0);
		conn_send_again(&c, &data);
	}
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by client[812] sendto(3)\n"
		     "#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (2) of #4\n"
		     "#7 born, TCP to port 8080, by the retransmission timer, again (3) of #4\n");
}

/* How long after the last time it was sent. */
static void test_resent_after(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	for (int i = 0; i < 2; i++) {
		stream_wait(s, (200 << i) * STREAM_MS);
		stream_softirq(s, 0);
		conn_send_again(&c, &data);
	}
	notes_expect(
		s, segments,
		"#4 born, TCP to port 8080, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 5 B\n"
		"#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4; ~1.0 "
		"PSH ACK seq 1 ack 1, 5 B, after 200 ms\n"
		"#6 born, TCP to port 8080, by the retransmission timer, again (2) of #4; ~1.0 "
		"PSH ACK seq 1 ack 1, 5 B, after 400 ms\n");
}

/* The times grow, until what was sent first is forgotten: its number is not. */
static void test_of_one_long_ago(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	for (int i = 0; i < 4; i++) {
		stream_tick(s, (1000 << i) * STREAM_MS);
		stream_tick(s, STREAM_S);
		stream_softirq(s, 0);
		conn_send_again(&c, &data);
	}
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (2) of #4\n"
		     "#7 born, TCP to port 8080, by the retransmission timer, again (3) of #4\n"
		     "#8 born, TCP to port 8080, by the retransmission timer, again (4) of #4\n");
}

static void test_syn_and_fin_again(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn, synack, fin;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	syn = conn_syn(&c);
	conn_leave(&c, -EINPROGRESS);
	stream_softirq(s, 0);
	syn = conn_send_again(&c, &syn);
	conn_arrive(&c, &syn);
	synack = conn_synack(&c, &syn);
	stream_softirq(s, 0);
	c.sender = c.request;
	synack = conn_send_again(&c, &synack);
	conn_arrive(&c, &synack);
	conn_established(&c, &synack);
	stream_back(s);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_leave(&c, 0);
	stream_softirq(s, 0);
	conn_send_again(&c, &fin);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n"
		     "#2 born, TCP to port 8080, by the retransmission timer, again (1) of #1\n"
		     "#3 born, TCP to port 4000, because of #2\n"
		     "#4 born, TCP to port 4000, by the retransmission timer, again (1) of #3\n"
		     "#5 born, TCP to port 8080, because of #4\n"
		     "#6 born, TCP to port 8080, by client[812] close(3)\n"
		     "#7 born, TCP to port 8080, by the retransmission timer, again (1) of #6\n");
}

/* Sent again with more: the rest is new, and is an original itself. */
static void test_partial_overlap(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_softirq(s, 0);
	data.payload = 12;
	data = conn_send_again(&c, &data);
	stream_softirq(s, 0);
	data.seq += 5;
	data.payload = 7;
	conn_send_again(&c, &data);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (1) of #5\n");
}

/* Which of its bytes came with which. */
static void test_partial_overlap_is_read(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_softirq(s, 0);
	data.payload = 12;
	data = conn_send_again(&c, &data);
	conn_arrive(&c, &data);
	conn_take(&c, &data);
	stream_back(s);
	conn_read(&c, SERVER, 5);
	conn_read(&c, SERVER, 7);
	notes_expect(
		s, (struct note_kinds){ .reads = true, .calls = true, .streams = true },
		"#4 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		"recvfrom(4) = 5, read #4, ~1 @3, bytes 1..6, took #4, waited 0 ms, holds 7 and 0\n"
		"#5 read by server[700] recvfrom, 12 B, waited 0 ms\n"
		"recvfrom(4) = 7, read #5, ~1 @3, bytes 6..13, took #5, waited 0 ms, holds 0 "
		"and 0\n");
}

/* Two that were lost come in one: it is counted as the first of them. */
static void test_two_in_one(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_softirq(s, 0);
	data.payload = 10;
	conn_send_again(&c, &data);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 8080, by the kernel\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n");
}

/* Lost on the way to the sender was the acknowledgement only: it is known, though it was read. */
static void test_again_after_it_was_read(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_read(&c, SERVER, 5);
	stream_softirq(s, 0);
	data = conn_send_again(&c, &data);
	conn_arrive(&c, &data);
	stream_drop(s, data.skb, "TCP_OLD_DATA", "tcp_data_queue");
	notes_expect(s, (struct note_kinds){ .births = true, .reads = true, .fates = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#4 queued at @3 in ns_server\n"
		     "#4 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		     "#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n"
		     "#5 dropped in ns_server: TCP_OLD_DATA by tcp_data_queue\n");
}

/* Acknowledged and read is done with: that it comes again is known, of which is not. */
static void test_again_after_it_was_acknowledged(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	data = conn_write(&c, CLIENT, 5);
	conn_read(&c, SERVER, 5);
	stream_softirq(s, 0);
	conn_send_again(&c, &data);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by client[812] sendto(3)\n"
		     "#5 born, TCP to port 4000, because of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (1) of #0\n");
}

/* Not read yet: it is still known. */
static void test_again_before_it_was_read(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	data = conn_write(&c, CLIENT, 5);
	stream_softirq(s, 0);
	conn_send_again(&c, &data);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by client[812] sendto(3)\n"
		     "#5 born, TCP to port 4000, because of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n");
}

/* A stranger's program reads, but not where it can be seen. */
static void test_stranger_reads_unseen(void **state)
{
	static const char me[] = "10.0.1.1:4000", it[] = "192.0.2.7:80";
	struct stream *s = conn_lab(NULL);
	struct wire data = wire_segment(me, it, CONN_PSH | CONN_ACK, 5, 1001, 9001, 64),
		    ack = wire_segment(it, me, CONN_ACK, 0, 9001, 1006, 64);

	(void)state;
	stream_birth(s, 0xa000, CONN_NS_SERVER, CONN_ETH, &data, 0);
	stream_softirq(s, 0);
	stream_birth(s, 0xa100, CONN_NS_SERVER, CONN_ETH, &data, 0);
	stream_softirq(s, 0);
	stream_arrival(s, 0xb000, CONN_NS_SERVER, CONN_ETH, &ack);
	stream_softirq(s, 0);
	stream_birth(s, 0xa200, CONN_NS_SERVER, CONN_ETH, &data, 0);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, TCP to port 80, by the kernel\n"
		     "#2 born, TCP to port 80, by the retransmission timer, again (1) of #1\n"
		     "#3 born, TCP to port 4000\n"
		     "#4 born, TCP to port 80, by the retransmission timer, again (1) of #0\n");
}

/* A retransmission that begins before the wrap. */
static void test_retransmission_over_the_wrap(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment data;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_set_isn(&c, UINT32_MAX - 2, 9000);
	conn_open(&c);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	stream_softirq(s, 0);
	conn_send_again(&c, &data);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#1 born, TCP to port 8080, by client[812] connect(3)\n"
		     "#2 born, TCP to port 4000, because of #1\n"
		     "#3 born, TCP to port 8080, because of #2\n"
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 8080, by the retransmission timer, again (1) of #4\n");
}

/* It reached its socket, which did not want it. */
static void test_ack_that_is_dropped_by_its_socket(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_take(&c, &ack);
	stream_drop(s, ack.skb, "TCP_TOO_OLD_ACK", "tcp_ack");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#4 consumed in ns_server\n"
		     "#4 dropped in ns_server: TCP_TOO_OLD_ACK by tcp_ack\n");
}

/* ---- windows ---- */

/* The server takes no more, the client asks whether it does, the server's program reads. */
static void test_zero_window(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack, probe;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	c.end[SERVER].window = 0;
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->snd_nxt--; /* tcp_xmit_probe_skb() */
	probe = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_tcp(&c, CLIENT)->snd_nxt++;
	conn_arrive(&c, &probe);
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	stream_back(s);
	c.end[SERVER].window = 64;
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 5);
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_leave(&c, 5);
	notes_expect(
		s, segments,
		"#4 born, TCP to port 8080, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 5 B\n"
		"#5 born, TCP to port 4000, by the kernel; ~1.1 ACK seq 1 ack 6, zero window\n"
		"#6 born, TCP to port 8080, by the zero-window probe; ~1.0 ACK seq 5 ack 1, "
		"window probe\n"
		"#7 born, TCP to port 4000, because of #6; ~1.1 ACK seq 1 ack 6, zero window\n"
		"#8 born, TCP to port 4000, by server[700] recvfrom(4); ~1.1 ACK seq 1 ack 6\n");
}

/* An RST has no window, a SYN one that counts later. */
static void test_zero_window_of_others(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	c.end[CLIENT].window = c.end[SERVER].window = 0;
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_tcp(&c, SERVER)->rcv_nxt = syn.seq + 1;
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	notes_expect(s, segments,
		     "#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, because of #1; ~1.1 RST ACK seq 0 ack 1\n");
}

/* ---- timers ---- */

/* Sent in a softirq without a packet: which of TCP's timers it was. */
static void test_timers(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_leave(&c, 5);
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->pending = PENDING_LOSS_PROBE;
	conn_send_again(&c, &data);
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->pending = 0;
	conn_send_again(&c, &data);
	stream_softirq(s, 0);
	conn_tcp(&c, SERVER)->rcv_nxt += 5;
	conn_send(&c, SERVER, CONN_ACK, 0);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by client[812] sendto(3)\n"
		     "#5 born, TCP to port 8080, by the tail loss probe, again (1) of #4\n"
		     "#6 born, TCP to port 8080, by the retransmission timer, again (2) of #4\n"
		     "#7 born, TCP to port 4000, by the delayed ACK timer\n");
}

static void test_probe_timer(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	c.end[SERVER].window = 0;
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->pending = PENDING_PROBE;
	conn_tcp(&c, CLIENT)->snd_nxt--;
	conn_send(&c, CLIENT, CONN_ACK, 0);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 4000, by the kernel\n"
		     "#6 born, TCP to port 8080, by the zero-window probe\n");
}

/* Acknowledgements told of the loss (RFC 5681, 3.2): by a packet, not by a timer. */
static void test_fast_retransmission(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment lost, ack;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	lost = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_by(s, 1, CONN_PID_SERVER);
	ack = conn_send(&c, SERVER, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	conn_send_again(&c, &lost);
	notes_expect(s, (struct note_kinds){ .births = true },
		     "#4 born, TCP to port 8080, by the kernel\n"
		     "#5 born, TCP to port 8080, by the kernel\n"
		     "#6 born, TCP to port 4000, by the kernel\n"
		     "#7 born, TCP to port 8080, because of #6, again (1) of #4\n");
}

/* The original was dropped on the way; what was queued and read is the retransmission. */
static void test_the_retransmission_is_read(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	stream_drop(s, data.skb, "NEIGH_FAILED", "ip_finish_output2");
	stream_softirq(s, 0);
	data = conn_send_again(&c, &data);
	conn_arrive(&c, &data);
	conn_take(&c, &data);
	conn_read(&c, SERVER, 5);
	notes_expect(s, (struct note_kinds){ .reads = true, .calls = true },
		     "#5 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		     "recvfrom(4) = 5, read #5\n");
}

/* One before the next byte, though the window is open: SO_KEEPALIVE. */
static void test_keepalive(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	for (int i = 0; i < 2; i++) {
		stream_softirq(s, 0);
		conn_tcp(&c, i)->snd_nxt--;
		conn_send(&c, i, CONN_ACK, 0);
		conn_tcp(&c, i)->snd_nxt++;
	}
	notes_expect(s, (struct note_kinds){ .births = true, .segments = true },
		     "#4 born, TCP to port 8080, by the keep-alive timer; ~1.0 ACK seq 0 ack 1\n"
		     "#5 born, TCP to port 4000, by the keep-alive timer; ~1.1 ACK seq 0 ack 1\n");
}

/* The write timer was deferred until the call let go: ETIMEDOUT comes from no packet either. */
static void test_timeout_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	stream_error(s, c.end[CLIENT].sk, ETIMEDOUT);
	stream_send_failed(s, c.end[CLIENT].sk, -ETIMEDOUT);
	conn_leave(&c, -ETIMEDOUT);
	notes_expect(s, (struct note_kinds){ .told = true, .calls = true },
		     "sendto(3) = ETIMEDOUT\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retransmissions_are_counted),
		cmocka_unit_test(test_resent_after),
		cmocka_unit_test(test_of_one_long_ago),
		cmocka_unit_test(test_syn_and_fin_again),
		cmocka_unit_test(test_partial_overlap),
		cmocka_unit_test(test_partial_overlap_is_read),
		cmocka_unit_test(test_two_in_one),
		cmocka_unit_test(test_again_after_it_was_read),
		cmocka_unit_test(test_again_after_it_was_acknowledged),
		cmocka_unit_test(test_again_before_it_was_read),
		cmocka_unit_test(test_stranger_reads_unseen),
		cmocka_unit_test(test_retransmission_over_the_wrap),
		cmocka_unit_test(test_ack_that_is_dropped_by_its_socket),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_zero_window_of_others),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_probe_timer),
		cmocka_unit_test(test_fast_retransmission),
		cmocka_unit_test(test_the_retransmission_is_read),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_timeout_in_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
