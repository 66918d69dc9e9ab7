// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The probes: one program a tracepoint, each a few lines over the inline helpers. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "abi.h"

#define HS_AF_INET		2
#define HS_AF_INET6		10
#define HS_IPPROTO_TCP		6
#define HS_IPPROTO_UDP		17
#define HS_EACCES		13
#define HS_MSG_TRUNC		0x20
#define HS_IFF_LOOPBACK		0x8
#define HS_ETH_P_IP		0x0800
#define HS_ETH_P_IPV6		0x86dd
#define HS_ETH_P_MPLS_UC	0x8847
#define HS_NFCT_PTRMASK		~7ul	 /* include/linux/netfilter/nf_conntrack_common.h */
#define HS_IPS_NAT_MASK		(3 << 4) /* include/uapi/linux/netfilter/nf_conntrack_common.h */
#define HS_IP_FRAGMENT		0x3f	 /* the first byte of IP_MF | IP_OFFSET, include/net/ip.h */
#define HS_LINK_STATE_NOCARRIER 2	 /* enum netdev_state_t, include/linux/netdevice.h */
#define HS_TCQ_F_MQROOT		8	 /* include/net/sch_generic.h */
#define HS_PACKET_HOST		0	 /* include/uapi/linux/if_packet.h */
#define HS_PACKET_LOOPBACK	5	 /* include/uapi/linux/if_packet.h */
#define HS_SIGHUP		1
#define HS_SIGINT		2
#define HS_SIGKILL		9
#define HS_SIGPIPE		13
#define HS_SIGTERM		15
#define HS_SIGNAL_IGNORED	1 /* TRACE_SIGNAL_IGNORED, include/trace/events/signal.h */

#include "kernel.bpf.h"
#include "emit.bpf.h"
#include "seen.bpf.h"
#include "payload.bpf.h"
#include "packet.bpf.h"
#include "tcp.bpf.h"
#include "calls.bpf.h"
#include "functions.bpf.h"
#include "route.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* How many arguments these tracepoints have in the running kernel. Fixed before load. */
const volatile __u32 hs_kfree_skb_args = 0;
const volatile __u32 hs_consume_skb_args = 0;
const volatile __u32 hs_tcp_send_reset_args = 0;

/* Nothing that this machine sent arrives through such a device, so what arrives is new. */
static __always_inline bool hs_leads_outside(const struct net_device *dev)
{
	return !dev->rtnl_link_ops && !(dev->flags & HS_IFF_LOOPBACK);
}

static __always_inline __u32 hs_data_offset(const struct sk_buff *skb)
{
	return (__u64)skb->data - (__u64)skb->head;
}

/* The verifier allows no 32-bit arithmetic on an address. */
static __always_inline __u32 hs_low_half(const void *address)
{
	__u64 value = (__u64)address;

	barrier_var(value);
	return value;
}

/*
 * Each action of a softirq gets a number on its CPU: what happens under the same number after a
 * packet was received there, happens because of that packet. (The kernel's own counters would do,
 * but kernels without CONFIG_KALLSYMS_ALL do not let a program find them.)
 */
SEC("tp_btf/softirq_entry")
int HS_PROG(softirq_entry)
{
	struct hs_cpu *c = hs_this_cpu();

	c->softirq = ++c->softirqs ?: ++c->softirqs;
	return 0;
}

SEC("tp_btf/softirq_exit")
int HS_PROG(softirq_exit)
{
	struct hs_cpu *c = hs_this_cpu();

	c->softirq = c->waking = c->offered = 0;
	return 0;
}

/* Forwarded, with headers that are not those it was born with: another label, or an address of NAT. */
static __always_inline bool hs_is_rewritten(const struct sk_buff *skb)
{
	const struct nf_conn *ct;

	if (skb->protocol == bpf_htons(HS_ETH_P_MPLS_UC))
		return true;
	if (!bpf_core_field_exists(skb->_nfct))
		return false;
	ct = (const void *)(skb->_nfct & HS_NFCT_PTRMASK);
	return ct && bpf_core_field_exists(ct->status) &&
	       BPF_CORE_READ(ct, status) & HS_IPS_NAT_MASK;
}

/*
 * Another skb has the same headers: it may be a copy whose address was never told, as a bridge floods packets.
 * (What waits in TCP's retransmit queue has the same memory without headers: skb_header_cloned().)
 */
