// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bytes of a TCP connection by their sequence numbers (RFC 9293, 3.4): which segment carried
 * them, which call wrote and which read them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

#define A "10.0.1.2:4000"
#define B "10.0.1.1:8080"

static const struct note_kinds segments = { .births = true, .segments = true };
static const struct note_kinds calls = { .calls = true, .streams = true };
static const struct note_kinds reads = { .reads = true, .calls = true, .streams = true };

/* ---- numbers ---- */

static void test_relative_numbers(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 5);
	conn_write(&c, SERVER, 100);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_send(&c, SERVER, CONN_ACK, 0);
	notes_expect(
		s, segments,
		"#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		"5 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 ACK seq 1 ack 6\n"
		"#6 born, TCP to port 4000, by server[700] sendto(4); ~1.1 PSH ACK seq 1 ack 6, "
		"100 B\n"
		"#7 born, TCP to port 8080, because of #6; ~1.0 ACK seq 6 ack 101\n"
		"#8 born, TCP to port 8080, by client[812] close(3); ~1.0 FIN ACK seq 6 ack 101\n"
		"#9 born, TCP to port 4000, because of #8; ~1.1 ACK seq 101 ack 7\n");
}

/* They go on at 0 after 2^32 - 1. */
static void test_numbers_wrap(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	conn_set_isn(&c, UINT32_MAX - 2, UINT32_MAX);
	conn_open(&c);
	conn_accept(&c);
	conn_write(&c, CLIENT, 10);
	conn_read(&c, SERVER, 10);
	conn_write(&c, SERVER, 20);
	conn_read(&c, CLIENT, 20);
	notes_expect(
		s,
		(struct note_kinds){
			.births = true, .segments = true, .calls = true, .streams = true },
		"listen(3) = 0, @1, accept queue 0 -> 0 of 1\n"
		"#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		"#2 born, TCP to port 4000, because of #1; ~1.1 SYN ACK seq 0 ack 1\n"
		"#3 born, TCP to port 8080, because of #2; ~1.0 ACK seq 1 ack 1\n"
		"connect(3) = 0, sent #1, ~1 @2, holds 0 and 0\n"
		"accept(3) = 4, ~1 @3, accept queue 1 -> 0 of 1\n"
		"#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		"10 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 ACK seq 1 ack 11\n"
		"sendto(3) = 10, sent #4, ~1 @2, bytes 1..11, holds 0 and 0\n"
		"recvfrom(4) = 10, read #4, ~1 @3, bytes 1..11, took #4, waited 0 ms, holds 0 "
		"and 0\n"
		"#6 born, TCP to port 4000, by server[700] sendto(4); ~1.1 PSH ACK seq 1 ack "
		"11, 20 B\n"
		"#7 born, TCP to port 8080, because of #6; ~1.0 ACK seq 11 ack 21\n"
		"sendto(4) = 20, sent #6, ~1 @3, bytes 1..21, holds 0 and 0\n"
		"recvfrom(3) = 20, read #6, ~1 @2, bytes 1..21, took #6, waited 0 ms, holds 0 "
		"and 0\n");
}

/* An RST for a connection that does not exist is not where counting begins (RFC 9293, 3.10.7.1). */
static void test_numbers_of_a_refusal(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_set_isn(&c, 1000, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	conn_tcp(&c, SERVER)->rcv_nxt = syn.seq + 1;
	c.sender = 0x7000;
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	notes_expect(s, segments,
		     "#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, because of #1; ~1.1 RST ACK seq 0 ack 1\n");
}

/* ---- calls ---- */

static void test_ranges(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	conn_write(&c, CLIENT, 7);
	conn_write(&c, SERVER, 100);
	conn_read(&c, SERVER, 12);
	conn_read(&c, CLIENT, 60);
	conn_read(&c, CLIENT, 40);
	notes_expect(
		s, calls,
		"sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		"sendto(3) = 7, sent #6, ~1 @2, bytes 6..13, holds 0 and 0\n"
		"sendto(4) = 100, sent #8, ~1 @3, bytes 1..101, holds 12 and 0\n"
		"recvfrom(4) = 12, read #4, ~1 @3, bytes 1..13, took #4 #6, waited 0 ms, holds "
		"0 and 0\n"
		"recvfrom(3) = 60, read #8, ~1 @2, bytes 1..61, took #8, waited 0 ms, holds 40 "
		"and 0\n"
		"recvfrom(3) = 40, read #8, ~1 @2, bytes 61..101, took #8, waited 0 ms, holds 0 "
		"and 0\n");
}

/* What does not move bytes has no range. */
static void test_calls_without_a_range(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_RECVFROM, 10);
	stream_read(s, c.end[CLIENT].sk, -EAGAIN, MSG_DONTWAIT, 0);
	conn_leave(&c, -EAGAIN);
	conn_enter(&c, CLIENT, HS_CALL_SHUTDOWN, 0);
	conn_leave(&c, 0);
	notes_expect(
		s, calls,
		"recvfrom(3) = EAGAIN, ~1 @2, holds 0 and 0 (nothing waits in the receive queue)\n"
		"shutdown(3) = 0, ~1 @2, holds 0 and 0\n");
}

