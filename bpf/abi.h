/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records: what BPF writes into the ring buffer, what user space adds to the same stream, and what
 * a recording file holds. All integers are in the byte order of the machine that recorded, except
 * addresses, ports and header bytes, which stay in network order. Times are CLOCK_MONOTONIC
 * nanoseconds. Every record starts with struct hs_hdr and is `size` bytes long; fields that a
 * reader does not know at the end of a record are skipped. Types and stages are append-only.
 */
#ifndef HS_ABI_H
#define HS_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define HS_ABI_VERSION	 1u
#define HS_NAME_LEN	 16   /* IFNAMSIZ and TASK_COMM_LEN */
#define HS_MAX_FRAMES	 40   /* of one stack */
#define HS_MAX_CPUS	 512  /* that are traced; what others lose is counted */
#define HS_MOST_CPUS	 1024 /* with more nothing is traced; a power of two */
#define HS_HEADERS_SHORT 64   /* bytes from the network header on: IPv6 + TCP without options */
#define HS_SNAP_MAX	 4096 /* bytes of a packet that can be asked for */
#define HS_HEADERS_LONG	 128  /* ICMPv6 error: IPv6 + ICMPv6 + quoted IPv6 + quoted transport */

enum hs_stage {
#define HS_STAGE(id, NAME, ...) HS_STAGE_##NAME = id,
#include "stages.def"
#undef HS_STAGE
};

enum hs_rec_type {
	/* written by BPF */
	HS_REC_STAGE = 1, /* struct hs_rec_stage: a packet was seen at a stage; WAKEUP: at.skb is 0,
			     at.pid and at.tid are the task that is woken for what was queued last;
			     RUNNING: the same task, when it is on a CPU */
	HS_REC_BIRTH =
		2, /* struct hs_rec_birth: the same, and it may be a new packet; DEV_QUEUE without
			     HS_F_LOCAL: its headers may be others by now, or it is a copy or a fragment */
	HS_REC_FREE = 3,  /* struct hs_rec_free: DROP or CONSUME */
	HS_REC_ICMP = 4,  /* struct hs_rec_icmp: an ICMP error is about to be built */
	HS_REC_QUEUE = 5, /* struct hs_rec_queue: a socket has more to read, or an error */
	HS_REC_READ = 6,  /* struct hs_rec_read: a receive or a failed send returns */
	HS_REC_CALL = 7,  /* struct hs_rec_call: a followed process leaves a call (or enters one) */
	HS_REC_TASK = 8,  /* struct hs_rec_task: a task's name, birth or end */
	HS_REC_DEV = 9,	  /* struct hs_rec_dev: a device's name, before its first use */
	HS_REC_SOCK = 10, /* struct hs_rec_sock: a socket's endpoints, before their first use */
	HS_REC_TCP = 11,  /* struct hs_rec_tcp: something happened to a TCP socket */
	HS_REC_SIGNAL = 12,  /* struct hs_rec_signal: a followed process gets a signal */
	HS_REC_PAYLOAD = 13, /* struct hs_rec_payload: the first bytes of the packet born next */
	HS_REC_FUNC = 14,    /* struct hs_rec_func: a function of functions.def ran */
	HS_REC_ROUTE = 15,   /* struct hs_rec_route: a routing table was asked */
	HS_REC_QDISC = 16,   /* struct hs_rec_qdisc: a queueing discipline, before its first use */
	HS_REC_TAG =
		17, /* struct hs_rec_tag: the VLAN tag of the packet that is told next on that CPU */
	/* written by user space */
	HS_REC_START = 32,   /* struct hs_rec_start: always first */
	HS_REC_TICK = 33,    /* struct hs_hdr only: time has come so far */
	HS_REC_LOSS = 34,    /* struct hs_rec_loss: what the kernel could not write */
	HS_REC_NETNS = 35,   /* struct hs_rec_netns: a namespace's label */
	HS_REC_SYM = 36,     /* struct hs_rec_text: key is a code address, text its function */
	HS_REC_REASON = 37,  /* struct hs_rec_text: key is a drop reason, text its name */
	HS_REC_BOUND = 38,   /* struct hs_rec_sock: bound, found in /proc near a NO_SOCKET drop */
	HS_REC_COUNTER = 39, /* struct hs_rec_counter: the ICMP limits' counters of a namespace */
	HS_REC_END = 40,     /* struct hs_rec_end: always last; its absence means a cut recording */
	HS_REC_RST_REASON =
		41, /* struct hs_rec_text: key is an enum sk_rst_reason, text its name */
	HS_REC_PROBE =
		43, /* struct hs_rec_text: a function that is probed; key: enum hs_backend << 32 |
			      its number in HS_REC_FUNC, text: its name in the kernel */
	HS_REC_RULE =
		44, /* struct hs_rec_rule: firewall rules of a namespace, before the drop that asks for them */
	HS_REC_MINI =
		42, /* struct hs_rec_sock: the minisocket that a socket left, asked for by sock_diag(7) before its CHANGED record is passed on */
	HS_REC_REFUSAL =
		45, /* struct hs_rec_refusal: a route or a rule that refuses, before the call or the drop that asks for them */
	HS_REC_PREFIX = 46, /* struct hs_rec_prefix: of the HS_REC_ROUTE that is next */
};

