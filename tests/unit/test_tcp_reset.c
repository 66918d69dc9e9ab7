// SPDX-License-Identifier: BSD-2-Clause
/* TCP connections that end badly or do not begin: resets, what they do to calls, refused SYNs. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_conn.h"
#include "helper_notes.h"

static const struct note_kinds segments = { .births = true, .segments = true };
static const struct note_kinds errors = { .told = true, .calls = true, .signals = true };
static const struct note_kinds fates = { .fates = true };

/* The client's SYN has arrived where nobody listens. */
static struct stream *to_nobody(struct conn *c, struct conn_segment *syn)
{
	struct stream *s = conn_lab(NULL);

	conn_init(c, s, 0);
	conn_tcp(c, SERVER)->snd_nxt = 0;
	*syn = conn_syn(c);
	conn_arrive(c, syn);
	conn_tcp(c, SERVER)->rcv_nxt = conn_tcp(c, SERVER)->copied_seq = CONN_CLIENT_ISN + 1;
	return s;
}

/* What happens at an end that was reset, by whoever runs now. */
static void was_reset(struct conn *c, unsigned int end, enum hs_tcp_state before, int err)
{
	stream_tcp(c->s, HS_TCP_RESET_RECEIVED, c->end[end].sk, 0);
	conn_tcp(c, end)->err = err;
	conn_state(c, end, before, HS_TCP_CLOSE);
	stream_error(c->s, c->end[end].sk, err);
}

