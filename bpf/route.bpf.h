/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a routing table answers. */
#ifndef HS_ROUTE_BPF_H
#define HS_ROUTE_BPF_H

/* include/uapi/linux/rtnetlink.h */
#define HS_RTN_LOCAL	    2
#define HS_EAGAIN	    11
#define HS_RT_SCOPE_NOWHERE 255

/* The device that it leads to, named before the record that needs the name. */
static __always_inline void hs_see_next_hop(const struct fib_nh_common *hop)
{
	const struct net_device *dev = BPF_CORE_READ(hop, nhc_dev);
	const struct net *net;

	if (!dev)
		return;
	net = BPF_CORE_READ(dev, nd_net.net);
	hs_see_dev(dev, net, hs_netns_id(net), BPF_CORE_READ(hop, nhc_oif));
}

static __always_inline void hs_fill_next_hop(struct hs_rec_route *rec,
					     const struct fib_nh_common *hop)
{
	const struct net_device *dev = BPF_CORE_READ(hop, nhc_dev);

	rec->oif = BPF_CORE_READ(hop, nhc_oif);
	rec->via.family = BPF_CORE_READ(hop, nhc_gw_family);
	if (rec->via.family == HS_AF_INET6)
		bpf_core_read(rec->via.addr, 16, &hop->nhc_gw.ipv6);
	else if (rec->via.family)
		bpf_core_read(rec->via.addr, 4, &hop->nhc_gw.ipv4);
	if (dev)
		rec->at.netns = hs_netns_id(BPF_CORE_READ(dev, nd_net.net));
}

static __always_inline struct hs_rec_route *hs_begin_route(__u32 table, int err)
{
	struct hs_rec_route *rec = hs_begin(HS_REC_ROUTE, 0, sizeof(*rec), true);

	if (!rec)
		return NULL;
	__builtin_memset((void *)rec + sizeof(rec->hdr), 0, sizeof(*rec) - sizeof(rec->hdr));
	hs_fill_task(&rec->at);
	rec->table = table;
	rec->err = err;
	rec->call = hs_current_call();
	return rec;
}

SEC("tp_btf/fib_table_lookup")
int HS_PROG(fib_table_lookup, __u32 table, const struct flowi4 *flow,
	    const struct fib_nh_common *hop, int err)
{
	struct hs_rec_route *rec;

	if (hop)
		hs_see_next_hop(hop);
	rec = hs_begin_route(table, err);
	if (!rec)
		return 0;
	rec->dst.family = HS_AF_INET;
	bpf_core_read(rec->dst.addr, 4, &flow->daddr);
	if (hop) {
		hs_fill_next_hop(rec, hop);
		/* The type is not told, but only a local route's next hop is nowhere, fib_create_info(). */
		if (BPF_CORE_READ(hop, nhc_scope) == HS_RT_SCOPE_NOWHERE)
			rec->type = HS_RTN_LOCAL;
	}
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

SEC("tp_btf/fib6_table_lookup")
int HS_PROG(fib6_table_lookup, const struct net *net, const struct fib6_result *result,
	    const struct fib6_table *table, const struct flowi6 *flow)
{
	const struct fib6_info *route = BPF_CORE_READ(result, f6i);
	const struct fib6_nh *hop = BPF_CORE_READ(result, nh);
	/* What stands for nothing found in this table. */
	bool found = route != BPF_CORE_READ(net, ipv6.fib6_null_entry);
	struct hs_rec_route *rec;

	if (hop && found)
		hs_see_next_hop(&hop->nh_common);
	rec = hs_begin_route(BPF_CORE_READ(table, tb6_id), found ? 0 : -HS_EAGAIN);
	if (!rec)
		return 0;
	rec->dst.family = HS_AF_INET6;
	bpf_core_read(rec->dst.addr, 16, &flow->daddr);
	rec->type = BPF_CORE_READ(result, fib6_type);
	rec->plen = BPF_CORE_READ(route, fib6_dst.plen);
	if (hop && found)
		hs_fill_next_hop(rec, &hop->nh_common);
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 0;
}

#endif