enum hs_hdr_flags {
	HS_F_SOFTIRQ = 1 << 0, /* ran in a softirq; the task is only who was interrupted */
	HS_F_ENTER = 1 << 1,   /* HS_REC_CALL: at entry, the result is not known yet */
	HS_F_LOCAL = 1 << 2,   /* HS_REC_BIRTH: skb_iif is 0, so no device received it before */
	HS_F_PARTIAL =
		1 << 4, /* HS_REC_BIRTH: CHECKSUM_PARTIAL, the device is to fill the checksum in */
	HS_F_LISTED = 1 << 3,	  /* a name, or written by an iterator: no sequence number */
	HS_F_NO_CARRIER = 1 << 5, /* HS_REC_FREE: just queued to a device that has no link */
	HS_F_LOOPED = 1 << 6,	  /* HS_REC_BIRTH, BACKLOG: a copy for its own sender's machine */
	HS_F_AHEAD =
		1 << 7, /* HS_REC_LOSS: some of it may have been lost among the records that follow,
				as long as they are not younger than `until` */
};

struct hs_hdr {
	__u8 type;   /* enum hs_rec_type */
	__u8 stage;  /* enum hs_stage or 0 */
	__u8 flags;  /* enum hs_hdr_flags */
	__u8 frames; /* return addresses at the end of the record, innermost first */
	__u16 size;  /* of the whole record, frames included */
	__u16 cpu;
	__u32 seq; /* per CPU; a gap is a lost record. 0 where there is no number */
	__u32 ctx; /* in a softirq: its number on this CPU (low bits); else 0 */
	__u64 time;
};

/* What every sighting of a packet says. */
struct hs_where {
	__u64 skb;
	__u32 netns;   /* low half of the namespace's cookie, 0 when unknown */
	__u32 ifindex; /* 0 when the packet has no device */
	__u32 pid;     /* current process (tgid) and thread */
	__u32 tid;
};

struct hs_rec_stage {
	struct hs_hdr hdr;
	struct hs_where at;
};

/* Addresses of a socket or of a sockaddr argument; family 0: none. IPv4 uses addr[0..3]. */
struct hs_sa {
	__u16 family;
	__u16 port; /* network order */
	__u8 addr[16];
};

struct hs_rec_birth {
	struct hs_hdr hdr;
	struct hs_where at;
	__u64 head;   /* start of the packet's memory; clones share it */
	__u64 sk;     /* the socket that sent it, 0 when none */
	__u32 len;    /* skb->len */
	__u16 proto;  /* EtherType, host order */
	__u8 headers; /* bytes of `data` that were read */
	__u8 headroom; /* before its network header, 2 bytes each; 0 not told (older recordings), 255 more */
	__u32 l3;     /* length from the network header on */
	__u16 call;   /* enum hs_call_id the current task is in; 0 when unknown or in a softirq */
	__u8 pending; /* TCP: the sender's timer that is set, icsk_pending; 0 none */
	__u8 ct;      /* enum hs_ct | enum ip_conntrack_info; 0 in older recordings */
	__u8 data[HS_HEADERS_LONG]; /* from the network header on; short records end earlier */
};

