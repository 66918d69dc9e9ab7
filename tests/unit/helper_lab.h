/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the stories of the journey engine's tests happen, and what happens in them again and again.
 *
 * The lab: ns_client (1) with veth_c (2), joined to ns_server (2) with veth_s (3); more devices and a router for
 * those who need them. A program in ns_client sends UDP, one in ns_server reads.
 */
#ifndef HELPER_LAB_H
#define HELPER_LAB_H

#include "helper_stream.h"

enum { NS_CLIENT = 1, NS_SERVER = 2, NS_ROUTER = 3 };
enum { LO = 1, VETH_C = 2, VETH_S = 3, VETH_RC = 4, VETH_RS = 5, VLAN = 6, ETH = 7, VXLAN = 8 };
enum { CLIENT = 812, SERVER = 700, SECOND = 701 };
enum { SK_CLIENT = 0xc000, SK_SERVER = 0x5000, SK_RAW = 0x7000, SK_TCP = 0x7100 };
/* skb addresses */
enum { A = 0xa000, B = 0xb000, C = 0xc100, D = 0xd000 };

#define CLIENT_ADDR "10.0.1.2"
#define SERVER_ADDR "10.0.1.1"
#define CLIENT_EP   CLIENT_ADDR ":4000"
#define SERVER_EP   SERVER_ADDR ":8080"

/* A stream with the lab's names; nothing is selected, so all is told. The client runs, on CPU 0. */
struct stream *lab_new(void);
/* The same names in this stream, which it returns. */
struct stream *lab_of(struct stream *s);

struct wire lab_datagram(uint32_t payload);

/* Handed to veth_c, and by it to its peer, by whoever runs now. */
void lab_sent(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk);
/* The softirq that receives it begins. */
void lab_received(struct stream *s, uint64_t skb);
/* Both, by the client. */
void lab_crossed(struct stream *s, uint64_t skb, const struct wire *wire, uint64_t sk);
/* As far as the queue of the server's socket, in which `qlen` packets are then. */
void lab_delivered(struct stream *s, uint64_t skb, const struct wire *wire, uint32_t qlen);
/* What is told of it then. */
#define LAB_DELIVERED(id, port, socket)                       \
	"#" id " born, UDP to port " port ", by the kernel\n" \
	"#" id " queued at @" socket " in ns_server\n"
/* A call of that process on the server's socket returned `ret`, and `qlen` packets are left. */
void lab_read_by(struct stream *s, uint32_t pid, int32_t ret, uint32_t flags, uint32_t qlen);
/*
 * B, the ICMP error for A, is made where A arrives and comes back, in the kernel's own order: it sets out before A is
 * freed. With `tracepoint`, icmp_send says so, too.
 */
void lab_closed_port(struct stream *s, const struct wire *w, bool tracepoint);
/* It crosses, no socket has its port, and no ICMP error is seen. */
void lab_dropped_silently(struct stream *s, uint64_t skb, const struct wire *wire);

/* The stream ends; these lines and no others come out. Frees the stream. */
void lab_expect(struct stream *s, const char *expected);
/* The same with all hops. */
void lab_expect_hops(struct stream *s, const char *expected);

#endif
