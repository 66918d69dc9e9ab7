// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The inline helpers of bpf/, each behind a program that helpers.c can run with input of its own. Those
 * on raw_tp are run by BPF_PROG_TEST_RUN with arguments (since 5.10). What needs a packet that the
 * verifier believes in gets it from a tracepoint: a test run of a tc program makes an skb of given bytes
 * and frees it afterwards.
 */
#include "trace.bpf.c"

#include "helpers.h"

__u64 t_skb = 0; /* the packet of the test run that is on */
__u32 t_what = 0;
__u64 t_cookie = 0;
__u64 t_result = 0;
__u64 t_arguments[6] = {};

SEC("tc")
int t_note_packet(struct __sk_buff *ctx)
{
	t_skb = (__u64)ctx;
	return 0;
}

static __always_inline int t_do(void *ctx, struct sk_buff *skb)
{
	if (!t_skb || t_skb != (__u64)skb)
		return 0;
	t_skb = 0;
	switch (t_what) {
	case T_BIRTH:
		return hs_emit_birth(ctx, HS_STAGE_DEV_QUEUE, skb, skb->network_header);
	case T_BIRTH_FROM_DATA:
		return hs_emit_birth(ctx, HS_STAGE_RECEIVE, skb, hs_data_offset(skb));
	case T_STAGE:
		return hs_emit_stage(ctx, HS_STAGE_DEV_XMIT, skb, skb->dev);
	case T_ICMP:
		return hs_emit_icmp(ctx, skb, 3, 1);
	case T_FUNCTION:
		return hs_emit_entry(t_cookie, (__u64)skb, 0);
	case T_LEADS_OUTSIDE:
		t_result = hs_leads_outside(skb->dev);
	}
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(t_packet_dropped, struct sk_buff *skb)
{
	return t_do(ctx, skb);
}

SEC("tp_btf/consume_skb")
int BPF_PROG(t_packet_consumed, struct sk_buff *skb)
{
	return t_do(ctx, skb);
}

/* 1: it had not been said; now it has. */
SEC("raw_tp")
int BPF_PROG(t_unseen, __u64 address, __u64 check)
{
	struct hs_seen_table *table = hs_seen_table();
	struct hs_seen *slot = table ? hs_unseen(table->dev, address, check) : NULL;

	if (slot)
		hs_note(slot, address, check);
	return slot != NULL;
}

/* Whether there was room. */
SEC("raw_tp")
int BPF_PROG(t_record, __u64 number)
{
	struct hs_rec_signal *rec = hs_begin(HS_REC_SIGNAL, HS_STAGE_RECEIVE, sizeof(*rec), false);

	if (!rec)
		return 0;
	rec->pid = rec->tid = rec->caught = 0;
	rec->number = number;
	hs_submit(rec);
	return 1;
}

SEC("raw_tp")
int BPF_PROG(t_name)
{
	struct hs_rec_signal *rec = hs_begin_name(HS_REC_SIGNAL, sizeof(*rec));

	if (!rec)
		return 0;
	rec->pid = rec->tid = rec->caught = rec->number = 0;
	hs_submit(rec);
	return 1;
}

SEC("raw_tp")
int BPF_PROG(t_stack, __u64 type)
{
	struct hs_rec_stage *rec = hs_begin(type, 0, sizeof(*rec), true);

	if (!rec)
		return 0;
	hs_fill_where(&rec->at, NULL, NULL);
	hs_take_stack(ctx, rec);
	hs_submit(rec);
	return 1;
}

SEC("raw_tp")
int BPF_PROG(t_current_call)
{
	return hs_current_call();
}

/* The system call that runs this program: its number, and t_arguments. */
SEC("raw_tp")
int BPF_PROG(t_registers)
{
	const struct pt_regs *regs = hs_current_regs();

#pragma unroll
	for (int i = 0; i < 6; i++)
		t_arguments[i] = hs_call_argument(regs, i);
	return hs_call_number(regs);
}

SEC("raw_tp")
int BPF_PROG(t_asked, __u64 call)
{
	return hs_asked(call);
}

SEC("raw_tp")
int BPF_PROG(t_call_args, __u64 call, __u64 done, __u64 a0, __u64 a1, __u64 a2, __u64 a3, __u64 a4,
	     __u64 a5)
{
	struct hs_open_call open = { .call = call, .args = { a0, a1, a2, a3, a4, a5 } };

	hs_emit_call(&open, done, 0);
	return 0;
}

/* As sys_enter and sys_exit do for the system call that runs this program. */
SEC("raw_tp")
int BPF_PROG(t_whole_call, __u64 ret)
{
	const struct pt_regs *regs = hs_current_regs();
	struct hs_open_call open = {};

	if (!hs_open_call(&open, regs, hs_call_number(regs)))
		return 0;
	hs_emit_call(&open, true, (__s64)ret);
	return 1;
}

SEC("raw_tp")
int BPF_PROG(t_socket, __u64 fd)
{
	struct sock *sk = hs_sock_of_fd((int)fd);
	struct hs_rec_sock *rec;

	if (!sk)
		return 0;
	rec = hs_begin_name(HS_REC_SOCK, sizeof(*rec));
	if (!rec)
		return 0;
	hs_fill_sock(rec, sk);
	hs_submit(rec);
	hs_see_tcp(sk);
	return 1;
}

SEC("raw_tp")
int BPF_PROG(t_see_current)
{
	hs_see_current();
	return hs_is_followed(bpf_get_current_pid_tgid() >> 32);
}

SEC("raw_tp")
int BPF_PROG(t_entry, __u64 cookie)
{
	return hs_emit_entry(cookie, 0, 0);
}

__u8 t_fake_skb[512] = {}; /* longer than any */

/* t_result: the device of a packet that has `dev` in skb->dev. */
SEC("raw_tp")
int BPF_PROG(t_dev_of, __u64 dev)
{
	struct sk_buff *skb = (void *)t_fake_skb;

	skb->dev = (void *)dev;
	t_result = (__u64)hs_skb_dev(skb);
	return 0;
}

SEC("raw_tp")
int BPF_PROG(t_note_taker, __u64 cookie, __u64 skb, __u64 sk)
{
	hs_note_taker(cookie, skb, sk);
	return 0;
}

/* t_result: who was to keep the packet. */
SEC("raw_tp")
int BPF_PROG(t_taker_of, __u64 skb)
{
	t_result = hs_taker_of((void *)skb);
	return 0;
}

SEC("raw_tp")
int BPF_PROG(t_return, __u64 cookie, __u64 ret)
{
	return hs_emit_return(cookie, (__s64)ret);
}

/* Bits: is receiving before, within and after. */
SEC("raw_tp")
int BPF_PROG(t_receiving)
{
	int bits = hs_is_receiving();

	hs_entered_receiving();
	bits |= hs_is_receiving() << 1;
	hs_left_receiving();
	return bits | hs_is_receiving() << 2;
}