/* functions.def says what they mean. */
enum hs_fn_kind {
	HS_FN_STACK,
	HS_FN_AT,
	HS_FN_NEXT,
	HS_FN_CALL,
	HS_FN_HERE,
	HS_FN_NEW,
	HS_FN_READ,
};

enum hs_fn_flags {
	HS_FN_RESULT = 1 << 0,
	HS_FN_NODEV = 1 << 1,
	HS_FN_HOOK = 1 << 2,
	HS_FN_LEAF = 1 << 3,
	HS_FN_ENTRY = 1 << 4,
	HS_FN_SOCK = 1 << 5,
};

/* By what a stage is timed; the order is that of trace.h's --backend names, and append-only. */
enum hs_backend {
	HS_BY_STACK, /* not timed */
	HS_BY_TRACEPOINT,
	HS_BY_FENTRY,
	HS_BY_KPROBE_MULTI,
	HS_BY_KPROBE,
};

enum hs_func_how {
	HS_FUNC_PASSED,	 /* it was entered; its result is not told */
	HS_FUNC_ENTERED, /* the same function's LEFT or nothing follows in this context */
	HS_FUNC_LEFT,	 /* ret; at.skb is 0 but for a kind NEW */
	HS_FUNC_DONE,	 /* left, with what it was entered with */
};

struct hs_rec_func {
	struct hs_hdr hdr;
	struct hs_where
		at; /* skb 0: the function has none; netns 0: skb->dev is none, or not known */
	__s64 ret; /* as a register: a 32-bit value has garbage above; with HS_FN_ENTRY: argument 2 */
	__u16 fn;   /* number of the function in this recording, HS_REC_PROBE */
	__u8 kind;  /* enum hs_fn_kind */
	__u8 how;   /* enum hs_func_how */
	__u16 call; /* as in hs_rec_birth */
	__u8 hook;  /* with HS_FN_HOOK: enum nf_inet_hooks (include/uapi/linux/netfilter.h) */
	__u8 pf;    /* NFPROTO_* */
};

/* at.skb is 0: it is about the packet received there, or the one sent next. */
struct hs_rec_route {
	struct hs_hdr hdr;
	struct hs_where at; /* ifindex is 0; netns of `oif`, 0 without one */
	__u32 table;
	__s32 err;  /* 0 or negative errno; -EAGAIN: nothing in this table */
	__u32 oif;  /* device of the next hop, 0 none */
	__u8 type;  /* RTN_* (include/uapi/linux/rtnetlink.h); IPv4: RTN_LOCAL or 0, not told */
	__u8 plen;  /* of the route that matched, bits; IPv6 only */
	__u16 call; /* as in hs_rec_birth */
	struct hs_sa dst; /* that was asked for; port 0 */
	struct hs_sa via; /* next hop; family 0: none, it is on the link */
};

struct hs_rec_free {
	struct hs_hdr hdr;
	struct hs_where at;
	__u64 location; /* code address that freed it */
	__u64 sk; /* the receiving socket, where the kernel (from 6.11) or a function says it, else 0 */
	__u32 reason; /* enum skb_drop_reason of the running kernel; 0 for CONSUME */
	__u32 rmem;   /* bytes charged to `sk`, and its limit, when there is one */
	__u32 rcvbuf;
	__u32 head; /* low half of skb->head, 0 unknown: is it still the packet that was born there? */
};

/* HS_REC_FREE of DROP; older recordings end before `mark`. */
struct hs_rec_drop {
	union {
		struct hs_hdr hdr;
		struct hs_rec_free freed;
	};
	__u32 mark; /* skb->mark */
	__u32 ct; /* enum hs_ct | enum ip_conntrack_info (uapi/linux/netfilter/nf_conntrack_common.h) */
};

enum hs_ct {
	HS_CT_INFO = 7,	      /* the bits of ip_conntrack_info, skb->_nfct (NFCT_INFOMASK) */
	HS_CT_ENTRY = 1 << 3, /* it belongs to a connection that is tracked */
	HS_CT_TOLD = 1 << 4,  /* the kernel has connection tracking */
};

struct hs_rec_icmp {
	struct hs_hdr hdr;
	struct hs_where at; /* the offending packet */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 pad[6];
};

