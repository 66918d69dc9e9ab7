/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model: what the journey engine builds and the renderers show. Plain data, no behaviour.
 *
 * Times are CLOCK_MONOTONIC nanoseconds. Strings are owned by the names store (names.h) and live as
 * long as the run. Pointers between journeys, sockets and calls are valid inside a sink callback
 * only; to remember something across callbacks, keep its id.
 */
#ifndef HS_MODEL_H
#define HS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/abi.h"

struct hs_addr {
	uint8_t family;	   /* AF_INET, AF_INET6, 0: none */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

struct hs_endpoint {
	struct hs_addr addr;
	uint16_t port; /* host order */
};

/* One layer-3 packet as its headers tell. RFC 791, 8200, 768, 9293, 792, 4443, 826. */
struct hs_packet {
	uint16_t ethertype;
	uint8_t version;      /* 4, 6; 0: not IP */
	uint8_t proto;	      /* IPPROTO_*, after IPv6 extension headers */
	uint8_t ttl;	      /* or hop limit */
	bool has_ports;	      /* src.port and dst.port are set */
	bool has_icmp;	      /* icmp_type, icmp_code are set (ICMP or ICMPv6) */
	bool icmp_error;      /* it reports on another packet */
	bool later_fragment;  /* a fragment without the transport header */
	bool fragmented;      /* any fragment */
	bool ip_options;      /* its IPv4 header has some */
	uint16_t frag_offset; /* bytes */
	struct hs_endpoint src, dst;
	uint32_t ip_id;
	uint32_t length;  /* from the IP header on, bytes */
	uint32_t payload; /* after the transport header, bytes */
	uint16_t
		headroom; /* when it was born, before its network header, bytes; 0 unknown, 510: or more */
	bool checksum_left; /* when it was born its checksum was not computed: the device is to do it */
	uint8_t icmp_type, icmp_code;
	uint16_t echo_id, echo_seq;
	uint32_t icmp_info; /* rest of the header: next-hop MTU */
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window;
	uint16_t arp_op; /* 1 request, 2 reply; src, dst hold the protocol addresses */
	/* of an ICMP error: the packet it quotes */
	bool has_quoted;
	uint8_t quoted_proto;
	struct hs_endpoint quoted_src, quoted_dst; /* ports 0 where the quote is too short */
	uint32_t quoted_ip_id;
};

/* Who ran something. */
struct hs_task {
	uint32_t pid, tid; /* 0: the idle task or unknown */
	const char *comm;  /* "" when unknown */
};

/* include/net/tcp_states.h; RFC 9293, 3.3.2. 0: not TCP, or unknown. */
enum hs_tcp_state {
	HS_TCP_NONE,
	HS_TCP_ESTABLISHED,
	HS_TCP_SYN_SENT,
	HS_TCP_SYN_RECV,
	HS_TCP_FIN_WAIT1,
	HS_TCP_FIN_WAIT2,
	HS_TCP_TIME_WAIT,
	HS_TCP_CLOSE,
	HS_TCP_CLOSE_WAIT,
	HS_TCP_LAST_ACK,
	HS_TCP_LISTEN,
	HS_TCP_CLOSING,
	HS_TCP_NEW_SYN_RECV, /* shown as SYN_RECV: a request that has no socket yet */
	HS_TCP_STATE_MAX
};

struct hs_socket {
	uint32_t id; /* @id */
	uint64_t sk; /* kernel address, for -vv */
	const char *netns;
	uint16_t family, type, protocol;  /* AF_*, SOCK_*, IPPROTO_* */
	struct hs_endpoint local, remote; /* remote.port 0: not connected */
	struct hs_task owner;
	bool followed;
	/* of TCP */
	enum hs_tcp_state state;
	uint32_t flow;			      /* ~id of its connection, 0 */
	bool has_queues;		      /* what follows was read from the kernel */
	uint32_t rcv_queued, rcv_limit;	      /* bytes that wait to be read; sk_rcvbuf */
	uint32_t snd_queued, snd_limit;	      /* bytes written and not acknowledged; sk_sndbuf */
	uint32_t rcv_window, snd_window;      /* bytes it offers to take; that the peer does */
	uint32_t accept_queued, accept_limit; /* a listener's connections that wait */
};

/* One end of a flow. */
struct hs_flow_end {
	struct hs_endpoint at;
	const char *netns;    /* "" unknown: a stranger on another machine */
	uint32_t socket;      /* id, 0: none is known (yet, or a minisocket) */
	struct hs_task owner; /* pid 0 unknown */
	enum hs_tcp_state state;
};

/* A TCP connection: two sockets, or one and a stranger. */
struct hs_flow {
	uint32_t id;		   /* ~id */
	struct hs_flow_end end[2]; /* 0: who opened it (sent the SYN), else who was seen first */
	bool opened;		   /* its SYN was seen, so end[0] is really the client */
	uint64_t born;
};

enum hs_hop_kind {
	HS_HOP_STAGE, /* timed by its own probe */
	HS_HOP_VIA, /* inferred from a stack: its time is unknown, its place between its neighbours
		       is not */
};

/* What a device put before a packet, or took off: a VLAN tag, or the headers of a tunnel. */
enum hs_wrapping { HS_WRAP_NONE, HS_WRAP_ON, HS_WRAP_OFF };

struct hs_wrap {
	enum hs_wrapping way;
	const char *kind; /* of the device, as the kernel names it: "vlan", "vxlan", "gre" */
	bool has_id;
	uint32_t id; /* VLAN: its number; VXLAN, Geneve: the network's; GRE: the key */
};

/* The route that a table answered with. Strings are never NULL; prefix "": there is none, or it is not known. */
struct hs_matched {
	const char *table, *prefix; /* "main", "10.0.1.0/24" or "default" */
	bool inferred;		    /* as the table has it, no event told */
};

struct hs_hop {
	enum hs_hop_kind kind;
	enum hs_stage stage;
	enum hs_backend by; /* what timed it; HS_BY_STACK: nothing, it is inferred */
	uint16_t cpu;
	bool softirq;	      /* ran in a softirq, on behalf of whatever `task` was doing */
	bool crossed;	      /* first hop in another namespace than the hop before */
	uint64_t time;	      /* VIA: of the timed hop it led to */
	const char *netns;    /* label, never NULL */
	const char *dev;      /* name, "" when none */
	const char *dev_kind; /* "veth", "loopback", "" ... */
	struct hs_task task;
	const char *
		text; /* what happened here, beyond the stage's name; "" when nothing; for people */
	const char *
		conntrack; /* what connection tracking says of it: "new", "established reply"; "" nothing */
	const char *function; /* VIA: the function in the stack; DROP, CONSUME: who freed it; ""
				   unknown */
	const char *
		*functions; /* the function that was probed, or this hop's own part of the stack,
				   outermost first; NULL: neither */
	size_t n_functions;
	uint64_t address; /* code address (DROP, CONSUME), for -vv */
	struct hs_matched matched;
	struct hs_wrap wrap;
};

enum hs_fate_kind {
	HS_FATE_UNDERWAY, /* nothing final was seen */
	HS_FATE_QUEUED,	  /* at `socket` */
	HS_FATE_DROPPED,  /* reason, function */
	HS_FATE_REFUSED,  /* a SYN at a full accept queue */
	HS_FATE_CONSUMED, /* the kernel itself was its reader */
	HS_FATE_MERGED,	  /* GRO */
	HS_FATE_LEFT,	  /* by a device that leads out of this machine */
	HS_FATE_UNKNOWN,  /* events were lost, or none says it */
};

/*
 * A firewall rule that dropped a packet, concluded from the rules of its namespace and the packet's headers:
 * sure when `candidates` is 1. Strings are never NULL; table "": none is known.
 */
struct hs_rule {
	const char *hook;   /* "output" */
	const char *family; /* "inet" */
	const char *table, *chain;
	const char *
		text; /* "udp dport 8080 drop", the policy's "policy drop"; "" of iptables-legacy */
	uint64_t handle; /* of the rule, 0 */
	uint32_t
		candidates; /* that may have dropped it; of these this is the first that is asked */
	bool policy;	    /* of the chain: no rule took the packet */
	bool legacy;	    /* a table of iptables-legacy, whose rules are not read */
	bool rejects;	    /* it also answers */
};

/* Why routing had no way to an address. Strings are never NULL; kind "": it is not about that. */
struct hs_no_route {
	const char *
		kind; /* "blackhole", "unreachable", "prohibit", "throw"; "rule": one of these, by a
			       rule; "none" */
	const char *
		table; /* that said so, "main"; NOTHING: those that were asked, "100, main"; "" a rule */
	const char *prefix; /* of the route, "10.9.0.0/16" or "default"; "" unknown */
	bool by_rule;	    /* a rule (ip rule) refused, not a route: */
	uint32_t rule;	    /* its preference, 0 unknown */
	bool inferred;	    /* prefix or rule: as the namespace has them, no event told which */
	const char *text;   /* "blackhole 10.9.0.0/16 (table main, prefix inferred)" */
};

struct hs_fate {
	enum hs_fate_kind kind;
	uint64_t time;
	const char *netns, *dev;     /* where; never NULL */
	const char *reason;	     /* DROPPED: the kernel's name of it, "NO_SOCKET"; else "" */
	const char *function;	     /* DROPPED, CONSUMED: who freed it; "" unknown */
	enum hs_stage stage;	     /* the last place on the path */
	uint32_t socket;	     /* QUEUED, and DROPPED at a full buffer: id, else 0 */
	struct hs_task owner;	     /* of `socket`, pid 0 when unknown */
	const char *why;	     /* one sentence for people: "no socket on 10.0.2.1:8080 (one is
				    on 10.0.1.1:8080)" */
	const char *remedy;	     /* what to look at, "" */
	bool inferred;		     /* concluded from the absence of events */
	struct hs_rule rule;	     /* DROPPED by netfilter */
	struct hs_no_route no_route; /* DROPPED by routing */
};

/* What became of an ICMP error at the sender's socket. */
enum hs_told {
	HS_TOLD_NOTHING, /* not an ICMP error, or not there yet */
	HS_TOLD_SOCKET,	 /* the socket has the error; no call has returned it (yet) */
	HS_TOLD_CALL,	 /* `told_call` returned it */
	HS_TOLD_NOBODY,	 /* `told_why` says why */
};

/* What the reader was doing when the packet was queued. */
enum hs_reader {
	HS_READER_UNKNOWN,
	HS_READER_BLOCKED,   /* waiting in the call that read it */
	HS_READER_ASLEEP,    /* in another call, poll() or the like: the packet woke it */
	HS_READER_RUNNABLE,  /* woken before, and not on a CPU yet */
	HS_READER_ELSEWHERE, /* anything else: the call came later */
};

struct hs_read {
	uint64_t time;
	struct hs_task task;
	const char *call; /* "recvfrom", "" unknown */
	int32_t ret;	  /* what the call returned, bytes */
	uint32_t copied;  /* bytes of the datagram that reached the program */
	uint32_t lost;	  /* bytes cut off, 0 unless the buffer was shorter */
	uint64_t waited;  /* ns from queued to read */
	bool inferred;	  /* by the queue's order; ambiguous readers */
	uint64_t entered; /* when that call began, 0 unknown */
	enum hs_reader reader;
	uint64_t
		runnable; /* of `waited`: ns that the reader was awake and not on a CPU; 0: or unknown */
};

/* What kept back bytes that a call had written to a TCP socket; concluded from how the socket was then. */
enum hs_hold {
	HS_HOLD_NONE,
	HS_HOLD_NAGLE,	    /* less than a whole segment, and a short one is not acknowledged */
	HS_HOLD_CORK,	    /* TCP_CORK or MSG_MORE: more was announced */
	HS_HOLD_WINDOW,	    /* the peer's window has no room */
	HS_HOLD_CONGESTION, /* the congestion window has none */
	HS_HOLD_OTHER,	    /* pacing, or what the device has not sent yet */
	HS_HOLD_MAX,
};

enum hs_cause_kind {
	HS_CAUSE_NONE,
	HS_CAUSE_CALL,	  /* the system call of `by` */
	HS_CAUSE_JOURNEY, /* the journey `cause` */
	HS_CAUSE_KERNEL,  /* a timer or another softirq */
	HS_CAUSE_TIMER,	  /* TCP's timer `timer` */
};

enum hs_noise {
	HS_NOISE_NO,
	HS_NOISE_ARP,
	HS_NOISE_ND,
	HS_NOISE_RS,
	HS_NOISE_MLD,
	HS_NOISE_IGMP,
	HS_NOISE_MDNS,
	HS_NOISE_LLMNR,
	HS_NOISE_SSDP,
	HS_NOISE_LLDP,
	HS_NOISE_STP,
	HS_NOISE_MAX
};

/* What it is to another packet: relations.def. */
enum hs_relation {
	HS_RELATION_NONE,
#define HS_RELATION(NAME, ...) HS_RELATION_##NAME,
#include "relations.def"
#undef HS_RELATION
};

struct hs_journey {
	uint32_t id; /* #id, in order of birth among what is shown */
	struct hs_packet packet;
	uint64_t born;	 /* time of its first hop */
	uint64_t skb;	 /* kernel address, for -vv */
	uint32_t socket; /* sender's socket id, 0 */
	struct hs_hop *hops;
	size_t n_hops;
	enum hs_cause_kind cause_kind;
	struct hs_task by;   /* CAUSE_CALL: the sender */
	const char *by_call; /* its system call, "sendto", "" unknown */
	int32_t by_fd;	     /* -1 unknown */
	bool by_done;	     /* by_ret is known */
	int64_t by_ret;
	uint32_t cause;		/* CAUSE_JOURNEY: id of the journey that provoked it */
	const char *cause_text; /* "ICMP port unreachable, built in __icmp_send", "" */
	uint32_t *caused;	/* ids of journeys that this one provoked, in order */
	size_t n_caused;
	struct hs_fate fate;
	bool read_done;
	struct hs_read read;
	/* of TCP: `read` comes when the last of its bytes is read, which may be after it settled */
	bool unread_at_close; /* queued, and the socket was closed before anybody read it */
	enum hs_told told;
	int told_err; /* positive errno */
	struct hs_task told_task;
	const char *told_call; /* "recvfrom" */
	const char *told_why;
	const char *
		no_icmp; /* a dropped packet that got no ICMP error though it could have: why, "" */
	enum hs_noise noise;
	/* of the queueing disciplines of devices that it was given to */
	const char *qdisc;    /* the kind of the last one, "netem"; "" none, or unknown */
	bool waited_in_qdisc; /* it was let go by one: */
	uint64_t qdisc_wait;  /* time there, of all of them, ns */
	uint32_t *overtook;   /* ids of those that were put there earlier and left it later */
	size_t n_overtook;
	uint32_t *overtaken_by; /* ids, the other way round */
	size_t n_overtaken_by;
	bool translated; /* its addresses or ports are others by now, NAT: */
	struct hs_endpoint now_src;
	struct hs_endpoint now_dst;
	uint32_t duplicate_of; /* id of the packet that it is a copy of (of a qdisc, a bridge), 0 */
	enum hs_relation relation;
	uint32_t related_to; /* id of the one that it is that to, 0 unknown or not shown */
	uint32_t
		merged_into; /* id of the one that has its bytes: the fragment that stands for its datagram, or the
				 segment before it in TCP's queue; 0 */
	bool incomplete;	   /* events may be missing: a conclusion from it is inconclusive */
	uint64_t lost;		   /* how many events were lost while it was alive */
	const uint8_t *payload;	   /* behind the transport header, as far as asked for; NULL none */
	uint32_t payload_captured; /* bytes of it */
	/* of TCP */
	uint32_t flow;	   /* ~id, 0: none */
	unsigned int from; /* which end of the flow sent it: 0, 1 */
	bool has_rel;	   /* rel_seq, rel_ack: counted from the initial sequence numbers */
	uint32_t rel_seq;  /* of the SYN 0, of the first byte 1 */
	uint32_t rel_ack;  /* 0 without ACK */
	uint64_t
		held; /* ns from the end of the call that wrote its first byte; 0: it was not kept back */
	enum hs_hold held_by;
	const char *held_call;	    /* "sendto" */
	const char *held_text;	    /* all of that, as a sentence: "" */
	bool held_delayed_ack;	    /* it was let go by an ACK that the peer had delayed */
	uint32_t to_socket;	    /* id of the socket that took it, 0 unknown */
	uint32_t retransmission;    /* the how-manieth of the same segment, 0: it is the original */
	uint32_t retransmission_of; /* id of the original, 0 unknown */
	uint64_t resent_after; /* ns since the same segment was sent the last time, 0 unknown */
	const char *timer; /* CAUSE_TIMER: "retransmission timer", "zero-window probe"; else "" */
	bool zero_window;  /* it says: send me nothing */
	bool window_probe; /* it asks whether a closed window has opened */
	const char *rst_reason; /* RST: why it was sent, in the kernel's words, "" */
	bool changed_state;	/* a state of its flow changed by sending or receiving it */
};

/* A connection's end changed its state. */
struct hs_state {
	uint64_t time;
	struct hs_flow flow; /* after the change; id 0: a socket without a peer (listener) */
	unsigned int end;    /* which end of it: 0, 1 */
	uint32_t socket;     /* id, 0: a request or a minisocket */
	const char *netns;
	struct hs_endpoint local;
	struct hs_task owner;
	enum hs_tcp_state before, after;
	/* what moved it */
	enum hs_cause_kind cause_kind;
	uint32_t cause;	     /* CAUSE_JOURNEY: the segment received */
	uint32_t sent;	     /* id of the segment that went with it (a call's SYN, FIN), 0 */
	struct hs_task by;   /* CAUSE_CALL */
	const char *by_call; /* "connect", "" unknown */
	const char *timer;   /* CAUSE_TIMER */
	bool inferred;	     /* no event shows it */
	bool minisocket;     /* the socket is gone, a small one stands for it (TIME_WAIT) */
	bool confirmed;	     /* inferred, and found in the kernel's table */
};

/* A signal that a followed process got. */
struct hs_signal {
	uint64_t time;
	struct hs_task task; /* who got it */
	int number;	     /* SIG* */
	bool fatal;	     /* its default action: it ends the process */
	const char *by_call; /* SIGPIPE: the call that raised it, "" */
	int32_t fd;
	uint32_t socket; /* id, 0 */
	uint32_t cause;	 /* SIGPIPE: id of the RST (or FIN) that broke the connection, 0 */
};

struct hs_call {
	uint64_t entered, left; /* left 0: still inside */
	struct hs_task task;
	enum hs_call_id id;
	const char *name; /* "recvfrom" */
	int32_t fd;
	int64_t ret; /* negative errno on failure */
	uint64_t len;
	uint32_t flags;			 /* MSG_*; listen(): backlog; shutdown(): how */
	uint32_t socket;		 /* id, 0 */
	uint16_t family, type, protocol; /* of the socket */
	struct hs_endpoint local, remote,
		given;	    /* given: the address in the call, or returned by it */
	uint32_t qlen;	    /* packets left in the receive queue */
	uint32_t *journeys; /* ids of what it sent */
	size_t n_journeys;
	uint32_t read;	     /* id of the journey it read, 0 */
	uint32_t error_from; /* id of the ICMP journey behind its errno, 0 */
	const char *hint;    /* why it failed and what to do, "" : "10.0.3.1 is on no interface of
				ns_server" */
	struct hs_no_route no_route; /* it failed because of routing */
	/* of TCP */
	uint32_t flow;	   /* ~id, 0 */
	bool has_range;	   /* of a stream: the bytes it wrote or read, */
	uint32_t rel_from; /* from this one, counted as in hs_journey.rel_seq, */
	uint32_t rel_to;   /* up to, not including, this one */
	uint32_t *reads;   /* ids of the segments whose bytes it read */
	size_t n_reads;
	uint64_t waited; /* how long the oldest of these bytes waited, ns */
	bool has_queues; /* the socket after the call: */
	uint32_t rcv_queued, snd_queued, accept_queued, accept_before, accept_limit;
	int signal;	  /* it raised that signal (SIGPIPE), 0 */
	bool buffer_full; /* it waited for room in the send buffer; concluded */
	bool window_full; /* because the peer's window had none either */
};

/* Every way to lose information has a counter: losses.def. */
enum hs_loss {
#define LOSS(id, json, what, where, remedy) HS_LOSS_##id,
#include "losses.def"
#undef LOSS
	HS_LOSSES
};

struct hs_losses {
	uint64_t n[HS_LOSSES];
	uint64_t ring
		[HS_MAX_CPUS]; /* of n[HS_LOSS_RING]: of the ring buffer of each CPU, so far as told */
};

struct hs_summary {
	uint64_t packets; /* journeys seen, shown or not */
	uint64_t shown, queued, read, dropped, refused, consumed, left, merged, underway, unknown;
	uint64_t unread_at_close;
	uint64_t streamed; /* of the queued: to a stream, whose reads do not follow segments */
	uint64_t background[HS_NOISE_MAX];
	uint64_t events, lost; /* records consumed, records lost */
	uint64_t misses;       /* BPF programs skipped for recursion */
	uint64_t untimed;      /* the same of those on functions: their hops are missing, no more */
	uint64_t unseen_calls; /* the same of those on system calls, of whatever process */
	const char *nothing;   /* nothing was shown: why, as a sentence; else "" */
	uint64_t flows, resets, retransmissions; /* TCP: of the shown */
	struct hs_losses losses;		 /* all that was lost, by its kind */
};

/*
 * Where the journey engine puts what it concludes, in the order of the stream. Only selected
 * journeys arrive here. A renderer implements the callbacks it needs; NULL is allowed.
 */
struct hs_sink {
	void *ctx;
	void (*call_enter)(void *ctx, const struct hs_call *call);
	void (*call)(void *ctx, const struct hs_call *call);
	/* hop i of j has come; a journey selected late replays its earlier hops */
	void (*hop)(void *ctx, const struct hs_journey *j, const struct hs_hop *hop);
	void (*fate)(void *ctx, const struct hs_journey *j);
	void (*read)(void *ctx, const struct hs_journey *j);
	void (*told)(void *ctx, const struct hs_journey *j);	/* told != NOTHING was found out */
	void (*unread)(void *ctx, const struct hs_journey *j);	/* unread_at_close became true */
	void (*no_icmp)(void *ctx, const struct hs_journey *j); /* no_icmp was found out */
	/* all there is to say of j is known, or 2 s have passed since its last event; exactly once
	 */
	void (*settled)(void *ctx, const struct hs_journey *j);
	/* a connection is met, before the first call, segment or state that belongs to it is told */
	void (*flow)(void *ctx, const struct hs_flow *flow);
	void (*state)(void *ctx, const struct hs_state *state);
	/* its state, queues or limits changed */
	void (*socket)(void *ctx, const struct hs_socket *socket);
	void (*signal)(void *ctx, const struct hs_signal *signal);
	/* so much time has passed, by a record of the stream: what waits for that can be shown */
	void (*tick)(void *ctx, uint64_t now);
	void (*loss)(void *ctx, uint64_t time, uint64_t lost, uint64_t misses);
	void (*summary)(void *ctx, const struct hs_summary *s);
};

#endif