static __always_inline bool hs_may_be_copy(const struct sk_buff *skb)
{
	const struct skb_shared_info *shared;
	__u32 dataref;

	if (!BPF_CORE_READ_BITFIELD_PROBED(skb, cloned))
		return false;
	shared = (const void *)(skb->head + skb->end);
	dataref = BPF_CORE_READ(shared, dataref.counter);
	return (dataref & 0xffff) - (dataref >> 16) != 1;
}

/*
 * Forwarded, it may be one of several that come of a packet: a fragment that a router cuts, ip_do_fragment(); one for
 * each device that leads to a group, ipmr_queue_xmit(), which has bytes of its own by then.
 */
static __always_inline bool hs_may_be_part(const struct sk_buff *skb)
{
	__u8 ip[25] = {}; /* as far as the first byte of an IPv6 destination */

	if (skb->protocol != bpf_htons(HS_ETH_P_IP) && skb->protocol != bpf_htons(HS_ETH_P_IPV6))
		return false;
	bpf_probe_read_kernel(ip, sizeof(ip), skb->head + skb->network_header);
	if (skb->protocol == bpf_htons(HS_ETH_P_IPV6))
		return ip[24] == 0xff;
	return ip[6] & HS_IP_FRAGMENT || ip[7] || ip[16] >> 4 == 0xe;
}

SEC("tp_btf/net_dev_queue")
int HS_PROG(net_dev_queue, struct sk_buff *skb)
{
	hs_this_cpu()->queued = (__u64)skb;
	hs_emit_tag(skb);
	if (skb->skb_iif && !hs_is_rewritten(skb) && !hs_may_be_copy(skb) && !hs_may_be_part(skb))
		return hs_emit_stage(ctx, HS_STAGE_DEV_QUEUE, skb, skb->dev);
	return hs_emit_birth(ctx, HS_STAGE_DEV_QUEUE, skb, skb->network_header);
}

/*
 * One that was not queued just before waited in a queueing discipline, or is a segment that was cut from
 * a packet on its way to the driver (validate_xmit_skb()), and so may be new.
 */
SEC("tp_btf/net_dev_start_xmit")
int HS_PROG(net_dev_start_xmit, struct sk_buff *skb, const struct net_device *dev)
{
	if (!hs_was_just_queued(skb))
		return hs_emit_birth(ctx, HS_STAGE_DEV_XMIT, skb, skb->network_header);
	return hs_emit_stage(ctx, HS_STAGE_DEV_XMIT, skb, dev);
}

/*
 * Its time in the queueing discipline begins, and ends: the same packet, still on its way out. While it is
 * there, skb->dev may hold something else (struct sk_buff, rbnode; netem keeps packets in a tree).
 */
static __always_inline int hs_emit_qdisc(void *ctx, __u8 stage, const struct Qdisc *qdisc,
					 const struct netdev_queue *queue,
					 const struct sk_buff *skb)
{
	const struct net_device *dev = queue->dev;

	hs_see_qdisc(qdisc, dev);
	return hs_emit_stage(ctx, stage, skb, dev);
}

SEC("tp_btf/qdisc_enqueue")
int HS_PROG(qdisc_enqueue, struct Qdisc *qdisc, struct netdev_queue *queue, struct sk_buff *skb)
{
	return hs_emit_qdisc(ctx, HS_STAGE_QDISC_ENQUEUE, qdisc, queue, skb);
}

/* Fires for an empty queue too, with no packet. */
SEC("tp_btf/qdisc_dequeue")
int HS_PROG(qdisc_dequeue, struct Qdisc *qdisc, struct netdev_queue *queue, int packets,
	    struct sk_buff *skb)
{
	return skb ? hs_emit_qdisc(ctx, HS_STAGE_QDISC_DEQUEUE, qdisc, queue, skb) : 0;
}

SEC("tp_btf/netif_rx")
int HS_PROG(netif_rx, struct sk_buff *skb)
{
	if (hs_leads_outside(skb->dev) || hs_is_looped(skb))
		return hs_emit_birth(ctx, HS_STAGE_BACKLOG, skb, hs_data_offset(skb));
	return hs_emit_stage(ctx, HS_STAGE_BACKLOG, skb, skb->dev);
}