/* SOCK_QUEUE and SOCK_ERROR. at.skb is the last packet of the receive queue, 0 when it is empty. */
struct hs_rec_queue {
	struct hs_hdr hdr;
	struct hs_where at;
	__u64 sk;
	__u32 rmem;
	__u32 rcvbuf;
	__u32 qlen; /* packets in the receive queue */
	__s32 err;  /* SOCK_ERROR: positive errno */
};

/* A receive of any process, or (SOCK_READ absent, stage 0) a send that failed. */
struct hs_rec_read {
	struct hs_hdr hdr;
	struct hs_where at; /* skb is 0 */
	__u64 sk;
	__s32 ret;   /* bytes or negative errno */
	__u32 flags; /* MSG_* as the protocol saw them */
	__u32 rmem;  /* what is left */
	__u32 qlen;
	__u16 call; /* as in hs_rec_birth */
	__u16 pad;
	__u32 asked; /* with MSG_TRUNC, which hides it in `ret`: the buffer's length; else 0 */
};

enum hs_tcp_what {
	HS_TCP_SNAPSHOT,      /* as it is, for the QUEUE, READ or CALL record that follows */
	HS_TCP_CHANGED,	      /* before, after: its state (inet_sock_set_state) */
	HS_TCP_RECEIVED,      /* at.skb is about to be processed by it (tcp_probe) */
	HS_TCP_RETRANSMITTED, /* seq .. end_seq have been sent again */
	HS_TCP_RESET_SENT,    /* because of at.skb, 0: a call or a timer; reason */
	HS_TCP_RESET_RECEIVED,
};

/*
 * A TCP socket. Sequence numbers are the kernel's, which wrap. A minisocket or none (sk 0) has only
 * what the record is about. local.family 0: unknown.
 */
struct hs_rec_tcp {
	struct hs_hdr hdr;
	struct hs_where at; /* ifindex is 0 */
	__u64 sk;
	__u8 what;	  /* enum hs_tcp_what */
	__u8 before;	  /* TCP_*, CHANGED only */
	__u8 after;	  /* TCP_*: what it is now */
	__u8 pending;	  /* icsk_pending, the timer that is set */
	__u8 retransmits; /* timeouts in a row */
	__u8 probes;	  /* zero-window or keep-alive probes without an answer */
	__u16 call;	  /* as in hs_rec_birth */
	__u32 reason;	  /* RESET_SENT: enum sk_rst_reason */
	__u32 seq;	  /* RETRANSMITTED */
	__u32 end_seq;
	__u32 write_seq; /* after the last byte written */
	__u32 snd_una;	 /* the first that is not acknowledged */
	__u32 snd_nxt;
	__u32 rcv_nxt;
	__u32 copied_seq; /* the first that is not read */
	__u32 snd_wnd;	  /* what the peer takes, bytes */
	__u32 rcv_wnd;	  /* what it has promised to take */
	__u32 sndbuf;	  /* sk_sndbuf, bytes */
	__u32 rcvbuf;
	__u32 backlog;	   /* of a listener: connections that wait for accept() */
	__u32 backlog_max; /* what listen() asked for; full means more than this */
	__s32 err;	   /* sk_err, positive */
	__u32 shutdown;	   /* sk_shutdown: 1 receive, 2 send */
	struct hs_sa local;
	struct hs_sa remote;
	/* what may keep back bytes that are written; absent in older recordings */
	__u32 wmem;	 /* sk_wmem_queued, bytes of memory: send() waits when it is sndbuf */
	__u32 cwnd;	 /* segments */
	__u32 in_flight; /* segments, tcp_packets_in_flight() */
	__u32 snd_sml;	 /* after the last byte that a segment shorter than mss carried */
	__u16 mss;	 /* mss_cache, bytes */
	__u8 nonagle;	 /* TCP_NAGLE_*, include/net/tcp.h */
	__u8 pad[5];
};

/* Asked for with -X or -s only; before its BIRTH, on the same CPU. */
struct hs_rec_payload {
	struct hs_hdr hdr;
	__u64 skb;
	__u32 len; /* bytes of `data` that were read */
	__u32 pad;
	__u8 data[]; /* from the network header on */
};

