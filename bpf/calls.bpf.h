/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls of followed processes. */
#ifndef HS_CALLS_BPF_H
#define HS_CALLS_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32); /* process */
	__type(value, __u8);
} followed SEC(".maps");

struct hs_open_call {
	__u64 entered;
	__u64 args[6];
	__u64 accepted; /* the new socket that accept() returned */
	__u64 sk;	/* resolved at entry: close() leaves nothing to resolve later */
	__u16 call;
	__u16 sock_type, protocol, family;
	__u32 netns, ino;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* thread */
	__type(value, struct hs_open_call);
} open_calls SEC(".maps");

/* Threads that were seen entering a receive function, where its end is what tells of a read. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* thread */
	__type(value, __u8);
} receiving SEC(".maps");

static __always_inline int hs_entered_receiving(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u8 one = 1;

	if (bpf_map_update_elem(&receiving, &tid, &one, BPF_ANY))
		hs_count_lost(HS_LOST_RECEIVING);
	return 0;
}

static __always_inline bool hs_is_receiving(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&receiving, &tid);
}

static __always_inline void hs_left_receiving(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&receiving, &tid);
}

static __always_inline bool hs_is_followed(__u32 pid)
{
	return bpf_map_lookup_elem(&followed, &pid);
}

#define S_IFMT	 0170000
#define S_IFSOCK 0140000

/* NULL for a file that is no socket. */
static __always_inline struct sock *hs_sock_of_file(struct file *file)
{
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline struct sock *hs_sock_of_fd(__s64 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file ? hs_sock_of_file(file) : NULL;
}

static __always_inline void hs_open_sock(struct hs_open_call *open, struct sock *sk)
{
	open->sk = (__u64)sk;
	open->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	open->sock_type = BPF_CORE_READ(sk, sk_type);
	open->protocol = BPF_CORE_READ(sk, sk_protocol);
	open->netns = hs_netns_id(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	open->ino = hs_sock_ino(sk);
}

/* False for a call that is not of interest. */
static __always_inline bool hs_open_call(struct hs_open_call *open, const struct pt_regs *regs,
					 long nr)
{
	struct sock *sk;

	if (nr < 0 || nr >= HS_NR_MAX)
		return false;
	open->call = hs_call_of_nr[nr];
	if (!open->call)
		return false;
	open->entered = bpf_ktime_get_ns();
#pragma unroll
	for (int i = 0; i < 6; i++)
		open->args[i] = hs_call_argument(regs, i);
	if (open->call == HS_CALL_SOCKET)
		return hs_is_inet(open->args[0]);
	sk = hs_sock_of_fd((int)open->args[0]);
	if (!sk)
		return false;
	hs_open_sock(open, sk);
	return hs_is_inet(open->family);
}

static __always_inline void hs_read_sa(struct hs_sa *ret, __u64 address)
{
	__u8 raw[28] = {};

	__builtin_memset(ret, 0, sizeof(*ret));
	if (!address)
		return;
	if (bpf_probe_read_user(raw, 28, (void *)address) &&
	    bpf_probe_read_user(raw, 16, (void *)address)) {
		hs_count_lost(HS_LOST_ARGUMENT);
		return;
	}
	ret->family = *(__u16 *)raw;
	if (!hs_is_inet(ret->family)) {
		ret->family = 0;
		return;
	}
	ret->port = *(__u16 *)(raw + 2);
	if (ret->family == HS_AF_INET)
		__builtin_memcpy(ret->addr, raw + 4, 4);
	else
		__builtin_memcpy(ret->addr, raw + 8, 16);
}

static __always_inline __u64 hs_iov_bytes(__u64 iov, __u64 n)
{
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < 8; i++) {
		struct iovec v = {};

		if (i < n && !bpf_probe_read_user(&v, sizeof(v), (struct iovec *)iov + i))
			sum += v.iov_len;
	}
	return sum;
}

/* The length of the buffer that the current task's receive call gave, 0 when unknown. */
static __always_inline __u32 hs_asked(__u16 call)
{
	struct user_msghdr msg = {};
	struct pt_regs *regs = hs_current_regs();

	switch (call) {
	case HS_CALL_RECVFROM:
	case HS_CALL_READ:
		return hs_call_argument(regs, 2);
	case HS_CALL_RECVMSG:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)hs_call_argument(regs, 1)))
			return 0;
		return hs_iov_bytes((__u64)msg.msg_iov, msg.msg_iovlen);
	}
	return 0;
}