SEC("tp_btf/netif_receive_skb")
int HS_PROG(netif_receive_skb, struct sk_buff *skb)
{
	hs_emit_tag(skb);
	/* The network header is only reset after this tracepoint, __netif_receive_skb_core(). */
	if (hs_leads_outside(skb->dev))
		return hs_emit_birth(ctx, HS_STAGE_RECEIVE, skb, hs_data_offset(skb));
	return hs_emit_stage(ctx, HS_STAGE_RECEIVE, skb, skb->dev);
}

/*
 * Before 6.11: the socket that was to keep this packet, as a function with HS_FN_SOCK told just before; it was seen
 * when its buffer was filled. 0: none, or such functions are not probed.
 */
static __always_inline __u64 hs_taker_of(const struct sk_buff *skb)
{
	struct hs_cpu *c = hs_this_cpu();

	if (c->offered != (__u64)skb)
		return 0;
	c->offered = 0;
	return c->taker;
}

/* The socket that this packet's drop names. */
static __always_inline __u64 hs_dropped_by(const volatile __u64 *args, const struct sk_buff *skb)
{
	struct sock *sk;

	if (hs_kfree_skb_args <= 3)
		return hs_taker_of(skb);
	sk = (struct sock *)args[3];
	if (!sk || !hs_is_full(sk))
		return 0;
	hs_see_sock(sk);
	return (__u64)sk;
}

/* Without a reason in 5.10, without the socket in 6.1. */
SEC("tp_btf/kfree_skb")
int HS_PROG(kfree_skb, struct sk_buff *skb, void *location)
{
	const struct net_device *dev, *queue = hs_was_just_queued(skb) ? hs_skb_dev(skb) : NULL;
	volatile __u64 *args = ctx;
	struct hs_rec_drop *drop;
	struct hs_rec_free *rec;
	const struct sock *sk;
	__u32 reason = 0;

	dev = hs_emit_unborn(ctx, skb);
	if (queue)
		hs_see_qdisc(BPF_CORE_READ(queue, qdisc), queue);
	if (hs_kfree_skb_args > 2)
		reason = args[2];
	sk = (const struct sock *)hs_dropped_by(args, skb);
	drop = hs_begin(HS_REC_FREE, HS_STAGE_DROP, sizeof(*drop), true);
	if (!drop)
		return 0;
	rec = &drop->freed;
	hs_fill_where(&rec->at, skb, dev);
	rec->location = (__u64)location;
	rec->sk = (__u64)sk;
	rec->reason = reason;
	rec->rmem = sk ? BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter) : 0;
	rec->rcvbuf = sk ? BPF_CORE_READ(sk, sk_rcvbuf) : 0;
	rec->head = hs_low_half(skb->head);
	if (queue && hs_has_no_carrier(queue))
		rec->hdr.flags |= HS_F_NO_CARRIER;
	drop->mark = skb->mark;
	drop->ct = hs_conntrack(skb);
	hs_take_stack(ctx, drop);
	hs_submit(drop);
	return 0;
}

SEC("tp_btf/consume_skb")
int HS_PROG(consume_skb, struct sk_buff *skb)
{
	volatile __u64 *args = ctx;
	struct hs_rec_free *rec = hs_begin(HS_REC_FREE, HS_STAGE_CONSUME, sizeof(*rec), false);

	if (!rec)
		return 0;
	hs_fill_where(&rec->at, skb, NULL);
	rec->location = 0;
	if (hs_consume_skb_args > 1) /* the location, not in 6.1 */
		rec->location = args[1];
	rec->sk = 0;
	rec->reason = 0;
	rec->rmem = rec->rcvbuf = 0;
	rec->head = hs_low_half(skb->head);
	hs_submit(rec);
	return 0;
}

