/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record streams written by hand, as BPF and the loader would write them: one line a record. The
 * stream keeps what a record says besides: the time (1 us later each), the CPU and its sequence
 * number, who runs, the softirq. Functions, reasons and sockets are introduced where first used.
 */
#ifndef HELPER_STREAM_H
#define HELPER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/abi.h"
#include "helper_wire.h"

#define STREAM_US    1000ull
#define STREAM_MS    1000000ull
#define STREAM_S     1000000000ull
#define STREAM_T0    (100 * STREAM_S) /* time of START */

#define STREAM_CPUS  8
#define STREAM_NAMES 512
#define STREAM_SOCKS 64

/* ---- the stream ---- */

struct stream_sock {
	uint64_t sk;
	uint32_t netns;
	uint16_t type, protocol, family;
	struct hs_sa local, remote;
	struct hs_rec_tcp tcp; /* what its TCP records say; tcp.sk 0: none are written */
};

struct stream {
	uint8_t *bytes;
	size_t len, room;
	uint64_t time, entered;
	uint16_t cpu;
	uint32_t pid, tid, ctx, last_ctx;
	uint16_t call; /* that the task is in, as far as BPF knows */
	uint8_t ct; /* what connection tracking says of packets, enum hs_ct and what goes with it */
	struct hs_rec_call open;
	uint32_t seq[STREAM_CPUS];
	const uint32_t *forced_seq; /* of the next record */
	uint64_t frames[HS_MAX_FRAMES];
	uint8_t n_frames; /* of the next record with a stack */
	char *names[STREAM_NAMES];
	size_t n_names;
	struct stream_sock socks[STREAM_SOCKS];
	size_t n_socks;
	size_t noted_from; /* notes_run(): what is told before that byte is not written down */
};

/* START, with the selection as words up to NULL. */
struct stream *stream_new(const char *word, ...);
void stream_free(struct stream *s);
/* It was recorded under that kernel. */
void stream_kernel(struct stream *s, const char *release);

/* Any record as it is, with its header's time, CPU and sequence number filled in. */
void stream_add(struct stream *s, void *rec, size_t size, uint8_t type, uint8_t stage);
/* Each record in turn, aligned and in memory of exactly its size; stops at the first non-zero. */
int stream_each(const struct stream *s, int (*fn)(void *ctx, const struct hs_hdr *rec), void *ctx);

/* ---- names ---- */

void stream_netns(struct stream *s, uint32_t netns, const char *label);
void stream_dev(struct stream *s, uint32_t netns, uint32_t ifindex, const char *name,
		const char *kind);
/* QDISC: the kind of that device's queueing discipline. */
void stream_qdisc(struct stream *s, uint32_t netns, uint32_t ifindex, const char *kind);
void stream_task(struct stream *s, uint32_t pid, const char *comm);
/* PROBE: that function is probed, and times the stage. */
void stream_probe(struct stream *s, enum hs_stage stage, const char *name);
/* The key of a function or a reason; emits SYM or REASON the first time. */
uint64_t stream_function(struct stream *s, const char *name);
uint32_t stream_reason(struct stream *s, const char *name);

/* ---- who runs ---- */

/* Process `pid` on `cpu`, outside of softirqs. */
void stream_by(struct stream *s, uint16_t cpu, uint32_t pid);
/* A softirq begins on `cpu`, and interrupts whoever ran last. */
void stream_softirq(struct stream *s, uint16_t cpu);
/* The softirq ends. */
void stream_back(struct stream *s);
/* Time passes. */
void stream_wait(struct stream *s, uint64_t ns);
/* The stack of the next record: "innermost < ... < outermost". */
void stream_stack(struct stream *s, const char *frames);

/* ---- packets ---- */

/* DEV_QUEUE: a packet of socket `sk` (0: none) that no device received before. */
void stream_birth(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		  const struct wire *wire, uint64_t sk);
/* DEV_QUEUE: a packet that is forwarded, with the headers that it has now. */
void stream_forwarded(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		      const struct wire *wire);
/* The same of a copy of packet `of`, as a bridge sends it out of another port. */
void stream_flooded(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const struct wire *wire, uint64_t of);
/* BACKLOG: the copy that this machine gets of what it sends to a group, before that is born. */
void stream_looped(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		   const struct wire *wire);
/* A function that is probed and worked on the packet. */
void stream_passed(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
		   uint32_t ifindex);
/* The same, of one with HS_FN_ENTRY, at the input hook: argument 2 is `value`. */
void stream_passed_with(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
			uint32_t ifindex, int64_t value);
/* DEV_XMIT: a segment that was cut from a packet on its way to the driver. */
void stream_cut(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		const struct wire *wire, uint64_t sk);
/* DROP, before the free or the ICMP error that ends it: the headers of a packet that may be unknown. */
void stream_unborn(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		   const struct wire *wire, uint64_t sk);
/* Its free, which tells where it was to go. */
void stream_drop_in(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const char *reason, const char *function);
/* DEV_XMIT: a copy of packet `of`, that a queueing discipline made. */
void stream_copy(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		 const struct wire *wire, uint64_t sk, uint64_t of);
/* TAG: the packet that is told next has it. */
void stream_tag(struct stream *s, uint64_t skb, uint16_t vlan);
/* RECEIVE from outside of this machine. */
void stream_arrival(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex,
		    const struct wire *wire);
