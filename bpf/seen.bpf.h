/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names are said once: small direct-mapped caches, one a CPU, remember which devices, tasks and
 * sockets were introduced. A collision or another CPU repeats an introduction, which harms nobody;
 * an entry holds enough to notice that an address was given to something else.
 */
#ifndef HS_SEEN_BPF_H
#define HS_SEEN_BPF_H

#define HS_SEEN_BITS  8
#define HS_SEEN_SLOTS (1 << HS_SEEN_BITS)
#define HS_PHI	      0x9e3779b97f4a7c15ull /* 2^64 / phi: spreads numbers that are close together */

struct hs_seen {
	__u64 address;
	__u64 check;
};

struct hs_seen_table {
	struct hs_seen dev[HS_SEEN_SLOTS];
	struct hs_seen qdisc[HS_SEEN_SLOTS];
	struct hs_seen task[HS_SEEN_SLOTS];
	struct hs_seen sock[HS_SEEN_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hs_seen_table);
} seen SEC(".maps");

static __always_inline struct hs_seen_table *hs_seen_table(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&seen, &zero);
}

/* Where to note that a name was said, hs_note(); NULL when it has been. */
static __always_inline struct hs_seen *hs_unseen(struct hs_seen *table, __u64 address, __u64 check)
{
	/*
	 * The slot comes from the check: the verifier allows no arithmetic on an address.
	 * Neighbours (the two ends of a veth, in namespaces made one after the other) must not
	 * share one, so the check is multiplied.
	 */
	struct hs_seen *slot = &table[check * HS_PHI >> (64 - HS_SEEN_BITS)];

	return slot->address == address && slot->check == check ? NULL : slot;
}

static __always_inline void hs_note(struct hs_seen *slot, __u64 address, __u64 check)
{
	slot->address = address;
	slot->check = check;
}

/*
 * The low half of a namespace's cookie: unlike its inode it is not given again. Before 5.12 it is an
 * atomic64_t and made when somebody asks for it (3d368ab87cf6), so the inode must do.
 */
static __always_inline __u32 hs_netns_id(const struct net *net)
{
	if (!bpf_core_field_exists(net->net_cookie))
		return BPF_CORE_READ(net, ns.inum);
	return BPF_CORE_READ(net, net_cookie);
}

static __always_inline void hs_see_dev(const struct net_device *dev, const struct net *net,
				       __u32 netns, __u32 ifindex)
{
	struct hs_seen_table *table = hs_seen_table();
	__u64 check = (__u64)netns << 32 | ifindex;
	const struct rtnl_link_ops *ops;
	struct hs_rec_dev *rec;
	struct hs_seen *slot;

	slot = table ? hs_unseen(table->dev, (__u64)dev, check) : NULL;
	if (!slot)
		return;
	rec = hs_begin_name(HS_REC_DEV, sizeof(*rec));
	if (!rec)
		return;
	rec->cookie = 0;
	if (bpf_core_field_exists(net->net_cookie))
		rec->cookie = BPF_CORE_READ(net, net_cookie);
	rec->netns = netns;
	rec->inum = BPF_CORE_READ(net, ns.inum);
	rec->ifindex = ifindex;
	rec->flags = BPF_CORE_READ(dev, flags);
	rec->mtu = BPF_CORE_READ(dev, mtu);
	rec->peer_pad = 0;
	bpf_probe_read_kernel(rec->name, sizeof(rec->name), dev->name);
	rec->kind[0] = 0;
	ops = BPF_CORE_READ(dev, rtnl_link_ops);
	if (ops)
		bpf_probe_read_kernel_str(rec->kind, sizeof(rec->kind), BPF_CORE_READ(ops, kind));
	hs_submit(rec);
	hs_note(slot, (__u64)dev, check);
}

/* Of a device that has several queues the root is only where their disciplines hang: TCQ_F_MQROOT. */
static __always_inline void hs_see_qdisc(const struct Qdisc *qdisc, const struct net_device *dev)
{
	struct hs_seen_table *table = hs_seen_table();
	__u32 netns = hs_netns_id(BPF_CORE_READ(dev, nd_net.net));
	__u32 ifindex = BPF_CORE_READ(dev, ifindex);
	__u64 check = (__u64)netns << 32 | ifindex;
	struct hs_rec_qdisc *rec;
	struct hs_seen *slot;

	slot = table ? hs_unseen(table->qdisc, (__u64)qdisc, check) : NULL;
	if (!slot || BPF_CORE_READ(qdisc, flags) & HS_TCQ_F_MQROOT)
		return;
	rec = hs_begin_name(HS_REC_QDISC, sizeof(*rec));
	if (!rec)
		return;
	rec->netns = netns;
	rec->ifindex = ifindex;
	rec->kind[0] = 0;
	bpf_probe_read_kernel_str(rec->kind, sizeof(rec->kind), BPF_CORE_READ(qdisc, ops, id));
	hs_submit(rec);
	hs_note(slot, (__u64)qdisc, check);
}

static __always_inline bool hs_is_followed(__u32 pid);