static __always_inline int hs_emit_icmp(void *ctx, struct sk_buff *skb, int type, int code)
{
	const struct net_device *dev;
	struct hs_rec_icmp *rec;

	dev = hs_emit_unborn(ctx, skb);
	rec = hs_begin(HS_REC_ICMP, HS_STAGE_ICMP_ERROR, sizeof(*rec), true);
	if (!rec)
		return 0;
	hs_fill_where(&rec->at, skb, dev ?: skb->dev);
	rec->icmp_type = type;
	rec->icmp_code = code;
	__builtin_memset(rec->pad, 0, sizeof(rec->pad));
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

SEC("tp_btf/icmp_send")
int HS_PROG(icmp_send, struct sk_buff *skb, int type, int code)
{
	return hs_emit_icmp(ctx, skb, type, code);
}

/* Where icmp_send has no tracepoint yet; this is before the rate limits, so it may promise too much. */
SEC("fentry/__icmp_send")
int HS_PROG(__icmp_send, struct sk_buff *skb, int type, int code)
{
	return hs_emit_icmp(ctx, skb, type, code);
}

/* The newest packet of the receive queue; readers may already have taken it. */
static __always_inline __u64 hs_queue_tail(const struct sock *sk)
{
	__u64 tail = (__u64)sk->sk_receive_queue.prev;

	return tail == (__u64)&sk->sk_receive_queue ? 0 : tail;
}

/* UDP readers move the whole queue to one of their own, __skb_recv_udp(); both count. */
static __always_inline __u32 hs_queue_length(const struct sock *sk)
{
	__u32 n = sk->sk_receive_queue.qlen;

	if (sk->sk_protocol == HS_IPPROTO_UDP)
		n += BPF_CORE_READ((const struct udp_sock *)sk, reader_queue.qlen);
	return n;
}

static __always_inline int hs_emit_queue(void *ctx, __u8 stage, const struct sock *sk)
{
	struct hs_rec_queue *rec;

	if (!hs_is_inet(sk->__sk_common.skc_family)) /* vsock, unix, netlink */
		return 0;
	hs_see_sock(sk);
	if (sk->sk_protocol == HS_IPPROTO_TCP)
		hs_see_tcp(sk);
	rec = hs_begin(HS_REC_QUEUE, stage, sizeof(*rec), true);
	if (!rec)
		return 0;
	rec->at.skb = hs_queue_tail(sk);
	rec->at.netns = hs_netns_id(sk->__sk_common.skc_net.net);
	rec->at.ifindex = 0;
	hs_fill_task(&rec->at);
	rec->sk = (__u64)sk;
	rec->rmem = sk->sk_backlog.rmem_alloc.counter;
	rec->rcvbuf = sk->sk_rcvbuf;
	rec->qlen = hs_queue_length(sk);
	rec->err = sk->sk_err;
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

/* Threads that were woken to read, and do not run yet. The idle task has no number of its own. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH); /* an LRU would not say whom it forgets */
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} woken SEC(".maps");

static __always_inline void hs_note_woken(__u32 tid)
{
	__u8 one = 1;

	if (bpf_map_update_elem(&woken, &tid, &one, BPF_ANY))
		hs_count_lost(HS_LOST_WOKEN);
}

/*
 * The readers are woken right after this, sock_def_readable(). What an interrupt wakes while the record is written is no
 * reader of this: only then is a wake-up waited for.
 */
static __always_inline int hs_emit_readable(void *ctx, const struct sock *sk)
{
	struct hs_cpu *c = hs_this_cpu();

	c->waking = c->offered = 0;
	hs_emit_queue(ctx, HS_STAGE_SOCK_QUEUE, sk);
	*(volatile __u32 *)&c->waking = hs_is_inet(sk->__sk_common.skc_family);
	return 0;
}

SEC("tp_btf/sk_data_ready")
int HS_PROG(sk_data_ready, const struct sock *sk)
{
	return hs_emit_readable(ctx, sk);
}

SEC("tp_btf/sched_waking")
int HS_PROG(sched_waking, struct task_struct *task)
{
	struct hs_cpu *c = hs_this_cpu();
	struct hs_rec_stage *rec;

	if (!c->waking)
		return 0;
	c->waking = false;
	hs_see_task(task, (__u64)task->tgid << 32 | task->pid);
	rec = hs_begin(HS_REC_STAGE, HS_STAGE_WAKEUP, sizeof(*rec), false);
	if (!rec)
		return 0;
	hs_fill_where(&rec->at, NULL, NULL);
	rec->at.pid = task->tgid;
	rec->at.tid = task->pid;
	hs_submit(rec);
	hs_note_woken(task->pid);
	return 0;
}

SEC("tp_btf/sched_switch")
int HS_PROG(sched_switch, bool preempted, struct task_struct *before, struct task_struct *task)
{
	__u32 tid = task->pid;
	struct hs_rec_stage *rec;

	if (!bpf_map_lookup_elem(&woken, &tid))
		return 0;
	bpf_map_delete_elem(&woken, &tid);
	rec = hs_begin(HS_REC_STAGE, HS_STAGE_RUNNING, sizeof(*rec), false);
	if (!rec)
		return 0;
	hs_fill_where(&rec->at, NULL, NULL);
	rec->at.pid = task->tgid;
	rec->at.tid = tid;
	hs_submit(rec);
	return 0;
}

/* Where sk_data_ready, inet_sk_error_report have no tracepoint yet. */
SEC("fentry/sock_def_readable")
int HS_PROG(sock_def_readable, const struct sock *sk)
{
	return hs_emit_readable(ctx, sk);
}

SEC("fentry/sock_def_error_report")
int HS_PROG(sock_def_error_report, const struct sock *sk)
{
	return hs_emit_queue(ctx, HS_STAGE_SOCK_ERROR, sk);
}

SEC("tp_btf/inet_sk_error_report")
int HS_PROG(inet_sk_error_report, const struct sock *sk)
{
	return hs_emit_queue(ctx, HS_STAGE_SOCK_ERROR, sk);
}

static __always_inline int hs_emit_read(__u8 stage, const struct sock *sk, int ret, __u32 flags)
{
	struct hs_rec_read *rec;

	if (!hs_is_inet(sk->__sk_common.skc_family))
		return 0;
	hs_see_current();
	hs_see_sock(sk);
	if (sk->sk_protocol == HS_IPPROTO_TCP)
		hs_see_tcp(sk);
	rec = hs_begin(HS_REC_READ, stage, sizeof(*rec), false);
	if (!rec)
		return 0;
	rec->at.skb = 0;
	rec->at.netns = hs_netns_id(sk->__sk_common.skc_net.net);
	rec->at.ifindex = 0;
	hs_fill_task(&rec->at);
	rec->sk = (__u64)sk;
	rec->ret = ret;
	rec->flags = flags;
	rec->rmem = sk->sk_backlog.rmem_alloc.counter;
	rec->qlen = hs_queue_length(sk);
	rec->call = hs_current_call();
	rec->pad = 0;
	rec->asked = flags & HS_MSG_TRUNC ? hs_asked(rec->call) : 0;
	hs_submit(rec);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int HS_PROG(sock_recv_length, struct sock *sk, int ret, int flags)
{
	return hs_emit_read(HS_STAGE_SOCK_READ, sk, ret, flags);
}

/* Before 6.3 the protocols' own functions must do for sock_recv_length and sock_send_length. */
SEC("fexit/inet_recvmsg")
int HS_PROG(inet_recvmsg, struct socket *sock, void *msg, __u64 size, int flags, int ret)
{
	hs_left_receiving();
	return hs_emit_read(HS_STAGE_SOCK_READ, sock->sk, ret, flags);
}

SEC("fexit/inet6_recvmsg")
int HS_PROG(inet6_recvmsg, struct socket *sock, void *msg, __u64 size, int flags, int ret)
{
	hs_left_receiving();
	return hs_emit_read(HS_STAGE_SOCK_READ, sock->sk, ret, flags);
}

/* Of raw and ping sockets of IPv6, inet6_sockraw_ops (net/ipv6/raw.c); others use it too. */
SEC("fexit/sock_common_recvmsg")
int HS_PROG(sock_common_recvmsg, struct socket *sock, void *msg, __u64 size, int flags, int ret)
{
	return hs_emit_read(HS_STAGE_SOCK_READ, sock->sk, ret, flags);
}

/*
 * The end of a function is not seen by a program that came after its beginning, so a call that slept
 * already is told by a function that it enters later.
 */
SEC("fentry/inet_recvmsg")
int HS_PROG(inet_recvmsg_entered)
{
	return hs_entered_receiving();
}

SEC("fentry/inet6_recvmsg")
int HS_PROG(inet6_recvmsg_entered)
{
	return hs_entered_receiving();
}

SEC("fentry/skb_consume_udp")
int HS_PROG(skb_consume_udp, struct sock *sk, struct sk_buff *skb, int len)
{
	/* negative: it was only looked at (MSG_PEEK) */
	if (len <= 0 || hs_is_receiving())
		return 0;
	return hs_emit_read(HS_STAGE_SOCK_READ, sk, len, hs_asked_flags(hs_current_call()));
}

SEC("fentry/tcp_cleanup_rbuf")
int HS_PROG(tcp_cleanup_rbuf, struct sock *sk, int copied)
{
	return copied > 0 && !hs_is_receiving() ? hs_emit_read(HS_STAGE_SOCK_READ, sk, copied, 0)
						: 0;
}

SEC("fexit/inet_sendmsg")
int HS_PROG(inet_sendmsg, struct socket *sock, void *msg, __u64 size, int ret)
{
	return ret < 0 ? hs_emit_read(0, sock->sk, ret, 0) : 0;
}

SEC("fexit/inet6_sendmsg")
int HS_PROG(inet6_sendmsg, struct socket *sock, void *msg, __u64 size, int ret)
{
	return ret < 0 ? hs_emit_read(0, sock->sk, ret, 0) : 0;
}

/* Of sends only the failed ones: they may return an error that an ICMP message brought. */
SEC("tp_btf/sock_send_length")
int HS_PROG(sock_send_length, struct sock *sk, int ret, int flags)
{
	return ret < 0 ? hs_emit_read(0, sk, ret, flags) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int HS_PROG(inet_sock_set_state, const struct sock *sk, int before, int after)
{
	struct hs_rec_tcp *rec;

	if (!hs_is_tcp(sk))
		return 0;
	hs_see_current();
	hs_see_sock(sk);
	rec = hs_begin_tcp(HS_TCP_CHANGED, sk, NULL);
	if (!rec)
		return 0;
	rec->before = before;
	rec->after = after;
	hs_submit(rec);
	return 0;
}

/* At the head of tcp_rcv_established(), so of established connections only. */
SEC("tp_btf/tcp_probe")
int HS_PROG(tcp_probe, struct sock *sk, const struct sk_buff *skb)
{
	hs_see_sock(sk);
	return hs_emit_tcp(HS_TCP_RECEIVED, sk, skb);
}

SEC("tp_btf/tcp_retransmit_skb")
int HS_PROG(tcp_retransmit_skb, const struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)skb->cb;
	struct hs_rec_tcp *rec = hs_begin_tcp(HS_TCP_RETRANSMITTED, sk, NULL);

	if (!rec)
		return 0;
	bpf_probe_read_kernel(&rec->seq, sizeof(rec->seq), &cb->seq);
	bpf_probe_read_kernel(&rec->end_seq, sizeof(rec->end_seq), &cb->end_seq);
	hs_submit(rec);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int HS_PROG(tcp_send_reset, const struct sock *sk, const struct sk_buff *skb)
{
	struct hs_rec_tcp *rec = hs_begin_tcp(HS_TCP_RESET_SENT, sk, skb);
	volatile __u64 *args = ctx;

	if (!rec)
		return 0;
	if (hs_tcp_send_reset_args > 2) /* the reason, not in 6.1 */
		rec->reason = args[2];
	hs_submit(rec);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int HS_PROG(tcp_receive_reset, struct sock *sk)
{
	hs_see_sock(sk);
	return hs_emit_tcp(HS_TCP_RESET_RECEIVED, sk, NULL);
}

/* Of those that may end a process or a connection. */
SEC("tp_btf/signal_generate")
int HS_PROG(signal_generate, int number, const void *info, struct task_struct *task, int group,
	    int result)
{
	struct hs_rec_signal *rec;
	const void *action, *handler = NULL;

	if (number != HS_SIGPIPE && number != HS_SIGKILL && number != HS_SIGTERM &&
	    number != HS_SIGINT && number != HS_SIGHUP)
		return 0;
	if (result == HS_SIGNAL_IGNORED || !hs_is_followed(task->tgid))
		return 0;
	action = (void *)BPF_CORE_READ(task, sighand) +
		 bpf_core_field_offset(struct sighand_struct, action) +
		 (number - 1) * bpf_core_type_size(struct k_sigaction);
	bpf_probe_read_kernel(&handler, sizeof(handler),
			      action + bpf_core_field_offset(struct k_sigaction, sa.sa_handler));
	hs_see_task(task, (__u64)task->tgid << 32 | task->pid);
	rec = hs_begin(HS_REC_SIGNAL, 0, sizeof(*rec), false);
	if (!rec)
		return 0;
	rec->pid = task->tgid;
	rec->tid = task->pid;
	rec->number = number;
	rec->caught = handler != NULL;
	hs_submit(rec);
	return 0;
}

static __always_inline int hs_enter_call(const struct pt_regs *regs, long nr)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct hs_open_call open = {};
	__u32 tid = id;

	if (!hs_is_followed(id >> 32) || !hs_open_call(&open, regs, nr))
		return 0;
	if (bpf_map_update_elem(&open_calls, &tid, &open, BPF_ANY)) {
		hs_count_lost(HS_LOST_CALL);
		return 0;
	}
	hs_see_current();
	hs_emit_call(&open, false, 0);
	return 0;
}

static __always_inline int hs_leave_call(const struct pt_regs *regs, long ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct hs_open_call open = {}, *found;
	__u32 tid = id;
	struct sock *sk;

	if (!hs_is_followed(id >> 32))
		return 0;
	found = bpf_map_lookup_elem(&open_calls, &tid);
	if (found) {
		open = *found;
		bpf_map_delete_elem(&open_calls, &tid);
	} else if (!hs_open_call(&open, regs, hs_call_number(regs))) {
		/* A call that was entered before tracing began still has its arguments. */
		return 0;
	}
	if (open.call == HS_CALL_SOCKET && ret >= 0) {
		sk = hs_sock_of_fd(ret);
		if (sk)
			hs_open_sock(&open, sk);
	}
	if ((open.call == HS_CALL_ACCEPT || open.call == HS_CALL_ACCEPT4) && ret >= 0)
		open.accepted = (__u64)hs_sock_of_fd(ret);
	hs_emit_call(&open, true, ret);
	return 0;
}

SEC("tp_btf/sys_enter")
int HS_PROG(sys_enter, struct pt_regs *regs, long nr)
{
	return hs_enter_call(regs, nr);
}

SEC("tp_btf/sys_exit")
int HS_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	return hs_leave_call(regs, ret);
}

/* The events raw_syscalls of perf, include/trace/events/syscalls.h: what both begin with. */
struct hs_raw_syscall {
	__u64 common;
	long nr;
	long first; /* of sys_exit: what it returns */
};

/*
 * Since 7.0 a program above is preempted so often that many calls go unseen; perf's programs are not,
 * perf_trace_sys_enter() in include/trace/perf.h.
 */
SEC("tp/raw_syscalls/sys_enter")
int sys_enter_of_perf(const struct hs_raw_syscall *ctx)
{
	return hs_enter_call(hs_current_regs(), ctx->nr);
}

SEC("tp/raw_syscalls/sys_exit")
int sys_exit_of_perf(const struct hs_raw_syscall *ctx)
{
	return hs_leave_call(hs_current_regs(), ctx->first);
}

SEC("tp_btf/sched_process_fork")
int HS_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = child->tgid;
	__u8 one = 1;

	if (pid == parent->tgid || !hs_is_followed(parent->tgid))
		return 0;
	if (bpf_map_update_elem(&followed, &pid, &one, BPF_ANY))
		hs_count_lost(HS_LOST_FOLLOWED);
	hs_emit_task(child, parent->tgid, HS_TASK_FORK);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int HS_PROG(sched_process_exec, struct task_struct *task)
{
	if (hs_is_followed(task->tgid))
		hs_emit_task(task, 0, HS_TASK_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int HS_PROG(sched_process_exit, struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (task->pid != task->tgid || !hs_is_followed(pid))
		return 0;
	hs_emit_task(task, 0, HS_TASK_EXIT);
	bpf_map_delete_elem(&followed, &pid);
	return 0;
}

/* Sockets that exist before tracing begins: struct hs_rec_sock records, owner included. */
SEC("iter/task_file")
int list_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct hs_rec_sock rec = {};
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = hs_sock_of_file(file);
	if (!sk || !hs_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family)))
		return 0;
	rec.hdr.type = HS_REC_SOCK;
	rec.hdr.flags = HS_F_LISTED;
	rec.hdr.size = sizeof(rec);
	hs_fill_sock(&rec, sk);
	rec.pid = task->tgid;
	rec.fd = ctx->fd;
	rec.followed = hs_is_followed(task->tgid);
	bpf_probe_read_kernel(rec.comm, sizeof(rec.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