/* Before DEV_QUEUE and RECEIVE of a packet that has one beside its bytes, skb_vlan_tag_present(). */
struct hs_rec_tag {
	struct hs_hdr hdr;
	__u64 skb;
	__u16 proto; /* EtherType of the tag, host order: 0x8100, 0x88a8 */
	__u16 tci;   /* its low 12 bits are the number of the VLAN */
	__u32 pad;
};

struct hs_rec_signal {
	struct hs_hdr hdr;
	__u32 pid; /* of whom gets it */
	__u32 tid;
	__u32 number; /* SIG* */
	__u32 caught; /* the process has a handler for it; what it ignores is not told */
};

enum hs_call_id {
	HS_CALL_NONE,
	HS_CALL_SOCKET,
	HS_CALL_BIND,
	HS_CALL_CONNECT,
	HS_CALL_LISTEN,
	HS_CALL_ACCEPT,
	HS_CALL_ACCEPT4,
	HS_CALL_SENDTO,
	HS_CALL_SENDMSG,
	HS_CALL_SENDMMSG,
	HS_CALL_RECVFROM,
	HS_CALL_RECVMSG,
	HS_CALL_RECVMMSG,
	HS_CALL_READ,
	HS_CALL_WRITE,
	HS_CALL_READV,
	HS_CALL_WRITEV,
	HS_CALL_SHUTDOWN,
	HS_CALL_CLOSE,
	HS_CALL_EXIT, /* no call: the process ends, and the kernel closes what it left open */
	HS_CALL_MAX,
};

struct hs_rec_call {
	struct hs_hdr hdr;
	__u64 entered; /* time of entry */
	__u32 pid;
	__u32 tid;
	__u16 call;	 /* enum hs_call_id */
	__u16 sock_type; /* SOCK_* */
	__u16 protocol;	 /* IPPROTO_* */
	__u16 family;	 /* AF_* of the socket */
	__s32 fd;	 /* -1 for socket() */
	__u32 flags;	 /* MSG_*, backlog of listen(), how of shutdown() */
	__s64 ret;	 /* result or negative errno; 0 at entry */
	__u64 len; /* bytes offered or asked for; of accept(): the new socket's address; else 0 */
	__u64 sk;
	__u32 netns;
	__s32 port_floor; /* bind() that failed with EACCES: net.ipv4.ip_unprivileged_port_start,
			     else -1 */
	__u32 qlen;	  /* receive queue after the call */
	__s32 err;	  /* pending error of the socket after the call, positive */
	struct hs_sa local;
	struct hs_sa remote; /* the peer a socket is connected to */
	struct hs_sa name;   /* the address that was given, or that was returned */
	__u32 ino;	     /* inode of the socket's file; 0: a recording that does not tell */
};

enum hs_task_event { HS_TASK_SEEN, HS_TASK_FORK, HS_TASK_EXEC, HS_TASK_EXIT };

struct hs_rec_task {
	struct hs_hdr hdr;
	__u32 pid;
	__u32 tid;
	__u32 parent;  /* FORK: the process that forked */
	__u32 event;   /* enum hs_task_event */
	__u8 followed; /* belongs to the followed tree */
	__u8 pad[7];
	char comm[HS_NAME_LEN];
};

struct hs_rec_dev {
	struct hs_hdr hdr;
	__u64 cookie; /* of the namespace, whole */
	__u32 netns;
	__u32 inum; /* inode of the namespace */
	__u32 ifindex;
	__u32 flags; /* IFF_* */
	__u32 mtu;
	__u32 peer_pad;
	char name[HS_NAME_LEN];
	char kind[HS_NAME_LEN]; /* rtnl_link_ops kind ("veth"), empty for a physical device and lo
				 */
};

/* A later one of the same device: it has another now. */
struct hs_rec_qdisc {
	struct hs_hdr hdr;
	__u32 netns; /* of its device */
	__u32 ifindex;
	char kind[HS_NAME_LEN]; /* "netem" */
};