static __always_inline void hs_fill_task_name(struct hs_rec_task *rec, struct task_struct *task,
					      __u32 parent, __u32 event)
{
	rec->pid = BPF_CORE_READ(task, tgid);
	rec->tid = BPF_CORE_READ(task, pid);
	rec->parent = parent;
	rec->event = event;
	rec->followed = hs_is_followed(rec->pid);
	__builtin_memset(rec->pad, 0, sizeof(rec->pad));
	bpf_probe_read_kernel(rec->comm, sizeof(rec->comm), task->comm);
}

static __always_inline void hs_emit_task(struct task_struct *task, __u32 parent, __u32 event)
{
	struct hs_rec_task *rec = hs_begin(HS_REC_TASK, 0, sizeof(*rec), false);

	if (!rec)
		return;
	hs_fill_task_name(rec, task, parent, event);
	hs_submit(rec);
}

/* `id`: its numbers, as bpf_get_current_pid_tgid() has them. */
static __always_inline void hs_see_task(struct task_struct *task, __u64 id)
{
	struct hs_seen_table *table = hs_seen_table();
	struct hs_rec_task *rec;
	struct hs_seen *slot;
	__u64 check = 0;

	bpf_probe_read_kernel(&check, sizeof(check), task->comm);
	check ^= id;
	slot = table ? hs_unseen(table->task, (__u64)task, check) : NULL;
	if (!slot)
		return;
	rec = hs_begin_name(HS_REC_TASK, sizeof(*rec));
	if (!rec)
		return;
	hs_fill_task_name(rec, task, 0, HS_TASK_SEEN);
	hs_submit(rec);
	hs_note(slot, (__u64)task, check);
}

static __always_inline void hs_see_current(void)
{
	hs_see_task((void *)bpf_get_current_task(), bpf_get_current_pid_tgid());
}

static __always_inline bool hs_is_inet(__u16 family)
{
	return family == HS_AF_INET || family == HS_AF_INET6;
}

/* A minisocket (TIME_WAIT, NEW_SYN_RECV) has no more than struct sock_common. */
static __always_inline bool hs_is_full_in(__u8 state)
{
	return state != 6 && state != 12;
}

static __always_inline bool hs_is_full(const struct sock *sk)
{
	return hs_is_full_in(BPF_CORE_READ(sk, __sk_common.skc_state));
}

static __always_inline void hs_read_addresses(const struct sock *sk, struct hs_sa *local,
					      struct hs_sa *remote)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	__builtin_memset(local, 0, sizeof(*local));
	__builtin_memset(remote, 0, sizeof(*remote));
	local->family = remote->family = family;
	local->port = bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num));
	remote->port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (family == HS_AF_INET6) {
		bpf_core_read(local->addr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(remote->addr, 16, &sk->__sk_common.skc_v6_daddr);
	} else {
		bpf_core_read(local->addr, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(remote->addr, 4, &sk->__sk_common.skc_daddr);
	}
}

/* Of the file of a full socket: what tells it from another that is later given the same memory. 0: no file. */
static __always_inline __u32 hs_sock_ino(const struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket ? BPF_CORE_READ(socket, file, f_inode, i_ino) : 0;
}

static __always_inline void hs_fill_sock(struct hs_rec_sock *rec, const struct sock *sk)
{
	rec->sk = (__u64)sk;
	rec->ino = 0;
	rec->netns = hs_netns_id(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	rec->pid = 0;
	rec->fd = 0;
	rec->sock_type = rec->protocol = 0;
	rec->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	rec->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	rec->followed = 0;
	rec->pad2 = 0;
	__builtin_memset(rec->comm, 0, sizeof(rec->comm));
	hs_read_addresses(sk, &rec->local, &rec->remote);
	if (hs_is_full(sk)) {
		rec->sock_type = BPF_CORE_READ(sk, sk_type);
		rec->protocol = BPF_CORE_READ(sk, sk_protocol);
		rec->ino = hs_sock_ino(sk);
	}
}

static __always_inline void hs_see_sock(const struct sock *sk)
{
	struct hs_seen_table *table = hs_seen_table();
	const struct sock_common *c = &sk->__sk_common;
	struct hs_rec_sock *rec;
	struct hs_seen *slot;
	__u64 check = (__u64)c->skc_num << 48 ^ (__u64)c->skc_dport << 32 ^ c->skc_daddr ^
		      (__u64)c->skc_rcv_saddr << 16 ^ (__u64)c->skc_state << 8;

	/* Two sockets of ping have all of that in common. Loads that fail give 0. */
	if (hs_is_full_in(c->skc_state))
		check ^= sk->sk_socket->file->f_inode->i_ino * HS_PHI;
	slot = table ? hs_unseen(table->sock, (__u64)sk, check) : NULL;
	if (!slot)
		return;
	rec = hs_begin_name(HS_REC_SOCK, sizeof(*rec));
	if (!rec)
		return;
	hs_fill_sock(rec, sk);
	hs_submit(rec);
	hs_note(slot, (__u64)sk, check);
}

#endif