/* Written, and held back: Nagle, a closed window, a full device. */
static void test_written_and_not_sent(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_WRITE, 50);
	conn_tcp(&c, CLIENT)->write_seq += 50;
	conn_leave(&c, 50);
	conn_enter(&c, CLIENT, HS_CALL_WRITE, 7);
	conn_tcp(&c, CLIENT)->write_seq += 7;
	conn_leave(&c, 7);
	notes_expect(s, calls,
		     "write(3) = 50, ~1 @2, bytes 1..51, holds 0 and 50\n"
		     "write(3) = 7, ~1 @2, bytes 51..58, holds 0 and 57\n");
}

/* The FIN takes a number of its own, and is no byte: what is read before it ends before it. */
static void test_fin_is_no_byte(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 5);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_leave(&c, 0);
	/* it reads 5 bytes, and passes the FIN in the same call: tcp_recvmsg_locked() */
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 100);
	conn_tcp(&c, SERVER)->copied_seq = conn_tcp(&c, SERVER)->rcv_nxt;
	stream_read(s, c.end[SERVER].sk, 5, 0, 0);
	conn_leave(&c, 5);
	conn_read_end(&c, SERVER);
	notes_expect(
		s, reads,
		"sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		"close(3) = 0, sent #6, ~1 @2, holds 0 and 0\n"
		"#4 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		"recvfrom(4) = 5, read #4, ~1 @3, bytes 1..6, took #4, waited 0 ms, holds 0 and 0\n"
		"recvfrom(4) = 0, ~1 @3, holds 0 and 0\n");
}

static void test_fin_after_a_single_byte(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 1);
	conn_write(&c, CLIENT, 4);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_leave(&c, 0);
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 100);
	conn_tcp(&c, SERVER)->copied_seq = conn_tcp(&c, SERVER)->rcv_nxt;
	stream_read(s, c.end[SERVER].sk, 5, 0, 0);
	conn_leave(&c, 5);
	notes_expect(
		s, reads,
		"sendto(3) = 1, sent #4, ~1 @2, bytes 1..2, holds 0 and 0\n"
		"sendto(3) = 4, sent #6, ~1 @2, bytes 2..6, holds 0 and 0\n"
		"close(3) = 0, sent #8, ~1 @2, holds 0 and 0\n"
		"#4 read by server[700] recvfrom, 1 B, waited 0 ms\n"
		"#6 read by server[700] recvfrom, 4 B, waited 0 ms\n"
		"recvfrom(4) = 5, read #4, ~1 @3, bytes 1..6, took #4 #6, waited 0 ms, holds 0 "
		"and 0\n");
}

static void test_fin_waits_behind_bytes(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 5);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_leave(&c, 0);
	conn_read(&c, SERVER, 2);
	conn_read(&c, SERVER, 3);
	notes_expect(
		s, reads,
		"sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		"close(3) = 0, sent #6, ~1 @2, holds 0 and 0\n"
		"recvfrom(4) = 2, read #4, ~1 @3, bytes 1..3, took #4, waited 0 ms, holds 3 and 0\n"
		"#4 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		"recvfrom(4) = 3, read #4, ~1 @3, bytes 3..6, took #4, waited 0 ms, holds 0 and "
		"0\n");
}