struct hs_rec_sock {
	struct hs_hdr hdr;
	__u64 sk;  /* 0 in HS_REC_BOUND */
	__u64 ino; /* inode of the socket's file, 0 when it has none */
	__u32 netns;
	__u32 pid; /* owner when known, else 0 */
	__u32 fd;
	__u16 sock_type;
	__u16 protocol;
	__u16 family;
	__u8 state;    /* TCP_*: for UDP, ESTABLISHED means connected */
	__u8 followed; /* the owner belongs to the followed tree (found before tracing began) */
	struct hs_sa local;
	struct hs_sa remote;
	__u32 pad2;
	char comm[HS_NAME_LEN]; /* owner's name when known */
};

/* User space. Strings are NUL-terminated inside their field. */
struct hs_rec_start {
	struct hs_hdr hdr;
	char magic[8]; /* "HOPSCOPE" */
	__u32 abi;     /* HS_ABI_VERSION */
	__u32 cpus;
	__s64 wall_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	__u32 stacks;	   /* were stacks taken */
	__u32 spec_len;	   /* bytes of `spec` */
	char release[64];  /* uname -r */
	char spec[];	   /* the selection, as NUL-terminated words, as on the command line */
};

struct hs_rec_loss {
	struct hs_hdr hdr; /* cumulative since the start */
	__u64 reserve;	   /* records for which the ring buffer had no room */
	__u64 misses;	   /* programs skipped for recursion */
	__u64 maps;	   /* the sum of those enum hs_lost that a fate may depend on */
	__u64 untimed; /* programs that only add a hop (on functions, routes, wake-ups) skipped; absent in
			      older recordings */
	__u64 calls; /* the same of those on system calls, of whatever process; absent in older recordings */
	__u32 n_kinds; /* from here on absent in older recordings */
	__u32 n_cpus;
	__u64 until; /* when these numbers were read */
	__u64 counts
		[]; /* of each enum hs_lost that was counted, n_kinds; then `reserve` of each CPU */
};

/* What BPF counts beside records without room; append-only. Of those before WOKEN a fate may depend. */
enum hs_lost {
	HS_LOST_NAME, /* a device's, task's or socket's name without room; said at the next occasion */
	HS_LOST_FOLLOWED,  /* a child whose calls are not seen: the map `followed` is full */
	HS_LOST_CALL,	   /* a call whose entry is not kept: `open_calls` */
	HS_LOST_RECEIVING, /* a thread that receives: `receiving` */
	HS_LOST_HEADERS,   /* of a packet: memory that could not be read */
	HS_LOST_WOKEN,	   /* a reader that was woken: `woken` */
	HS_LOST_STACK,	   /* not taken: the limit of a window of time, or the unwinder */
	HS_LOST_ARGUMENT,  /* of a call: user memory that could not be read */
	HS_LOST_PAYLOAD,   /* bytes of a packet that could not be read */
	HS_LOST_SOFTIRQ,   /* one that no program saw; the loader counts them */
	HS_LOST_KINDS,
};

struct hs_rec_netns {
	struct hs_hdr hdr;
	__u32 netns;
	__u32 inum;
	char label[64];
};

struct hs_rec_text {
	struct hs_hdr hdr;
	__u64 key;
	char text[]; /* NUL-terminated */
};

enum hs_rule_what {
	HS_RULES_BEGIN, /* what was known of the namespace's rules is no more; no text */
	HS_RULES_ITEM,
	HS_RULES_FAILED, /* they cannot be read, or one is too long for a record; text: why */
};

/*
 * An item is one of libnftables-json(5): chain, set, map, {"rule":{..}} with its own words added as "text"; or
 * {"legacy":{"family":"ip","table":"filter"}}, a table that iptables-legacy has in use.
 */
struct hs_rec_rule {
	struct hs_hdr hdr;
	__u32 netns;
	__u32 what;  /* enum hs_rule_what */
	char text[]; /* NUL-terminated */
};

enum hs_refusal_what {
	HS_REFUSALS_BEGIN, /* what was known of the namespace is no more; the rest is 0 */
	HS_REFUSAL_ROUTE,  /* IPv4 only: the kernel tells of IPv6 which route matched */
	HS_REFUSAL_RULE,
};