/* The server closes at once (SO_LINGER), and the client's socket is told; the RST is #4. */
static void server_resets(struct conn *c)
{
	struct conn_segment rst;

	conn_enter(c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	rst = conn_send(c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive(c, &rst);
	stream_tcp(c->s, HS_TCP_RECEIVED, c->end[CLIENT].sk, rst.skb);
	was_reset(c, CLIENT, HS_TCP_ESTABLISHED, ECONNRESET);
	stream_back(c->s);
	stream_tcp_reset(c->s, c->end[SERVER].sk, 0, "TCP_DISCONNECT_WITH_DATA");
	conn_leave(c, 0);
}

/* ---- ICMP errors that TCP keeps to itself ---- */

/* A rule rejects that segment of the client's by an ICMP error, which comes back while it is sent. */
static void rejected(struct conn *c, const struct conn_segment *seg)
{
	const struct conn_end *client = &c->end[CLIENT], *server = &c->end[SERVER];
	struct wire w = wire_segment(client->at, server->at, seg->flags, 0, seg->seq, seg->ack, 0);
	struct wire e = wire_error(&w, "10.0.1.1", 3, 3);
	struct stream *s = c->s;
	uint32_t softirq = s->ctx;

	stream_icmp(s, seg->skb, server->netns, server->dev, 3, 3);
	stream_birth(s, 0xf000, server->netns, server->dev, &e, 0);
	stream_see(s, HS_STAGE_DEV_XMIT, 0xf000, server->netns, server->dev);
	stream_see(s, HS_STAGE_BACKLOG, 0xf000, client->netns, client->dev);
	stream_drop(s, seg->skb, "NETFILTER_DROP", "nft_reject_inet_eval");
	s->ctx = softirq;
	stream_see(s, HS_STAGE_RECEIVE, 0xf000, client->netns, client->dev);
	stream_consume(s, 0xf000, "icmp_rcv");
	stream_back(s);
}

static void test_rejected_in_connect(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = to_nobody(&c, &syn);

	(void)state;
	rejected(&c, &syn);
	notes_expect(
		s, (struct note_kinds){ .told = true },
		"#2 told nobody (the socket was in use by connect() just then, so TCP only notes it, and sends "
		"again)\n");
}

static void test_rejected_when_established(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack = conn_send(&c, CLIENT, CONN_ACK, 0);

	(void)state;
	stream_tcp(s, HS_TCP_SNAPSHOT, c.end[CLIENT].sk, 0);
	conn_arrive(&c, &ack);
	rejected(&c, &ack);
	notes_expect(
		s, (struct note_kinds){ .told = true },
		"#5 told nobody (a connection that is established goes on trying until its time is up; with "
		"IP_RECVERR its program is told)\n");
}

/* ---- why ---- */

/* Told before it is sent, with the segment that it answers. */
static void test_reason_of_an_answer(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = to_nobody(&c, &syn);

	(void)state;
	stream_tcp_reset(s, 0, syn.skb, "NO_SOCKET");
	c.sender = 0x7000; /* the kernel's own */
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	notes_expect(
		s, segments,
		"#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		"#2 born, TCP to port 4000, because of #1; ~1.1 RST ACK seq 0 ack 1, NO_SOCKET\n");
}

/* Told after it was sent, of a socket that gives up: it is known when the RST settles. */
static void test_reason_of_an_end(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	notes_expect(
		s, (struct note_kinds){ .births = true, .segments = true, .settles = true },
		"#4 born, TCP to port 4000, by server[700] close(4); ~1.1 RST ACK seq 1 ack 1\n"
		"#1 settled, caused #2, changed a state\n"
		"#2 settled, caused #3, changed a state\n"
		"#3 settled, changed a state\n"
		"#4 settled, taken by @2, changed a state, TCP_DISCONNECT_WITH_DATA\n");
}

/* The socket was held when the segment came: the call that let go is not what reset it. */
static void test_answer_in_a_call(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_by(s, 0, CONN_PID_CLIENT);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&c, &data);
	stream_back(s);
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	stream_tcp_reset(s, c.end[SERVER].sk, data.skb, "TCP_ABORT_ON_CLOSE");
	conn_send(&c, SERVER, CONN_RST, 0);
	conn_leave(&c, 0);
	notes_expect(
		s, segments,
		"#4 born, TCP to port 8080, by the kernel; ~1.0 PSH ACK seq 1 ack 1, 5 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 RST seq 1, TCP_ABORT_ON_CLOSE\n");
}

/* It was never sent: an RST of another softirq or task on that CPU has reasons of its own. */
static void test_reason_of_another(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = to_nobody(&c, &syn);

	(void)state;
	stream_tcp_reset(s, 0, syn.skb, "NO_SOCKET");
	stream_softirq(s, 0);
	conn_send(&c, SERVER, CONN_RST, 0);
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_tcp_reset(s, 0, syn.skb, "NO_SOCKET");
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	s->cpu = 0;
	conn_send(&c, SERVER, CONN_RST, 0);
	notes_expect(s, segments,
		     "#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		     "#2 born, TCP to port 4000, by the kernel; ~1.1 RST seq 0\n"
		     "#3 born, TCP to port 4000, by server[700] close(4); ~1.1 RST seq 0\n");
}

/* Once for one. */
static void test_reason_is_used_once(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = to_nobody(&c, &syn);

	(void)state;
	stream_tcp_reset(s, 0, syn.skb, "NO_SOCKET");
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	notes_expect(
		s, segments,
		"#1 born, TCP to port 8080, by client[812] connect(3); ~1.0 SYN seq 0\n"
		"#2 born, TCP to port 4000, because of #1; ~1.1 RST ACK seq 0 ack 1, NO_SOCKET\n"
		"#3 born, TCP to port 4000, because of #1; ~1.1 RST ACK seq 0 ack 1\n");
}

/* ---- closed before all was read ---- */

static void closed_unread(enum hs_call_id call, uint32_t unread, const char *expected)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	conn_write(&c, CLIENT, 10);
	conn_read(&c, SERVER, 10 - unread);
	conn_enter(&c, SERVER, call, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	stream_tcp_reset(s, c.end[SERVER].sk, 0, "TCP_ABORT_ON_CLOSE");
	notes_expect(s, segments, expected);
}

static void test_closed_with_bytes_unread(void **state)
{
	(void)state;
	closed_unread(
		HS_CALL_CLOSE, 4,
		"#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		"10 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 ACK seq 1 ack 11\n"
		"#6 born, TCP to port 4000, by server[700] close(4): closed with 4 B unread; "
		"~1.1 RST ACK seq 1 ack 11\n");
}

static void test_closed_with_all_read(void **state)
{
	(void)state;
	closed_unread(
		HS_CALL_CLOSE, 0,
		"#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		"10 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 ACK seq 1 ack 11\n"
		"#6 born, TCP to port 4000, by server[700] close(4); ~1.1 RST ACK seq 1 ack 11\n");
}

/* The process is killed. A FIN is no byte. */
static void test_killed_with_bytes_unread(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin;

	(void)state;
	conn_write(&c, CLIENT, 10);
	fin = conn_close(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_leave(&c, 0);
	stream_by(s, 1, CONN_PID_SERVER);
	s->call = HS_CALL_EXIT;
	conn_state(&c, SERVER, HS_TCP_CLOSE_WAIT, HS_TCP_CLOSE);
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	notes_expect(
		s, segments,
		"#4 born, TCP to port 8080, by client[812] sendto(3); ~1.0 PSH ACK seq 1 ack 1, "
		"10 B\n"
		"#5 born, TCP to port 4000, because of #4; ~1.1 ACK seq 1 ack 11\n"
		"#6 born, TCP to port 8080, by client[812] close(3); ~1.0 FIN ACK seq 11 ack 1\n"
		"#7 born, TCP to port 4000, by server[700] exit(-1): closed with 10 B unread; "
		"~1.1 RST ACK seq 1 ack 12\n");
}

/* ---- what calls return ---- */

/* Nobody listens. connect() processes the RST itself. */
static void test_refused(void **state)
{
	struct conn_segment syn, rst;
	struct conn c;
	struct stream *s = to_nobody(&c, &syn);

	(void)state;
	rst = conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	conn_arrive_here(&c, &rst);
	stream_back(s);
	was_reset(&c, CLIENT, HS_TCP_SYN_SENT, ECONNREFUSED);
	stream_error(s, c.end[CLIENT].sk, 0); /* tcp_disconnect() */
	conn_leave(&c, -ECONNREFUSED);
	notes_expect(s, errors,
		     "#2 told connect ECONNREFUSED\n"
		     "connect(3) = ECONNREFUSED, sent #1, error from #2 (the RST #2 ended the "
		     "connection, an answer to #1)\n");
}

/* Before 5.17 the kernel gives no reasons: the RST tells. With reasons it is one who had none to give. */
static void test_refused_without_reasons(void **state)
{
	static const struct {
		const char *kernel, *fate;
	} cases[] = {
		{ "5.10.0",
		  "#1 dropped in ns_server: NOT_SPECIFIED by tcp_v4_rcv (no TCP socket on "
		  "10.0.1.1:8080)\n" },
		{ "5.17.0", "#1 consumed in ns_server by tcp_v4_rcv\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conn_segment syn;
		struct conn c;
		struct stream *s = to_nobody(&c, &syn);

		stream_kernel(s, cases[i].kernel);
		conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
		stream_drop(s, syn.skb, "NOT_SPECIFIED", "tcp_v4_rcv");
		notes_expect(s, (struct note_kinds){ .fates = true }, cases[i].fate);
	}
}

/* Its socket was closed meanwhile: the bytes are in no queue. */
static void test_closed_without_reasons(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment data;

	(void)state;
	stream_kernel(s, "5.10.0");
	stream_by(s, 1, CONN_PID_SERVER);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 10);
	conn_arrive(&c, &data);
	c.sender = 0x7000; /* the kernel's own */
	conn_send(&c, SERVER, CONN_RST, 0);
	stream_drop(s, data.skb, "NOT_SPECIFIED", "tcp_v4_rcv");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#4 dropped in ns_server: NOT_SPECIFIED by tcp_v4_rcv (no TCP socket on "
		     "10.0.1.1:8080)\n");
}

static void test_reset(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	conn_enter(&c, CLIENT, HS_CALL_RECVFROM, 10);
	stream_read(s, c.end[CLIENT].sk, -ECONNRESET, 0, 0);
	conn_leave(&c, -ECONNRESET);
	notes_expect(s, errors,
		     "close(4) = 0, sent #4\n"
		     "#4 told recvfrom ECONNRESET\n"
		     "recvfrom(3) = ECONNRESET, error from #4 (the RST #4 ended the connection)\n");
}

/* send() fails, and the next one too: the RST is behind both, and was told to the first. */
static void test_broken_pipe(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	for (int i = 0; i < 2; i++) {
		int err = i ? EPIPE : ECONNRESET;

		conn_enter(&c, CLIENT, HS_CALL_SENDTO, 10);
		if (i)
			stream_signal(s, CONN_PID_CLIENT, SIGPIPE, true);
		stream_send_failed(s, c.end[CLIENT].sk, -err);
		conn_leave(&c, -err);
	}
	notes_expect(s, errors,
		     "close(4) = 0, sent #4\n"
		     "#4 told sendto ECONNRESET\n"
		     "sendto(3) = ECONNRESET, error from #4 (the RST #4 ended the connection)\n"
		     "client[812] gets signal 13 in sendto(3) at @2, because of #4\n"
		     "sendto(3) = EPIPE, error from #4 (the RST #4 ended the connection)\n");
}

/*
 * The server has closed in order, what the client sends then is reset: in CLOSE_WAIT the error is
 * EPIPE (tcp_reset()). The signal ends the process inside the call.
 */
static void test_broken_pipe_after_a_fin(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment fin, data, rst;

	(void)state;
	fin = conn_close(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_arrive(&c, &fin);
	conn_take_fin(&c, &fin);
	conn_leave(&c, 0);
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	data = conn_send(&c, CLIENT, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&c, &data);
	stream_tcp_reset(s, 0x7000, data.skb, "TCP_TIMEWAIT_SOCKET");
	c.sender = 0x7000;
	rst = conn_send(&c, SERVER, CONN_RST, 0);
	conn_arrive_here(&c, &rst);
	stream_back(s);
	was_reset(&c, CLIENT, HS_TCP_CLOSE_WAIT, EPIPE);
	conn_leave(&c, 5);
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	stream_signal(s, CONN_PID_CLIENT, SIGPIPE, false);
	stream_send_failed(s, c.end[CLIENT].sk, -EPIPE);
	conn_leave(&c, -EPIPE);
	notes_expect(s, errors,
		     "close(4) = 0, sent #4\n"
		     "sendto(3) = 5, sent #5\n"
		     "client[812] gets signal 13 in sendto(3) at @2, because of #6, fatal\n"
		     "#6 told sendto EPIPE\n"
		     "sendto(3) = EPIPE, error from #6 (the RST #6 ended the connection, an answer "
		     "to #5)\n");
}

/* It has shut down its own side: no packet is to blame. */
static void test_broken_pipe_of_ones_own(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_enter(&c, CLIENT, HS_CALL_SHUTDOWN, 0);
	conn_state(&c, CLIENT, HS_TCP_ESTABLISHED, HS_TCP_FIN_WAIT1);
	conn_leave(&c, 0);
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	stream_signal(s, CONN_PID_CLIENT, SIGPIPE, true);
	stream_send_failed(s, c.end[CLIENT].sk, -EPIPE);
	conn_leave(&c, -EPIPE);
	notes_expect(s, errors,
		     "shutdown(3) = 0\n"
		     "client[812] gets signal 13 in sendto(3) at @2\n"
		     "sendto(3) = EPIPE\n");
}

/* The socket's address was given to another connection: its EPIPE is not that RST's. */
static void test_reset_is_forgotten_with_its_socket(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	stream_by(s, 0, CONN_PID_CLIENT);
	stream_enter(s, HS_CALL_SOCKET, -1, 0, 0, NULL);
	s->open.sk = c.end[CLIENT].sk;
	stream_leave(s, 3);
	conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
	stream_signal(s, CONN_PID_CLIENT, SIGPIPE, true);
	stream_send_failed(s, c.end[CLIENT].sk, -EPIPE);
	conn_leave(&c, -EPIPE);
	notes_expect(s, errors,
		     "close(4) = 0, sent #4\n"
		     "socket(-1) = 3\n"
		     "client[812] gets signal 13 in sendto(3) at @4\n"
		     "sendto(3) = EPIPE\n");
}

/* connect() again, on the same socket: what broke the first connection is over. */
static void test_reset_is_forgotten_with_its_connection(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	conn_enter(&c, CLIENT, HS_CALL_CONNECT, 0);
	conn_state(&c, CLIENT, HS_TCP_CLOSE, HS_TCP_SYN_SENT);
	conn_leave(&c, -EINPROGRESS);
	for (int i = 0; i < 2; i++) {
		int err = i ? EPIPE : ECONNRESET;

		conn_enter(&c, CLIENT, HS_CALL_SENDTO, 5);
		stream_send_failed(s, c.end[CLIENT].sk, -err);
		conn_leave(&c, -err);
	}
	notes_expect(s, errors,
		     "close(4) = 0, sent #4\n"
		     "connect(3) = EINPROGRESS\n"
		     "sendto(3) = ECONNRESET\n"
		     "sendto(3) = EPIPE\n");
}

/* A call says which signal it raised. */
static void test_call_that_raised_a_signal(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	conn_enter(&c, CLIENT, HS_CALL_WRITE, 5);
	stream_signal(s, CONN_PID_CLIENT, SIGPIPE, true);
	conn_leave(&c, -EPIPE);
	conn_enter(&c, CLIENT, HS_CALL_WRITE, 5);
	conn_leave(&c, -EPIPE);
	notes_expect(s, (struct note_kinds){ .calls = true, .streams = true },
		     "close(4) = 0, sent #4, ~1 @3, holds 0 and 0\n"
		     "write(3) = EPIPE, error from #4, ~1 @2, holds 0 and 0, signal 13 (the RST #4 "
		     "ended the connection)\n"
		     "write(3) = EPIPE, error from #4, ~1 @2, holds 0 and 0 (the RST #4 ended the "
		     "connection)\n");
}

/* One that others sent has nothing to do with the call it interrupts. */
static void test_other_signals(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	server_resets(&c);
	conn_enter(&c, CLIENT, HS_CALL_RECVFROM, 10);
	stream_signal(s, CONN_PID_CLIENT, SIGTERM, true);
	stream_signal(s, CONN_PID_CLIENT, SIGKILL, false);
	stream_signal(s, CONN_PID_SERVER, SIGPIPE, false);
	notes_expect(s, (struct note_kinds){ .signals = true },
		     "client[812] gets signal 15\n"
		     "client[812] gets signal 9, fatal\n"
		     "server[700] gets signal 13, fatal\n");
}

/* An RST that has done its work is freed with a reason, which is no drop. */
static void test_reset_is_taken(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment rst, data;

	(void)state;
	stream_by(s, 1, CONN_PID_SERVER);
	rst = conn_send(&c, SERVER, CONN_RST, 0);
	conn_arrive(&c, &rst);
	stream_drop(s, rst.skb, "TCP_RESET", "tcp_validate_incoming");
	data = conn_send(&c, SERVER, CONN_PSH | CONN_ACK, 5);
	conn_arrive(&c, &data);
	stream_drop(s, data.skb, "TCP_RESET", "tcp_validate_incoming");
	notes_expect(s, fates,
		     "#4 consumed in ns_client by tcp_validate_incoming\n"
		     "#5 dropped in ns_client: TCP_RESET by tcp_validate_incoming\n");
}

/* ---- refused ---- */

/* A listener whose queue holds `backlog` of 1 + 1 connections; the client's SYN has arrived. */
static struct stream *at_listener(struct conn *c, uint32_t backlog, struct conn_segment *syn)
{
	struct stream *s = conn_lab(NULL);

	conn_init(c, s, 0);
	conn_listen(c, 1);
	stream_tcp_of(s, CONN_LISTENER)->backlog = backlog;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	*syn = conn_syn(c);
	conn_arrive(c, syn);
	return s;
}

static void test_full_queue(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = at_listener(&c, 2, &syn);

	(void)state;
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(s, fates,
		     "#1 refused in ns_server by tcp_rcv_state_process (the accept queue of "
		     "server[700] on 0.0.0.0:8080 is full: 2 of 2), inferred\n");
}

/* Nobody told of accept(), but the SYN before was answered: so it is not the accept queue that is full now. */
static void test_other_full_queue(void **state)
{
	struct conn_segment syn, other_syn;
	struct conn c, other;
	struct stream *s = at_listener(&c, 2, &syn);

	(void)state;
	conn_synack(&c, &syn);
	stream_softirq(s, 0);
	conn_init(&other, s, 1);
	stream_by(s, 0, CONN_PID_CLIENT + 1);
	other_syn = conn_syn(&other);
	conn_arrive(&other, &other_syn);
	stream_consume(s, other_syn.skb, "tcp_rcv_state_process");
	notes_expect(
		s, fates,
		"#1 consumed in ns_server by tcp_rcv_state_process\n"
		"#3 refused in ns_server by tcp_rcv_state_process (server[700] on 0.0.0.0:8080 "
		"does not answer: its SYN queue is full, with 1 half-open connection), inferred\n");
}

/* There is room for one more (sk_acceptq_is_full()), and yet it gives no answer. */
static void test_no_answer(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = at_listener(&c, 1, &syn);

	(void)state;
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(
		s, fates,
		"#1 refused in ns_server by tcp_rcv_state_process (server[700] on 0.0.0.0:8080 "
		"does not answer: its queue is full), inferred\n");
}

static void test_answered(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = at_listener(&c, 2, &syn);

	(void)state;
	conn_synack(&c, &syn);
	notes_expect(s, fates, "#1 consumed in ns_server by tcp_rcv_state_process\n");
}

/* The second time there is room. */
static void test_refused_and_taken(void **state)
{
	struct conn_segment syn;
	struct conn c;
	struct stream *s = at_listener(&c, 2, &syn);
	struct notes notes;

	(void)state;
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	stream_softirq(s, 1);
	stream_tcp_of(s, CONN_LISTENER)->backlog = 1;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	stream_softirq(s, 0);
	syn = conn_send_again(&c, &syn);
	conn_arrive(&c, &syn);
	conn_synack(&c, &syn);
	stream_end(s);
	notes_init(&notes);
	notes.quiet = true;
	notes.kinds.births = notes.kinds.fates = true;
	notes_run(&notes, s);
	assert_string_equal(
		notes_text(&notes),
		"#1 born, TCP to port 8080, by client[812] connect(3)\n"
		"#1 refused in ns_server by tcp_rcv_state_process (the accept queue of "
		"server[700] on 0.0.0.0:8080 is full: 2 of 2), inferred\n"
		"#2 born, TCP to port 8080, by the retransmission timer, again (1) of #1\n"
		"#3 born, TCP to port 4000, because of #2\n"
		"#2 consumed in ns_server by tcp_rcv_state_process\n");
	assert_int_equal(notes.summary.refused, 1);
	assert_int_equal(notes.summary.retransmissions, 1);
	notes_done(&notes);
	stream_free(s);
}

/* Nobody listens there: it is not a queue that refuses. */
static void not_there(const char *listener, uint32_t netns)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	conn_init(&c, s, 0);
	stream_sock_is(s, CONN_LISTENER, netns, IPPROTO_TCP, listener, NULL);
	stream_tcp_of(s, CONN_LISTENER)->after = HS_TCP_LISTEN;
	stream_tcp_of(s, CONN_LISTENER)->backlog = 2;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(s, fates, "#1 consumed in ns_server by tcp_rcv_state_process\n");
}

static void test_other_listeners(void **state)
{
	(void)state;
	not_there("10.0.1.1:9090", CONN_NS_SERVER);
	not_there("10.0.1.9:8080", CONN_NS_SERVER);
	not_there("0.0.0.0:8080", CONN_NS_CLIENT);
}

static void test_listener_is_closed(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_enter(s, HS_CALL_CLOSE, 3, CONN_LISTENER, 0, NULL);
	stream_tcp_state(s, CONN_LISTENER, HS_TCP_LISTEN, HS_TCP_CLOSE);
	stream_leave(s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(s, fates, "#1 consumed in ns_server by tcp_rcv_state_process\n");
}

/* The SYN was answered, the queue full when the last of the handshake came: tcp_check_req(). */
static void last_ack(uint32_t backlog, const char *expected)
{
	struct conn_segment syn, synack, ack;
	struct conn c;
	struct stream *s = at_listener(&c, 1, &syn);

	synack = conn_synack(&c, &syn);
	conn_arrive_here(&c, &synack);
	stream_back(s);
	ack = conn_established(&c, &synack);
	stream_tcp_of(s, CONN_LISTENER)->backlog = backlog;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	conn_arrive(&c, &ack);
	stream_drop(s, ack.skb, "NOT_SPECIFIED", "tcp_v4_rcv");
	notes_expect(s, fates, expected);
}

#define HANDSHAKE                                             \
	"#1 consumed in ns_server by tcp_rcv_state_process\n" \
	"#2 consumed in ns_client\n"

static void test_last_ack_is_refused(void **state)
{
	(void)state;
	last_ack(2, HANDSHAKE
		 "#3 refused in ns_server by tcp_v4_rcv (the accept queue of server[700] on "
		 "0.0.0.0:8080 is full: 2 of 2), inferred\n");
}

static void test_last_ack_is_not_refused(void **state)
{
	(void)state;
	last_ack(1, HANDSHAKE "#3 consumed in ns_server by tcp_v4_rcv\n");
}

/* Of a connection that exists no ACK is. */
static void test_later_acks_are_not_refused(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);
	struct conn_segment ack;

	(void)state;
	stream_tcp_of(s, CONN_LISTENER)->backlog = 2;
	stream_tcp(s, HS_TCP_SNAPSHOT, CONN_LISTENER, 0);
	stream_by(s, 0, CONN_PID_CLIENT);
	ack = conn_send(&c, CLIENT, CONN_ACK, 0);
	conn_arrive(&c, &ack);
	stream_drop(s, ack.skb, "NOT_SPECIFIED", "tcp_v4_rcv");
	notes_expect(s, fates, "#4 consumed in ns_server by tcp_v4_rcv\n");
}

/* SO_LINGER 0: tcp_disconnect() reports ECONNRESET to its own socket. No packet brought it. */
static void test_own_reset_is_nobodys_fault(void **state)
{
	struct conn c;
	struct stream *s = conn_lab_opened(&c);

	(void)state;
	conn_write(&c, CLIENT, 5);
	conn_read(&c, SERVER, 5);
	s->noted_from = s->len;
	conn_enter(&c, SERVER, HS_CALL_CLOSE, 0);
	conn_state(&c, SERVER, HS_TCP_ESTABLISHED, HS_TCP_CLOSE);
	conn_send(&c, SERVER, CONN_RST | CONN_ACK, 0);
	stream_tcp_reset(s, c.end[SERVER].sk, 0, "TCP_DISCONNECT_WITH_DATA");
	stream_error(s, c.end[SERVER].sk, ECONNRESET);
	conn_leave(&c, 0);
	/* with a hint to the reader: #5, the client's last ACK, gets a hop "will be told" */
	conn_enter(&c, SERVER, HS_CALL_SENDTO, 5);
	stream_send_failed(s, c.end[SERVER].sk, -ECONNRESET);
	conn_leave(&c, -ECONNRESET);
	notes_expect(s, (struct note_kinds){ .told = true, .calls = true },
		     "close(4) = 0, sent #6\n"
		     "sendto(4) = ECONNRESET\n");
}

/* No SYN-ACK was seen, but records were lost: nothing says that the SYN was refused. */
static void test_lost_synack_is_no_refusal(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_lose(s, 3); /* the SYN-ACK's */
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(s, (struct note_kinds){ .fates = true },
		     "#1 consumed in ns_server by tcp_rcv_state_process\n");
}

/* A forked child closes its copy of the listener, which goes on listening. */
static void test_listener_is_closed_by_a_child(void **state)
{
	struct stream *s = conn_lab(NULL);
	struct conn_segment syn;
	struct conn c;

	(void)state;
	conn_init(&c, s, 0);
	conn_listen(&c, 1);
	stream_tcp_of(s, CONN_LISTENER)->backlog = 2;
	stream_by(s, 1, 701);
	stream_enter(s, HS_CALL_CLOSE, 3, CONN_LISTENER, 0, NULL);
	stream_leave(s, 0);
	syn = conn_syn(&c);
	conn_arrive(&c, &syn);
	stream_consume(s, syn.skb, "tcp_rcv_state_process");
	notes_expect(
		s, (struct note_kinds){ .fates = true },
		"#1 refused in ns_server by tcp_rcv_state_process (the accept queue of server[700] "
		"on 0.0.0.0:8080 is full: 2 of 2), inferred\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rejected_in_connect),
		cmocka_unit_test(test_rejected_when_established),
		cmocka_unit_test(test_reason_of_an_answer),
		cmocka_unit_test(test_reason_of_an_end),
		cmocka_unit_test(test_answer_in_a_call),
		cmocka_unit_test(test_reason_of_another),
		cmocka_unit_test(test_reason_is_used_once),
		cmocka_unit_test(test_closed_with_bytes_unread),
		cmocka_unit_test(test_closed_with_all_read),
		cmocka_unit_test(test_killed_with_bytes_unread),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_without_reasons),
		cmocka_unit_test(test_closed_without_reasons),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_broken_pipe),
		cmocka_unit_test(test_broken_pipe_after_a_fin),
		cmocka_unit_test(test_broken_pipe_of_ones_own),
		cmocka_unit_test(test_reset_is_forgotten_with_its_socket),
		cmocka_unit_test(test_reset_is_forgotten_with_its_connection),
		cmocka_unit_test(test_call_that_raised_a_signal),
		cmocka_unit_test(test_other_signals),
		cmocka_unit_test(test_reset_is_taken),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_other_full_queue),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_refused_and_taken),
		cmocka_unit_test(test_other_listeners),
		cmocka_unit_test(test_listener_is_closed),
		cmocka_unit_test(test_last_ack_is_refused),
		cmocka_unit_test(test_last_ack_is_not_refused),
		cmocka_unit_test(test_later_acks_are_not_refused),
		cmocka_unit_test(test_own_reset_is_nobodys_fault),
		cmocka_unit_test(test_lost_synack_is_no_refusal),
		cmocka_unit_test(test_listener_is_closed_by_a_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
