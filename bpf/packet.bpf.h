/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a record says about a packet: where it is, who runs, its headers. */
#ifndef HS_PACKET_BPF_H
#define HS_PACKET_BPF_H

#define PF_EXITING	    0x00000004
#define PF_KTHREAD	    0x00200000
#define HS_NR_MAX	    512

#define HS_CHECKSUM_PARTIAL 3 /* include/linux/skbuff.h */

/* enum hs_call_id of each system call number, 0: not of interest. Filled by user space. */
const volatile __u8 hs_call_of_nr[HS_NR_MAX] = {};

/* The system call that the current task is in; 0 when that says nothing about what runs here. */
static __always_inline __u16 hs_current_call(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 flags = BPF_CORE_READ(task, flags);
	struct hs_cpu *cpu = hs_this_cpu();
	__u64 nr;

	if (flags & PF_KTHREAD || cpu->softirq)
		return 0;
	if (flags & PF_EXITING)
		return HS_CALL_EXIT;
	nr = hs_call_number(hs_current_regs());
	return nr < HS_NR_MAX ? hs_call_of_nr[nr] : 0;
}

static __always_inline void hs_fill_task(struct hs_where *at)
{
	__u64 id = bpf_get_current_pid_tgid();

	at->pid = id >> 32;
	at->tid = id;
}

/*
 * `dev` is read from the packet only where the kernel guarantees that it is one: in a socket queue
 * the same bytes hold something else (struct sk_buff, dev_scratch).
 */
/*
 * The device that it is at; NULL: none, or something else is there, which the highest bit tells: UDP's receive
 * queue keeps struct udp_dev_scratch in its place (net/ipv4/udp.c).
 */
static __always_inline const struct net_device *hs_skb_dev(const struct sk_buff *skb)
{
	const struct net_device *dev = BPF_CORE_READ(skb, dev);

	return (__s64)dev < 0 ? dev : NULL;
}

static __always_inline void hs_fill_where(struct hs_where *at, const struct sk_buff *skb,
					  const struct net_device *dev)
{
	at->skb = (__u64)skb;
	at->netns = 0;
	at->ifindex = 0;
	if (dev) {
		at->netns = hs_netns_id(BPF_CORE_READ(dev, nd_net.net));
		at->ifindex = BPF_CORE_READ(dev, ifindex);
	}
	hs_fill_task(at);
}

static __always_inline int hs_emit_stage(void *ctx, __u8 stage, const struct sk_buff *skb,
					 const struct net_device *dev)
{
	struct hs_rec_stage *rec;

	hs_see_dev(dev, dev->nd_net.net, hs_netns_id(dev->nd_net.net), dev->ifindex);
	rec = hs_begin(HS_REC_STAGE, stage, sizeof(*rec), true);
	if (!rec)
		return 0;
	hs_fill_where(&rec->at, skb, dev);
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

/*
 * Whether HS_HEADERS_SHORT bytes hold all headers of a packet of `len` bytes: a short one, or TCP
 * or UDP behind an IP header without options. An ICMP error is long because of what it quotes.
 */
static __always_inline bool hs_headers_are_short(const unsigned char *l3, __u32 len)
{
	__u8 ip[10] = {};

	if (len <= HS_HEADERS_SHORT)
		return true;
	bpf_probe_read_kernel(ip, sizeof(ip), l3);
	if (ip[0] == 0x45)
		return ip[9] == HS_IPPROTO_TCP || ip[9] == HS_IPPROTO_UDP;
	return ip[0] >> 4 == 6 && (ip[6] == HS_IPPROTO_TCP || ip[6] == HS_IPPROTO_UDP);
}

/* inet_connection_sock.icsk_pending of the TCP socket that sends; 0: no timer, or another protocol. */
static __always_inline __u8 hs_pending_timer(const struct sock *sk)
{
	if (!sk || !hs_is_full(sk) || BPF_CORE_READ(sk, sk_protocol) != HS_IPPROTO_TCP)
		return 0;
	return BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_pending);
}

/* Sent to a group that this machine is in, which gets a copy, dev_loopback_xmit(), before the packet is born. */
static __always_inline bool hs_is_looped(const struct sk_buff *skb)
{
	return BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) == HS_PACKET_LOOPBACK;
}

/* What connection tracking says of it, enum hs_ct: nf_ct_get(), include/net/netfilter/nf_conntrack.h. */
static __always_inline __u8 hs_conntrack(const struct sk_buff *skb)
{
	unsigned long nfct;

	if (!bpf_core_field_exists(skb->_nfct))
		return 0;
	nfct = BPF_CORE_READ(skb, _nfct);
	return HS_CT_TOLD | (nfct & HS_CT_INFO) | (nfct & ~7ul ? HS_CT_ENTRY : 0);
}