/* Of a routing table, or of the rules that say which table is asked (ip-rule(8)); rules in their order. */
struct hs_rec_refusal {
	struct hs_hdr hdr;
	__u32 netns;
	__u8 what; /* enum hs_refusal_what */
	__u8 type; /* RTN_BLACKHOLE, _UNREACHABLE, _PROHIBIT, _THROW; a rule's FR_ACT_* are the same */
	__u8 dst_plen,
		src_plen; /* bits of dst, src; 0: any; of a rule also: what it asks for is not told */
	__u32 number;	  /* table; of a rule its preference */
	__u32 pad;
	struct hs_sa dst, src; /* port 0; src: rules only */
};

/* The prefix of the route that an IPv4 table answered with, as the table has it. */
struct hs_rec_prefix {
	struct hs_hdr hdr;
	__u32 netns; /* these three as in struct hs_rec_route */
	__u32 table;
	struct hs_sa dst;
	__u8 plen; /* bits */
	__u8 pad[3];
};

struct hs_rec_counter {
	struct hs_hdr hdr;
	__u32 netns;
	__u32 pad;
	__u64 icmp_limit_global; /* IcmpOutRateLimitGlobal of /proc/net/snmp */
	__u64 icmp_limit_host;	 /* IcmpOutRateLimitHost */
	__u64 icmp6_limit_host;	 /* Icmp6OutRateLimitHost of /proc/net/snmp6 */
};

struct hs_rec_end {
	struct hs_hdr hdr;
	__u64 generated; /* numbered records that BPF began, over all CPUs */
	__u64 lost;	 /* of these, without room */
};

/* Not a record: what BPF keeps for each CPU, and user space reads. */
struct hs_cpu {
	__u64 generated;	    /* numbered records begun */
	__u64 lost;		    /* of these, without room in the ring buffer */
	__u64 kinds[HS_LOST_KINDS]; /* enum hs_lost */
	__u32 softirq;		    /* its number while one runs here, else 0; they do not nest */
	__u32 softirqs;		    /* the last number that was given */
	__u64 queued;		    /* the packet that was given to a device's queue last */
	__u64 offered; /* the packet that this softirq gave to a socket last, 0 once it is queued */
	__u64 taker;   /* that socket */
	__u32 waking;  /* a socket was just told that it has more to read */
	__u32 pad;
	__u32 stacks;		/* taken in this window of time */
	__u32 window;		/* time / 2^HS_STACK_WINDOW_BITS */
} __attribute__((aligned(64))); /* no cache line of two CPUs */

#define HS_SIZE_IS(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
HS_SIZE_IS(hs_hdr, 24);
HS_SIZE_IS(hs_where, 24);
HS_SIZE_IS(hs_sa, 20);
HS_SIZE_IS(hs_rec_stage, 48);
HS_SIZE_IS(hs_rec_birth, 80 + HS_HEADERS_LONG);
HS_SIZE_IS(hs_rec_func, 64);
HS_SIZE_IS(hs_rec_route, 104);
HS_SIZE_IS(hs_rec_free, 80);
HS_SIZE_IS(hs_rec_drop, 88);
HS_SIZE_IS(hs_rec_icmp, 56);
HS_SIZE_IS(hs_rec_queue, 72);
HS_SIZE_IS(hs_rec_read, 80);
HS_SIZE_IS(hs_rec_tcp, 192);
HS_SIZE_IS(hs_rec_tag, 40);
HS_SIZE_IS(hs_rec_signal, 40);
HS_SIZE_IS(hs_rec_payload, 40);
HS_SIZE_IS(hs_rec_call, 160);
HS_SIZE_IS(hs_rec_task, 64);
HS_SIZE_IS(hs_rec_dev, 88);
HS_SIZE_IS(hs_rec_qdisc, 48);
HS_SIZE_IS(hs_rec_sock, 120);
HS_SIZE_IS(hs_rec_start, 120);
HS_SIZE_IS(hs_rec_loss, 80);
HS_SIZE_IS(hs_rec_netns, 96);
HS_SIZE_IS(hs_rec_text, 32);
HS_SIZE_IS(hs_rec_rule, 32);
HS_SIZE_IS(hs_rec_refusal, 80);
HS_SIZE_IS(hs_rec_prefix, 56);
HS_SIZE_IS(hs_rec_counter, 56);
HS_SIZE_IS(hs_rec_end, 40);

#endif