/* The flags that it gave. */
static __always_inline __u32 hs_asked_flags(__u16 call)
{
	struct pt_regs *regs = hs_current_regs();

	switch (call) {
	case HS_CALL_RECVFROM:
		return hs_call_argument(regs, 3);
	case HS_CALL_RECVMSG:
		return hs_call_argument(regs, 2);
	}
	return 0;
}

/* Decodes the arguments that matter. `done`: the kernel has filled what it returns. */
static __always_inline void hs_fill_args(struct hs_rec_call *rec, const struct hs_open_call *open,
					 bool done)
{
	struct user_msghdr msg = {};
	__u64 address = 0;

	rec->fd = open->args[0];
	rec->flags = 0;
	rec->len = 0;
	switch (open->call) {
	case HS_CALL_SOCKET:
		rec->fd = -1;
		rec->family = open->args[0];
		rec->sock_type = open->args[1] & 0xf;
		rec->protocol = open->args[2];
		break;
	case HS_CALL_BIND:
	case HS_CALL_CONNECT:
		address = open->args[1];
		break;
	case HS_CALL_LISTEN:
	case HS_CALL_SHUTDOWN:
		rec->flags = open->args[1];
		break;
	case HS_CALL_ACCEPT:
	case HS_CALL_ACCEPT4:
		if (done)
			address = open->args[1];
		rec->len = open->accepted;
		break;
	case HS_CALL_RECVFROM:
		rec->len = open->args[2];
		rec->flags = open->args[3];
		if (done)
			address = open->args[4];
		break;
	case HS_CALL_SENDTO:
		rec->len = open->args[2];
		rec->flags = open->args[3];
		address = open->args[4];
		break;
	case HS_CALL_SENDMSG:
	case HS_CALL_SENDMMSG:
	case HS_CALL_RECVMSG:
	case HS_CALL_RECVMMSG:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)open->args[1])) {
			hs_count_lost(HS_LOST_ARGUMENT);
			break;
		}
		rec->len = hs_iov_bytes((__u64)msg.msg_iov, msg.msg_iovlen);
		rec->flags =
			open->args[open->call == HS_CALL_SENDMSG || open->call == HS_CALL_RECVMSG
					   ? 2
					   : 3];
		if (open->call == HS_CALL_SENDMSG || open->call == HS_CALL_SENDMMSG || done)
			address = (__u64)msg.msg_name;
		break;
	case HS_CALL_READ:
	case HS_CALL_WRITE:
		rec->len = open->args[2];
		break;
	case HS_CALL_READV:
	case HS_CALL_WRITEV:
		rec->len = hs_iov_bytes(open->args[1], open->args[2]);
		break;
	}
	hs_read_sa(&rec->name, address);
}

static __always_inline void hs_emit_call(const struct hs_open_call *open, bool done, __s64 ret)
{
	struct sock *sk = (struct sock *)open->sk;
	__u64 id = bpf_get_current_pid_tgid();
	struct hs_rec_call *rec;
	struct net *net;

	if (open->protocol == HS_IPPROTO_TCP && !(done && open->call == HS_CALL_CLOSE))
		hs_see_tcp(sk);
	rec = hs_begin(HS_REC_CALL, 0, sizeof(*rec), false);
	if (!rec)
		return;
	if (!done)
		rec->hdr.flags |= HS_F_ENTER;
	rec->entered = open->entered;
	rec->pid = id >> 32;
	rec->tid = id;
	rec->call = open->call;
	rec->ret = ret;
	rec->sk = open->sk;
	rec->netns = open->netns;
	rec->family = open->family;
	rec->sock_type = open->sock_type;
	rec->protocol = open->protocol;
	rec->port_floor = -1;
	rec->qlen = 0;
	rec->err = 0;
	rec->ino = open->ino;
	__builtin_memset(&rec->local, 0, sizeof(rec->local));
	__builtin_memset(&rec->remote, 0, sizeof(rec->remote));
	hs_fill_args(rec, open, done);
	if (sk && !(done && open->call == HS_CALL_CLOSE)) {
		rec->qlen = BPF_CORE_READ(sk, sk_receive_queue.qlen);
		if (open->protocol == HS_IPPROTO_UDP)
			rec->qlen += BPF_CORE_READ((struct udp_sock *)sk, reader_queue.qlen);
		rec->err = BPF_CORE_READ(sk, sk_err);
		hs_read_addresses(sk, &rec->local, &rec->remote);
	}
	if (done && open->call == HS_CALL_BIND && ret == -HS_EACCES && sk) {
		net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
		rec->port_floor = BPF_CORE_READ(net, ipv4.sysctl_ip_prot_sock);
	}
	hs_submit(rec);
}

#endif
