/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a record says about a TCP socket. */
#ifndef HS_TCP_BPF_H
#define HS_TCP_BPF_H

static __always_inline bool hs_is_tcp(const struct sock *sk)
{
	return hs_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family)) && hs_is_full(sk) &&
	       BPF_CORE_READ(sk, sk_protocol) == HS_IPPROTO_TCP;
}

static __always_inline void hs_fill_tcp(struct hs_rec_tcp *rec, const struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;

	rec->pending = BPF_CORE_READ(icsk, icsk_pending);
	rec->retransmits = BPF_CORE_READ(icsk, icsk_retransmits);
	rec->probes = BPF_CORE_READ(icsk, icsk_probes_out);
	rec->write_seq = BPF_CORE_READ(tp, write_seq);
	rec->snd_una = BPF_CORE_READ(tp, snd_una);
	rec->snd_nxt = BPF_CORE_READ(tp, snd_nxt);
	rec->rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);
	rec->copied_seq = BPF_CORE_READ(tp, copied_seq);
	rec->snd_wnd = BPF_CORE_READ(tp, snd_wnd);
	rec->rcv_wnd = BPF_CORE_READ(tp, rcv_wnd);
	rec->sndbuf = BPF_CORE_READ(sk, sk_sndbuf);
	rec->rcvbuf = BPF_CORE_READ(sk, sk_rcvbuf);
	rec->backlog = BPF_CORE_READ(sk, sk_ack_backlog);
	rec->backlog_max = BPF_CORE_READ(sk, sk_max_ack_backlog);
	rec->wmem = BPF_CORE_READ(sk, sk_wmem_queued);
	rec->cwnd = BPF_CORE_READ(tp, snd_cwnd);
	rec->in_flight = BPF_CORE_READ(tp, packets_out) - BPF_CORE_READ(tp, sacked_out) -
			 BPF_CORE_READ(tp, lost_out) + BPF_CORE_READ(tp, retrans_out);
	rec->snd_sml = BPF_CORE_READ(tp, snd_sml);
	rec->mss = BPF_CORE_READ(tp, mss_cache);
	rec->nonagle = BPF_CORE_READ_BITFIELD_PROBED(tp, nonagle);
	rec->err = BPF_CORE_READ(sk, sk_err);
	rec->shutdown = BPF_CORE_READ(sk, sk_shutdown);
}

/* Room for one, with what is always said; the caller adds what it is about, and submits. */
static __always_inline struct hs_rec_tcp *hs_begin_tcp(__u8 what, const struct sock *sk,
						       const struct sk_buff *skb)
{
	bool inet = sk && hs_is_inet(BPF_CORE_READ(sk, __sk_common.skc_family));
	struct hs_rec_tcp *rec = hs_begin(HS_REC_TCP, 0, sizeof(*rec), false);

	if (!rec)
		return NULL;
	__builtin_memset((void *)rec + sizeof(rec->hdr), 0, sizeof(*rec) - sizeof(rec->hdr));
	rec->at.skb = (__u64)skb;
	hs_fill_task(&rec->at);
	rec->sk = (__u64)sk;
	rec->what = what;
	rec->call = hs_current_call();
	if (!inet)
		return rec;
	rec->at.netns = hs_netns_id(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	rec->after = BPF_CORE_READ(sk, __sk_common.skc_state);
	hs_read_addresses(sk, &rec->local, &rec->remote);
	if (!hs_is_tcp(sk))
		return rec;
	/* One that is being closed has lost skc_num already, tcp_set_state(). */
	if (!rec->local.port)
		rec->local.port = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
	hs_fill_tcp(rec, sk);
	return rec;
}

static __always_inline int hs_emit_tcp(__u8 what, const struct sock *sk, const struct sk_buff *skb)
{
	struct hs_rec_tcp *rec = hs_begin_tcp(what, sk, skb);

	if (rec)
		hs_submit(rec);
	return 0;
}

/* Before a record about a socket: how its queues are. */
static __always_inline void hs_see_tcp(const struct sock *sk)
{
	if (sk && hs_is_tcp(sk))
		hs_emit_tcp(HS_TCP_SNAPSHOT, sk, NULL);
}

#endif
