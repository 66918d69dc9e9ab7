// SPDX-License-Identifier: BSD-2-Clause
/*
 * What moved the state of a TCP connection's end: a segment, a call, the end of a process, a timer.
 * A segment that comes while a program holds the socket is processed in the program's call.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

static const struct note_kinds states = { .states = true };

/* The reader held the socket when the FIN came: its call is not what closed the connection. */
static void test_fin_processed_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	stream_back(s);
	conn_leave(&c, 0);
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 100);
	conn_take_fin(&c, &fin);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n");
}

static void test_crossing_fin_processed_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_leave(&c, 0);
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, SERVER, CONN_FIN | CONN_ACK, 0);
	conn_arrive(&c, &fin);
	stream_back(s);
	conn_state(&c, SERVER, HS_TCP_FIN_WAIT1, HS_TCP_CLOSING);
	conn_leave(&c, 0);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> FIN_WAIT1, by server[700] close\n"
		     "~1.1 @3 FIN_WAIT1 -> CLOSING, because of #4\n");
}

/* The last acknowledgement came while close() held the socket. */
static void test_last_ack_processed_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin, ack;

	(void)state;
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_leave(&c, 0);
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, SERVER, CONN_FIN | CONN_ACK, 0);
	conn_arrive(&c, &fin);
	conn_state(&c, SERVER, HS_TCP_FIN_WAIT1, HS_TCP_CLOSING);
	stream_softirq(s, 2);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	stream_by(s, 1, CONN_PID_SERVER);
	conn_state(&c, SERVER, HS_TCP_CLOSING, HS_TCP_CLOSE);
	conn_leave(&c, 0);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.1 @3 ESTABLISHED -> FIN_WAIT1, by server[700] close\n"
		     "~1.1 @3 FIN_WAIT1 -> CLOSING, because of #4\n"
		     "~1.1 CLOSING -> TIME_WAIT, because of #6, inferred, minisocket\n");
}

static void test_reset_processed_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment rst;

	(void)state;
	stream_by(s, 1, CONN_PID_SERVER);
	rst = conn_send(&c, SERVER, CONN_RST, 0);
	conn_arrive(&c, &rst);
	stream_back(s);
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	conn_leave(&c, -ECONNRESET);
	notes_expect(s, states, "~1.0 @2 ESTABLISHED -> CLOSE, because of #4\n");
}

/* A segment for another connection is being received on that CPU: it moved that one only. */
static void test_softirq_of_another_packet(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin, syn;

	(void)state;
	conn_init(&other, s, 1);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_leave(&c, 0);
	syn = conn_syn(&other);
	conn_arrive(&other, &syn);
	s->cpu = 1;
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~2.0 @4 CLOSE -> SYN_SENT, by client[812] connect, with #5\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE_WAIT, because of #4\n");
}

/* Of a process that is not followed the call is known by its number only. */
static void test_call_of_a_stranger(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	stream_by(s, 1, CONN_PID_SERVER);
	s->call = HS_CALL_SHUTDOWN;
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	notes_expect(s, states, "~1.1 @3 ESTABLISHED -> FIN_WAIT1, by server[700] shutdown\n");
}

/* Killed inside a call: the kernel closes what it left open. */
static void test_exit(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_RECVFROM, 100);
	s->call = HS_CALL_EXIT;
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	notes_expect(s, (struct note_kinds){ .states = true, .births = true },
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] exit\n"
		     "#4 born, TCP to port 8080, by client[812] exit(-1)\n");
}

/* Nobody answers for too long. */
static void test_timers(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_init(&other, s, 1);
	conn_syn(&other);
	stream_softirq(s, 0);
	conn_state(&other, CLIENT, HS_TCP_SYN_SENT, HS_TCP_CLOSE);
	stream_softirq(s, 1);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	notes_expect(s, states,
		     "~2.0 @4 CLOSE -> SYN_SENT, by client[812] connect, with #4\n"
		     "~2.0 @4 SYN_SENT -> CLOSE, by the retransmission timer\n"
		     "~1.1 @3 ESTABLISHED -> CLOSE, by the retransmission timer\n");
}

/* The peer's FIN was processed when close() let go of the socket. */
static void test_fin_in_fin_wait2_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	stream_by(s, 1, CONN_PID_SERVER);
	conn_tcp(&c, SERVER)->rcv_nxt++;
	conn_enter(&c, CLIENT, HS_CALL_CLOSE, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_send(&c, CLIENT, CONN_FIN | CONN_ACK, 0);
	stream_softirq(s, 2);
	fin = conn_send(&c, SERVER, CONN_FIN | CONN_ACK, 0);
	conn_arrive(&c, &fin);
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT1, HS_TCP_FIN_WAIT2);
	conn_state(&c, CLIENT, HS_TCP_FIN_WAIT2, HS_TCP_CLOSE);
	conn_leave(&c, 0);
	notes_expect(s, states,
		     "~1.0 @2 ESTABLISHED -> FIN_WAIT1, by client[812] close\n"
		     "~1.0 @2 FIN_WAIT1 -> FIN_WAIT2, because of #5\n"
		     "~1.0 FIN_WAIT2 -> TIME_WAIT, because of #5, inferred, minisocket\n");
}

/* Nobody answers the keep-alive probes: tcp_keepalive_timer(). */
static void test_keepalive_gives_up(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	stream_softirq(s, 0);
	conn_tcp(&c, CLIENT)->probes = 9;
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	notes_expect(s, states, "~1.0 @2 ESTABLISHED -> CLOSE, by the keep-alive timer\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fin_processed_in_a_call),
		cmocka_unit_test(test_crossing_fin_processed_in_a_call),
		cmocka_unit_test(test_last_ack_processed_in_a_call),
		cmocka_unit_test(test_reset_processed_in_a_call),
		cmocka_unit_test(test_softirq_of_another_packet),
		cmocka_unit_test(test_call_of_a_stranger),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_fin_in_fin_wait2_in_a_call),
		cmocka_unit_test(test_keepalive_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