/* They stay where they are. */
static void test_peek(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	for (int i = 0; i < 2; i++) {
		conn_enter(&c, SERVER, HS_CALL_RECVFROM, 3);
		s->open.flags = MSG_PEEK;
		stream_read(s, c.end[SERVER].sk, 3, MSG_PEEK, 1);
		conn_leave(&c, 3);
	}
	conn_read(&c, SERVER, 5);
	notes_expect(
		s, reads,
		"sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		"recvfrom(4) = 3, ~1 @3, bytes 1..4, holds 5 and 0\n"
		"recvfrom(4) = 3, ~1 @3, bytes 1..4, holds 5 and 0\n"
		"#4 read by server[700] recvfrom, 5 B, waited 0 ms\n"
		"recvfrom(4) = 5, read #4, ~1 @3, bytes 1..6, took #4, waited 0 ms, holds 0 and "
		"0\n");
}

/* ---- which segments were read ---- */

/* The oldest of them tells how long the call's bytes waited, each segment for itself. */
static void test_read_takes_two_segments(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	stream_wait(s, 20 * STREAM_MS);
	conn_write(&c, CLIENT, 7);
	stream_wait(s, 30 * STREAM_MS);
	conn_read(&c, SERVER, 12);
	notes_expect(
		s, reads,
		"sendto(3) = 5, sent #4, ~1 @2, bytes 1..6, holds 0 and 0\n"
		"sendto(3) = 7, sent #6, ~1 @2, bytes 6..13, holds 0 and 0\n"
		"#4 read by server[700] recvfrom, 5 B, waited 50 ms\n"
		"#6 read by server[700] recvfrom, 7 B, waited 30 ms\n"
		"recvfrom(4) = 12, read #4, ~1 @3, bytes 1..13, took #4 #6, waited 50 ms, holds "
		"0 and 0\n");
}

/* A segment is read when the last of its bytes is. */
static void test_segment_read_in_parts(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 10);
	stream_wait(s, 20 * STREAM_MS);
	conn_read(&c, SERVER, 4);
	stream_wait(s, 20 * STREAM_MS);
	conn_read(&c, SERVER, 6);
	notes_expect(s, reads,
		     "sendto(3) = 10, sent #4, ~1 @2, bytes 1..11, holds 0 and 0\n"
		     "recvfrom(4) = 4, read #4, ~1 @3, bytes 1..5, took #4, waited 20 ms, holds 6 "
		     "and 0\n"
		     "#4 read by server[700] recvfrom, 10 B, waited 40 ms\n"
		     "recvfrom(4) = 6, read #4, ~1 @3, bytes 5..11, took #4, waited 40 ms, holds 0 "
		     "and 0\n");
}

/* One call reads the end of one and the beginning of the next. */
static void test_read_across_segments(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 10);
	conn_write(&c, CLIENT, 10);
	conn_read(&c, SERVER, 4);
	conn_read(&c, SERVER, 12);
	conn_read(&c, SERVER, 4);
	notes_expect(
		s, reads,
		"sendto(3) = 10, sent #4, ~1 @2, bytes 1..11, holds 0 and 0\n"
		"sendto(3) = 10, sent #6, ~1 @2, bytes 11..21, holds 0 and 0\n"
		"recvfrom(4) = 4, read #4, ~1 @3, bytes 1..5, took #4, waited 0 ms, holds 16 "
		"and 0\n"
		"#4 read by server[700] recvfrom, 10 B, waited 0 ms\n"
		"recvfrom(4) = 12, read #4, ~1 @3, bytes 5..17, took #4 #6, waited 0 ms, holds "
		"4 and 0\n"
		"#6 read by server[700] recvfrom, 10 B, waited 0 ms\n"
		"recvfrom(4) = 4, read #6, ~1 @3, bytes 17..21, took #6, waited 0 ms, holds 0 "
		"and 0\n");
}

/* By a program that is not followed: there is no call, but its read. */
static void test_read_by_a_stranger(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 10);
	c.unfollowed = true;
	conn_read(&c, SERVER, 10);
	notes_expect(s, (struct note_kinds){ .reads = true },
		     "#4 read by server[700] recvfrom, 10 B, waited 0 ms\n");
}

/* They settled when they were queued, long before somebody reads. */
static void test_read_after_it_settled(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 10);
	stream_tick(s, 20 * STREAM_S);
	conn_read(&c, SERVER, 10);
	notes_expect(s, (struct note_kinds){ .reads = true, .settles = true },
		     "#1 settled, caused #2\n"
		     "#2 settled, caused #3\n"
		     "#3 settled\n"
		     "#4 settled, caused #5\n"
		     "#5 settled\n"
		     "#4 read by server[700] recvfrom, 10 B, waited 20000 ms\n");
}