/* `len`: bytes from the network header on; `room`: a constant, how many of them may be sent; `before`: headroom. */
static __always_inline int hs_emit_headers(void *ctx, __u8 stage, const struct sk_buff *skb,
					   const struct net_device *dev, const unsigned char *l3,
					   __u32 len, __u32 room, __u32 before)
{
	struct hs_rec_birth *rec;

	rec = hs_begin(HS_REC_BIRTH, stage, offsetof(struct hs_rec_birth, data) + room, true);
	if (!rec)
		return 0;
	hs_fill_where(&rec->at, skb, dev);
	if (!skb->skb_iif)
		rec->hdr.flags |= HS_F_LOCAL;
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) == HS_CHECKSUM_PARTIAL)
		rec->hdr.flags |= HS_F_PARTIAL;
	if (stage == HS_STAGE_BACKLOG && hs_is_looped(skb))
		rec->hdr.flags |= HS_F_LOOPED;
	rec->head = (__u64)skb->head;
	rec->sk = (__u64)skb->sk;
	rec->len = skb->len;
	rec->proto = bpf_ntohs(skb->protocol);
	rec->l3 = len;
	rec->call = hs_current_call();
	rec->pending = hs_pending_timer(skb->sk);
	rec->ct = hs_conntrack(skb);
	rec->headers = len < room ? len : room;
	rec->headroom = before < 510 ? before / 2 : 255;
	/* Behind a short packet lies its skb_shared_info, so reading the full length is harmless.
	 */
	if (bpf_probe_read_kernel(rec->data, room, l3)) {
		hs_count_lost(HS_LOST_HEADERS);
		rec->headers = 0;
	}
	if (room == HS_HEADERS_LONG)
		hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

/* skb_vlan_tag_present(), include/linux/if_vlan.h. */
static __always_inline bool hs_is_tagged(const struct sk_buff *skb)
{
	if (bpf_core_field_exists(skb->vlan_present))
		return BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present);
	return skb->vlan_proto;
}

static __always_inline void hs_emit_tag(const struct sk_buff *skb)
{
	struct hs_rec_tag *rec;

	if (!hs_is_tagged(skb))
		return;
	rec = hs_begin(HS_REC_TAG, 0, sizeof(*rec), false);
	if (!rec)
		return;
	rec->skb = (__u64)skb;
	rec->proto = bpf_ntohs(skb->vlan_proto);
	rec->tci = skb->vlan_tci;
	rec->pad = 0;
	hs_submit(rec);
}

/* `l3`: offset of the network header from skb->head. */
static __always_inline int hs_emit_birth_at(void *ctx, __u8 stage, struct sk_buff *skb, __u32 l3,
					    const struct net_device *dev)
{
	const unsigned char *head = skb->head;
	struct sock *sk = skb->sk;
	__u64 data = (__u64)skb->data - (__u64)head;
	__u32 len;

	barrier_var(data); /* the verifier allows no 32-bit arithmetic on addresses */
	len = skb->len + data - l3;
	hs_see_current();
	if (sk)
		hs_see_sock(sk);
	if (hs_snap)
		hs_emit_payload(skb, l3, len);
	/* A stack costs so much more than these bytes that they need not be saved. */
	if (!hs_stacks && hs_headers_are_short(head + l3, len))
		return hs_emit_headers(ctx, stage, skb, dev, head + l3, len, HS_HEADERS_SHORT, l3);
	return hs_emit_headers(ctx, stage, skb, dev, head + l3, len, HS_HEADERS_LONG, l3);
}

static __always_inline int hs_emit_birth(void *ctx, __u8 stage, struct sk_buff *skb, __u32 l3)
{
	const struct net_device *dev = skb->dev;

	hs_see_dev(dev, dev->nd_net.net, hs_netns_id(dev->nd_net.net), dev->ifindex);
	return hs_emit_birth_at(ctx, stage, skb, l3, dev);
}

/*
 * Where a packet of this machine's own dies before it is queued to a device, which is when others are born:
 * a rule of the output hook, a next hop that does not answer. It has headers and a route. Returns the
 * device that the route leads to, as skb->dev may be none; NULL: it is not such a packet. (A tap's clone
 * is PACKET_OUTGOING; one that loops back, PACKET_LOOPBACK.)
 */
static __always_inline const struct net_device *hs_unborn_dev(const struct sk_buff *skb)
{
	const struct dst_entry *dst;

	if (skb->skb_iif || !skb->network_header ||
	    BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) != HS_PACKET_HOST)
		return NULL;
	if (skb->protocol != bpf_htons(HS_ETH_P_IP) && skb->protocol != bpf_htons(HS_ETH_P_IPV6))
		return NULL;
	dst = (const void *)(skb->_skb_refdst & ~1ul); /* SKB_DST_NOREF, include/linux/skbuff.h */
	return dst ? BPF_CORE_READ(dst, dev) : NULL;
}

/*
 * Freed right after it was given to a device's queue: the queueing discipline did not take it. Its kind is
 * said, as no other event may have done that; one without a link takes nothing, noop_enqueue().
 */
static __always_inline bool hs_was_just_queued(const struct sk_buff *skb)
{
	return hs_this_cpu()->queued == (__u64)skb;
}

static __always_inline bool hs_has_no_carrier(const struct net_device *dev)
{
	return BPF_CORE_READ(dev, state) & 1ul << HS_LINK_STATE_NOCARRIER;
}

/* At its end: its birth, which user space leaves aside if it knows the packet. Returns as above. */
static __always_inline const struct net_device *hs_emit_unborn(void *ctx, struct sk_buff *skb)
{
	const struct net_device *dev = hs_unborn_dev(skb);
	const struct net *net;

	if (!dev)
		return NULL;
	net = BPF_CORE_READ(dev, nd_net.net);
	hs_see_dev(dev, net, hs_netns_id(net), BPF_CORE_READ(dev, ifindex));
	hs_emit_birth_at(ctx, HS_STAGE_DROP, skb, skb->network_header, dev);
	return dev;
}

#endif
