// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts the events that trace.bpf.c has to record, and does nothing else: the second opinion for
 * "written + lost = generated". It shares no code with it. Counts are kept for each CPU and slot of
 * time, so that a reader may compare from one quiet moment to another, whenever each was attached.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "count.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 count_start = 0; /* where slot 0 begins, CLOCK_MONOTONIC */
__u64 count_late = 0;		      /* events after the last slot, which spoil the run */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1); /* user space resizes it before load */
	__type(key, __u32);
	__type(value, struct hs_count_slot);
} slots SEC(".maps");

static __always_inline int count_event(enum hs_count_kind kind)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 key = (now - count_start) >> HS_COUNT_SLOT_SHIFT;
	struct hs_count_slot *slot = bpf_map_lookup_elem(&slots, &key);

	if (!slot) {
		__sync_fetch_and_add(&count_late, 1);
		return 0;
	}
	/* An interrupt in between may count too, so one by one and never back in time. */
	__sync_fetch_and_add(&slot->n[kind], 1);
	if (!slot->first || now < slot->first)
		slot->first = now;
	if (now > slot->last)
		slot->last = now;
	return 0;
}

static __always_inline bool count_is_inet(const struct sock *sk)
{
	return sk->__sk_common.skc_family == 2 || sk->__sk_common.skc_family == 10;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(count_queue, struct sk_buff *skb)
{
	return count_event(HS_COUNT_QUEUE);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(count_xmit, const struct sk_buff *skb, const struct net_device *dev)
{
	return count_event(HS_COUNT_XMIT);
}

SEC("tp_btf/netif_rx")
int BPF_PROG(count_backlog, struct sk_buff *skb)
{
	return count_event(HS_COUNT_BACKLOG);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(count_receive, struct sk_buff *skb)
{
	return count_event(HS_COUNT_RECEIVE);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(count_drop, struct sk_buff *skb)
{
	return count_event(HS_COUNT_DROP);
}

SEC("tp_btf/consume_skb")
int BPF_PROG(count_consume, struct sk_buff *skb)
{
	return count_event(HS_COUNT_CONSUME);
}

SEC("tp_btf/icmp_send")
int BPF_PROG(count_icmp, const struct sk_buff *skb)
{
	return count_event(HS_COUNT_ICMP);
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(count_ready, const struct sock *sk)
{
	return count_is_inet(sk) ? count_event(HS_COUNT_READY) : 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(count_error, const struct sock *sk)
{
	return count_is_inet(sk) ? count_event(HS_COUNT_ERROR) : 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(count_read, struct sock *sk, int ret, int flags)
{
	return count_is_inet(sk) ? count_event(HS_COUNT_READ) : 0;
}

/* As trace does: of sends only the failed ones. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(count_send, struct sock *sk, int ret, int flags)
{
	return ret < 0 && count_is_inet(sk) ? count_event(HS_COUNT_SEND) : 0;
}