/* ---- cut on its way to the driver ---- */

/* A part of `whole`, which the device cuts. */
static struct conn_segment cut(struct conn *c, const struct conn_segment *whole, uint32_t offset,
			       uint32_t payload)
{
	struct conn_segment part = *whole;
	struct wire w;

	part.skb = c->next_skb;
	part.seq += offset;
	part.payload = payload;
	c->next_skb += 0x100;
	w = wire_segment(c->end[CLIENT].at, c->end[SERVER].at, part.flags, payload, part.seq,
			 part.ack, 64);
	stream_cut(c->s, part.skb, CONN_NS_CLIENT, CONN_VETH_C, &w, c->end[CLIENT].sk);
	stream_see(c->s, HS_STAGE_BACKLOG, part.skb, CONN_NS_SERVER, CONN_VETH_S);
	return part;
}

/* One packet of TCP is several on the wire: these carry its bytes, and none was sent again. */
static void expect_cut(const char *function, const char *by)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment whole, part[3];
	struct wire w;

	char lines[2048];

	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 2500);
	whole = (struct conn_segment){ .skb = 0xe000,
				       .flags = CONN_PSH | CONN_ACK,
				       .payload = 2500,
				       .seq = CONN_CLIENT_ISN + 1,
				       .ack = CONN_SERVER_ISN + 1 };
	w = wire_segment(c.end[CLIENT].at, c.end[SERVER].at, whole.flags, 2500, whole.seq,
			 whole.ack, 64);
	stream_birth(s, whole.skb, CONN_NS_CLIENT, CONN_VETH_C, &w, c.end[CLIENT].sk);
	stream_consume(s, whole.skb, function);
	for (int i = 0; i < 3; i++)
		part[i] = cut(&c, &whole, i * 1000, i < 2 ? 1000 : 500);
	for (int i = 0; i < 3; i++) {
		conn_arrive(&c, &part[i]);
		conn_take(&c, &part[i]);
	}
	conn_tcp(&c, CLIENT)->write_seq += 2500;
	conn_leave(&c, 2500);
	conn_read(&c, SERVER, 1500);
	conn_read(&c, SERVER, 1000);
	snprintf(lines, sizeof(lines),
		 "#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		 "2500 B\n"
		 "#4 consumed in ns_client%s\n"
		 "#5 born, TCP to port 8080, by client[812] sendto(3): cut from #4; ~1.0 PSH ACK "
		 "seq 1 ack 1, 1000 B\n"
		 "#6 born, TCP to port 8080, by client[812] sendto(3): cut from #4; ~1.0 PSH ACK "
		 "seq 1001 ack 1, 1000 B\n"
		 "#7 born, TCP to port 8080, by client[812] sendto(3): cut from #4; ~1.0 PSH ACK "
		 "seq 2001 ack 1, 500 B\n"
		 "#5 queued at @3 in ns_server\n"
		 "#6 queued at @3 in ns_server\n"
		 "#7 queued at @3 in ns_server\n"
		 "sendto(3) = 2500, sent #4 #5 #6 #7, ~1 @2, bytes 1..2501, holds 0 and 2500\n"
		 "#5 read by server[700] recvfrom, 1000 B, waited 0 ms\n"
		 "recvfrom(4) = 1500, read #5, ~1 @3, bytes 1..1501, took #5 #6, waited 0 ms, "
		 "holds 1000 and 0\n"
		 "#6 read by server[700] recvfrom, 1000 B, waited 0 ms\n"
		 "#7 read by server[700] recvfrom, 500 B, waited 0 ms\n"
		 "recvfrom(4) = 1000, read #6, ~1 @3, bytes 1501..2501, took #6 #7, waited 0 ms, "
		 "holds 0 and 0\n",
		 by);
	notes_expect(s,
		     (struct note_kinds){ .births = true,
					  .segments = true,
					  .reads = true,
					  .calls = true,
					  .streams = true,
					  .fates = true },
		     lines);
}

static void test_cut_into_segments(void **state)
{
	(void)state;
	expect_cut("validate_xmit_skb",
		   " by validate_xmit_skb (cut into segments, which go on by themselves)");
	/* before 6.3 nothing says where */
	expect_cut("", " (cut into segments, which go on by themselves), inferred");
}

