/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What count.bpf.c counts, for it and for its reader bench/count.c. */
#ifndef HS_COUNT_H
#define HS_COUNT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* One kind for each tracepoint of trace.bpf.c that reports packets, in that file's order. */
#define HS_COUNT_KINDS(X)                \
	X(QUEUE, "net_dev_queue")        \
	X(XMIT, "net_dev_start_xmit")    \
	X(BACKLOG, "netif_rx")           \
	X(RECEIVE, "netif_receive_skb")  \
	X(DROP, "kfree_skb")             \
	X(CONSUME, "consume_skb")        \
	X(ICMP, "icmp_send")             \
	X(READY, "sk_data_ready")        \
	X(ERROR, "inet_sk_error_report") \
	X(READ, "sock_recv_length")      \
	X(SEND, "sock_send_length")

enum hs_count_kind {
#define X(NAME, probe) HS_COUNT_##NAME,
	HS_COUNT_KINDS(X) HS_COUNT_MAX
#undef X
};

#define HS_COUNT_SLOT_SHIFT 21 /* a slot is 2^21 ns long, about 2 ms */

/* What happened on one CPU in one slot of time. first and last are CLOCK_MONOTONIC; 0: nothing. */
struct hs_count_slot {
	__u64 first, last;
	__u32 n[HS_COUNT_MAX];
	__u32 pad;
};

_Static_assert(sizeof(struct hs_count_slot) == 64, "hs_count_slot");

#endif
