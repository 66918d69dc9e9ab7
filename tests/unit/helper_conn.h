/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP connection as records, one call for each thing that an end of it does, with all that the
 * kernel's tracepoints say then. The numbers of both ends are kept in their sockets' snapshots
 * (stream_tcp_of()), which a test may change.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3); each has lo, too.
 */
#ifndef HELPER_CONN_H
#define HELPER_CONN_H

#include "../../loader/model.h"
#include "helper_stream.h"

enum { CONN_NS_CLIENT = 1, CONN_NS_SERVER = 2 };
enum { CONN_LO = 1, CONN_VETH_C = 2, CONN_VETH_S = 3, CONN_ETH = 4 };
enum { CONN_PID_CLIENT = 812, CONN_PID_SERVER = 700 };
enum { CONN_LISTENER = 0x5000 };
enum { CONN_FIN = 0x01, CONN_SYN = 0x02, CONN_RST = 0x04, CONN_PSH = 0x08, CONN_ACK = 0x10 };
/* Ends. */
enum { CLIENT, SERVER };

#define CONN_CLIENT_ISN 1000u
#define CONN_SERVER_ISN 9000u

struct conn_end {
	uint64_t sk;
	uint32_t netns, dev, pid;
	uint16_t cpu;
	int fd;
	uint16_t window; /* that it offers */
	char at[32];
};

struct conn {
	struct stream *s;
	struct conn_end end[2];
	uint64_t request;  /* the server's, until it is a socket */
	uint64_t next_skb; /* of the next segment, */
	uint64_t sender;   /* and who sends it: 0, that end's socket */
	bool unfollowed;   /* its programs are not followed: no records of calls */
};

struct conn_segment {
	uint64_t skb;
	unsigned int from;
	uint8_t flags;
	uint32_t payload, seq, ack;
};

/* A stream with the lab's names, and the selection as words up to NULL. */
struct stream *conn_lab(const char *word, ...);
/* The same, and connection 0 in it is opened and accepted: journeys #1 to #3, not noted. */
struct stream *conn_lab_opened(struct conn *c);
/* Connection `number` (0 to 9) from 10.0.1.2:400N to 10.0.1.1:8080; nothing happens yet. */
void conn_init(struct conn *c, struct stream *s, unsigned int number);

/* The numbers of both ends begin there, and not at CONN_CLIENT_ISN and CONN_SERVER_ISN. */
void conn_set_isn(struct conn *c, uint32_t client, uint32_t server);

/* What the kernel says of that end's socket; its numbers are those of the next segment. */
struct hs_rec_tcp *conn_tcp(struct conn *c, unsigned int end);
/* CHANGED */
void conn_state(struct conn *c, unsigned int end, enum hs_tcp_state before,
		enum hs_tcp_state after);

/* ---- segments ---- */

/* Handed to the device, and by it to its peer, by whoever runs now. */
struct conn_segment conn_send(struct conn *c, unsigned int from, uint8_t flags, uint32_t payload);
/* The same bytes again, in another packet. */
struct conn_segment conn_send_again(struct conn *c, const struct conn_segment *seg);
/* The softirq that receives it begins. */
void conn_arrive(struct conn *c, const struct conn_segment *seg);
/* It is received in the softirq that runs. */
void conn_arrive_here(struct conn *c, const struct conn_segment *seg);
/* An established socket takes it: RECEIVED, and SOCK_QUEUE where it carries bytes. */
void conn_take(struct conn *c, const struct conn_segment *seg);
/* Sent, received by a softirq of its own, which ends, and taken in it. */
struct conn_segment conn_deliver(struct conn *c, unsigned int from, uint8_t flags,
				 uint32_t payload);

/* ---- calls ---- */

/* The server's process listens. */
void conn_listen(struct conn *c, uint32_t backlog);
/* connect() until it has sent the SYN. */
struct conn_segment conn_syn(struct conn *c);
/* The listener answers a SYN that has just arrived. */
struct conn_segment conn_synack(struct conn *c, const struct conn_segment *syn);
/* The client's socket is established, and sends the last of the handshake. */
struct conn_segment conn_established(struct conn *c, const struct conn_segment *synack);
/* That arrived, and makes a socket of the request, which waits for accept(). */
void conn_child(struct conn *c);
/* The handshake, from connect() to its return. */
void conn_open(struct conn *c);
/* accept() by the server's process. */
void conn_accept(struct conn *c);
/* Enters a call of that end's process. */
void conn_enter(struct conn *c, unsigned int end, enum hs_call_id call, uint64_t len);
void conn_leave(struct conn *c, int64_t ret);
/* A call that sends `bytes`, which the other end takes and acknowledges at once. */
struct conn_segment conn_write(struct conn *c, unsigned int end, uint32_t bytes);
/* A call that reads `bytes`. */
void conn_read(struct conn *c, unsigned int end, uint32_t bytes);
/* A call that learns that the peer has closed. */
void conn_read_end(struct conn *c, unsigned int end);
/* close(), until it has sent its FIN. */
struct conn_segment conn_close(struct conn *c, unsigned int end, enum hs_tcp_state before,
			       enum hs_tcp_state after);
/* A FIN that arrived, taken by an established end. */
void conn_take_fin(struct conn *c, const struct conn_segment *fin);
/* The second FIN arrives, acknowledges the first, and is acknowledged; TIME_WAIT follows. */
struct conn_segment conn_last_fin(struct conn *c, const struct conn_segment *fin);
/* Opened, accepted; the client closes, then the server. */
void conn_whole(struct conn *c);

#endif