void stream_see(struct stream *s, enum hs_stage stage, uint64_t skb, uint32_t netns,
		uint32_t ifindex);
void stream_icmp(struct stream *s, uint64_t skb, uint32_t netns, uint32_t ifindex, uint8_t type,
		 uint8_t code);
void stream_drop(struct stream *s, uint64_t skb, const char *reason, const char *function);
/* The same at a socket whose buffer holds `rmem` of `rcvbuf` bytes. */
void stream_drop_at(struct stream *s, uint64_t skb, const char *reason, const char *function,
		    uint64_t sk, uint32_t rmem, uint32_t rcvbuf);
void stream_consume(struct stream *s, uint64_t skb, const char *function);

/* ---- sockets ---- */

/* What the socket is, for later records; `remote` NULL: not connected. Protocol: IPPROTO_*. */
void stream_sock_is(struct stream *s, uint64_t sk, uint32_t netns, uint16_t protocol,
		    const char *local, const char *remote);
/* SOCK, with its owner (pid 0: unknown). */
void stream_sock(struct stream *s, uint64_t sk, uint32_t pid, const char *comm, bool followed);
/* BOUND: found in /proc. */
void stream_bound(struct stream *s, uint32_t netns, uint16_t protocol, const char *local);
/* SOCK_QUEUE: `tail` is the newest packet in its queue, 0 when readers took all. */
void stream_queued(struct stream *s, uint64_t sk, uint64_t tail, uint32_t qlen);
void stream_error(struct stream *s, uint64_t sk, int err);
/* `ret` bytes or negative errno; `qlen` packets are left. */
void stream_read(struct stream *s, uint64_t sk, int32_t ret, uint32_t flags, uint32_t qlen);
/* A send that failed. */
void stream_send_failed(struct stream *s, uint64_t sk, int32_t ret);

/* ---- TCP sockets ---- */

/*
 * What the kernel says of a TCP socket, to be changed as the story goes. From now on a SNAPSHOT
 * precedes each queue, read and call record about it, as BPF writes it.
 */
struct hs_rec_tcp *stream_tcp_of(struct stream *s, uint64_t sk);
/* `what` happened to socket `sk` (0: none) because of packet `skb` (0: none). */
void stream_tcp(struct stream *s, enum hs_tcp_what what, uint64_t sk, uint64_t skb);
/* CHANGED; the socket is in state `after` from now on. */
void stream_tcp_state(struct stream *s, uint64_t sk, uint8_t before, uint8_t after);
/* An RST is (skb: because of that packet) or was (0) sent. */
void stream_tcp_reset(struct stream *s, uint64_t sk, uint64_t skb, const char *reason);
/* MINI: the kernel's table has a minisocket for that socket's endpoints. */
void stream_mini(struct stream *s, uint64_t sk, uint8_t state);
/* A followed process gets a signal; `caught`: it has a handler for it. */
void stream_signal(struct stream *s, uint32_t pid, uint32_t number, bool caught);

/* ---- calls of a followed process ---- */

void stream_enter(struct stream *s, enum hs_call_id call, int fd, uint64_t sk, uint64_t len,
		  const char *name);
void stream_leave(struct stream *s, int64_t ret);

/* ---- the rest ---- */

void stream_counter(struct stream *s, uint32_t netns, uint64_t global, uint64_t host,
		    uint64_t host6);
/* RULE: that chain or rule is among those of the namespace; NULL: what was known is no more. */
void stream_rule(struct stream *s, uint32_t netns, const char *item);
/* ROUTE: a table was asked for `dst`: nothing (-EAGAIN), or what refused; of IPv6 by its type. */
void stream_no_route(struct stream *s, uint32_t table, const char *dst, int err, uint8_t type,
		     uint8_t plen);
/* ROUTE: it leads out of that device. */
void stream_route(struct stream *s, uint32_t table, const char *dst, uint32_t netns,
		  uint32_t ifindex);
/* PREFIX: of the ROUTE that is next. */
void stream_prefix(struct stream *s, uint32_t netns, uint32_t table, const char *dst, uint8_t plen);
/* REFUSAL: that route or rule is among those of the namespace; BEGIN: what was known is no more. */
void stream_refusal(struct stream *s, uint32_t netns, enum hs_refusal_what what, uint8_t type,
		    uint32_t number, const char *dst, uint8_t plen);
/* TICK after `ns`. */
void stream_tick(struct stream *s, uint64_t ns);
/* `n` records of the current CPU are lost. */
void stream_lose(struct stream *s, uint32_t n);
void stream_loss(struct stream *s, uint64_t reserve, uint64_t misses, uint64_t maps);
/* LOSS, told ahead of what was lost in the next `ns`. */
void stream_loss_ahead(struct stream *s, uint64_t reserve, uint64_t ns);
void stream_end(struct stream *s);

#endif