/* Processed in a call, and put to a segment in the queue: which was it? One of its own flow. */
static void test_queued_in_a_call(void **state)
{
	struct conn c, other;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg[2];

	(void)state;
	conn_init(&other, s, 1);
	conn_open(&other);
	conn_accept(&other);
	stream_by(s, 0, CONN_PID_CLIENT);
	seg[0] = conn_send(&other, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&other, &seg[0]);
	stream_back(s);
	seg[1] = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 7);
	conn_arrive(&c, &seg[1]);
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 10);
	stream_queued(s, c.end[SERVER].sk, 0x999000, 1); /* tcp_try_coalesce(): the tail is older */
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#8 queued at @3 in ns_server\n"
		     "#7 queued at @5 in ns_server (joined to the segment before it in the queue), "
		     "inferred\n");
}

/* The FIN is the last part's only: one byte is still missing of the first. */
static void test_cut_segment_with_a_fin(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct wire whole = wire_segment(A, B, CONN_FIN | CONN_ACK, 2000, 1001, 9001, 64),
		    first = wire_segment(A, B, CONN_ACK, 1000, 1001, 9001, 64),
		    last = wire_segment(A, B, CONN_FIN | CONN_ACK, 1000, 2001, 9001, 64);

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_birth(s, 0xe000, CONN_NS_CLIENT, CONN_VETH_C, &whole, c.end[CLIENT].sk);
	stream_consume(s, 0xe000, "validate_xmit_skb");
	stream_cut(s, 0xe100, CONN_NS_CLIENT, CONN_VETH_C, &first, c.end[CLIENT].sk);
	stream_cut(s, 0xe200, CONN_NS_CLIENT, CONN_VETH_C, &last, c.end[CLIENT].sk);
	conn_read(&c, SERVER, 999);
	conn_read(&c, SERVER, 1);
	notes_expect(s, (struct note_kinds){ .reads = true, .calls = true },
		     "recvfrom(4) = 999, read #5\n"
		     "#5 read by server[700] recvfrom, 1000 B, waited 0 ms\n"
		     "recvfrom(4) = 1, read #5\n");
}

/* Put together in the backlog, tcp_add_backlog(): of three segments one event tells, in a call. */
static void test_joined_in_the_backlog(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment seg[3];
	struct hs_rec_tcp *server;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	for (size_t i = 0; i < 3; i++) {
		seg[i] = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
		conn_arrive(&c, &seg[i]);
		stream_back(s);
	}
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_RECVFROM, 100);
	stream_tcp(s, HS_TCP_RECEIVED, c.end[SERVER].sk, seg[0].skb);
	server = conn_tcp(&c, SERVER);
	server->rcv_nxt += 30;
	stream_queued(s, c.end[SERVER].sk, seg[0].skb, 1);
	server->copied_seq += 30;
	stream_read(s, c.end[SERVER].sk, 30, 0, 0);
	conn_leave(&c, 30);
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#4 queued at @3 in ns_server\n"
		"#5 queued at @3 in ns_server (joined to the segment before it in the queue)\n"
		"#6 queued at @3 in ns_server (joined to the segment before it in the queue)\n");
}

/* Its arrival was not seen, but its bytes are there. */
static void test_bytes_without_an_arrival(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	s->noted_from = s->len;
	stream_by(s, 0, CONN_PID_CLIENT);
	conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	conn_deliver(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	stream_tick(s, 10 * STREAM_S);
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#5 queued at @3 in ns_server\n"
		"#4 queued at @3 in ns_server (its socket has the bytes; no event tells how they came "
		"there)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative_numbers),
		cmocka_unit_test(test_numbers_wrap),
		cmocka_unit_test(test_numbers_of_a_refusal),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_calls_without_a_range),
		cmocka_unit_test(test_written_and_not_sent),
		cmocka_unit_test(test_fin_is_no_byte),
		cmocka_unit_test(test_fin_after_a_single_byte),
		cmocka_unit_test(test_fin_waits_behind_bytes),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_read_takes_two_segments),
		cmocka_unit_test(test_segment_read_in_parts),
		cmocka_unit_test(test_read_across_segments),
		cmocka_unit_test(test_read_by_a_stranger),
		cmocka_unit_test(test_read_after_it_settled),
		cmocka_unit_test(test_cut_into_segments),
		cmocka_unit_test(test_queued_in_a_call),
		cmocka_unit_test(test_cut_segment_with_a_fin),
		cmocka_unit_test(test_joined_in_the_backlog),
		cmocka_unit_test(test_bytes_without_an_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
