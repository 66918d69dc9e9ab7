/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs behind functions.def: one body for all functions, told by a cookie which one it is. With
 * fentry the cookie is a constant that user space puts into a copy of the program (loader/clone.c).
 */
#ifndef HS_FUNCTIONS_BPF_H
#define HS_FUNCTIONS_BPF_H

#define HS_COOKIE_FN(cookie)	((__u16)(cookie))
#define HS_COOKIE_STAGE(cookie) ((__u8)((cookie) >> 16))
#define HS_COOKIE_ARG(cookie)	((cookie) >> 24 & 0xf)
#define HS_COOKIE_KIND(cookie)	((cookie) >> 28 & 0xf)
#define HS_COOKIE_FLAGS(cookie) ((cookie) >> 32 & 0xff)
#define HS_COOKIE_ARITY(cookie) ((cookie) >> 40 & 0xf)

/* Fixed before load. */
const volatile __u64 hs_udp_recvmsg_cookie = 0;
const volatile __u64 hs_veth_xmit_cookie = 0;

static __always_inline void hs_fill_func_where(struct hs_where *at, const struct sk_buff *skb)
{
	const struct net_device *dev = hs_skb_dev(skb);
	const struct net *net;

	if (!dev)
		return;
	net = BPF_CORE_READ(dev, nd_net.net);
	at->netns = hs_netns_id(net);
	at->ifindex = BPF_CORE_READ(dev, ifindex);
	hs_see_dev(dev, net, at->netns, at->ifindex);
}

/* `skb`: the packet, 0 none; `state`: struct nf_hook_state, with HS_FN_HOOK. */
static __always_inline int hs_emit_func(__u64 cookie, __u8 how, __u64 skb, __u64 state, __s64 ret)
{
	struct hs_where at = { .skb = skb };
	struct nf_hook_state *hook = (void *)state;
	__u64 flags = HS_COOKIE_FLAGS(cookie);
	struct hs_rec_func *rec;

	if (skb && !(flags & HS_FN_NODEV))
		hs_fill_func_where(&at, (void *)skb);
	hs_fill_task(&at);
	rec = hs_begin(HS_REC_FUNC, HS_COOKIE_STAGE(cookie), sizeof(*rec), false);
	if (!rec)
		return 0;
	rec->at = at;
	rec->ret = ret;
	rec->fn = HS_COOKIE_FN(cookie);
	rec->kind = HS_COOKIE_KIND(cookie);
	rec->how = how;
	rec->call = hs_current_call();
	rec->hook = rec->pf = 0;
	if (flags & HS_FN_HOOK && state) {
		rec->hook = BPF_CORE_READ(hook, hook);
		rec->pf = BPF_CORE_READ(hook, pf);
	}
	hs_submit(rec);
	return 0;
}

/* With HS_FN_SOCK. Before 6.11 the event of a drop does not say whose it was: hs_taker_of(). */
static __always_inline void hs_note_taker(__u64 cookie, __u64 skb, __u64 sk)
{
	struct hs_cpu *c;

	if (!(HS_COOKIE_FLAGS(cookie) & HS_FN_SOCK))
		return;
	c = hs_this_cpu();
	if (!c->softirq)
		return;
	c->offered = skb;
	c->taker = sk;
}

/* `about`: the argument that the cookie names; `second`: argument 2, with HS_FN_HOOK. */
static __always_inline int hs_emit_entry(__u64 cookie, __u64 about, __u64 second)
{
	__u64 flags = HS_COOKIE_FLAGS(cookie);
	__u8 how = flags & HS_FN_RESULT ? HS_FUNC_ENTERED : HS_FUNC_PASSED;
	struct nf_queue_entry *entry = (void *)about;

	if (!(flags & HS_FN_ENTRY))
		return hs_emit_func(cookie, how, about, second, 0);
	if (!bpf_core_type_exists(struct nf_queue_entry))
		return 0;
	hs_see_current();
	return hs_emit_func(cookie, how, (__u64)BPF_CORE_READ(entry, skb), (__u64)&entry->state,
			    (__u32)second);
}

static __always_inline int hs_emit_return(__u64 cookie, __s64 ret)
{
	bool is_new = HS_COOKIE_KIND(cookie) == HS_FN_NEW;

	/* an errno as a pointer (ERR_PTR()), or none */
	if (is_new && (!ret || (__u64)ret > -4096ull))
		return 0;
	return hs_emit_func(cookie, HS_FUNC_LEFT, is_new ? ret : 0, 0, ret);
}

static __always_inline int hs_kprobe_entry(struct pt_regs *ctx, __u64 cookie)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx), third = PT_REGS_PARM3(ctx);
	__u64 arg = HS_COOKIE_ARG(cookie);
	__u64 about = arg == 1 ? first : arg == 2 ? second : arg == 3 ? third : 0;

	hs_note_taker(cookie, about, first);
	return hs_emit_entry(cookie, about, second);
}

SEC("kprobe.multi")
int function_multi_entry(struct pt_regs *ctx)
{
	return hs_kprobe_entry(ctx, bpf_get_attach_cookie(ctx));
}

SEC("kprobe.multi")
int function_multi_return(struct pt_regs *ctx)
{
	return hs_emit_return(bpf_get_attach_cookie(ctx), PT_REGS_RC(ctx));
}

/* Which function a copy is for: user space finds this number in the program and puts the cookie there. */
static __always_inline __u64 hs_cookie_of_copy(void)
{
	__u64 cookie;

	asm volatile("%0 = 0x686f7073636f7065 ll" : "=r"(cookie));
	return cookie;
}

SEC("kprobe")
int function_kprobe(struct pt_regs *ctx)
{
	return hs_kprobe_entry(ctx, hs_cookie_of_copy());
}

SEC("kretprobe")
int function_kretprobe(struct pt_regs *ctx)
{
	return hs_emit_return(hs_cookie_of_copy(), PT_REGS_RC(ctx));
}

/*
 * The verifier lets a program read those arguments only that its function has, at constant offsets: the
 * compiler must not make one load of several.
 */
#define HS_SLOT(ctx, n)                                                                 \
	({                                                                              \
		__u64 slot;                                                             \
		asm volatile("%0 = *(u64 *)(%1 + " #n " * 8)" : "=r"(slot) : "r"(ctx)); \
		slot;                                                                   \
	})

static __always_inline __u64 hs_argument(void *ctx, __u64 n)
{
	switch (n) {
	case 1:
		return HS_SLOT(ctx, 0);
	case 2:
		return HS_SLOT(ctx, 1);
	case 3:
		return HS_SLOT(ctx, 2);
	}
	return 0;
}

/* It lies behind the arguments. */
static __always_inline __s64 hs_result(void *ctx, __u64 arity)
{
	switch (arity) {
	case 1:
		return HS_SLOT(ctx, 1);
	case 2:
		return HS_SLOT(ctx, 2);
	case 3:
		return HS_SLOT(ctx, 3);
	case 4:
		return HS_SLOT(ctx, 4);
	case 5:
		return HS_SLOT(ctx, 5);
	case 6:
		return HS_SLOT(ctx, 6);
	case 7:
		return HS_SLOT(ctx, 7);
	case 8:
		return HS_SLOT(ctx, 8);
	case 9:
		return HS_SLOT(ctx, 9);
	case 10:
		return HS_SLOT(ctx, 10);
	}
	return 0;
}

/* The target is only one to load with; each copy has its own. */
SEC("fentry/udp_recvmsg")
int HS_PROG(function_fentry)
{
	__u64 cookie = hs_cookie_of_copy(), second = 0;
	__u64 about = hs_argument(ctx, HS_COOKIE_ARG(cookie));

	if (HS_COOKIE_FLAGS(cookie) & HS_FN_HOOK)
		second = hs_argument(ctx, 2);
	if (HS_COOKIE_FLAGS(cookie) & HS_FN_SOCK)
		hs_note_taker(cookie, about, hs_argument(ctx, 1));
	return hs_emit_entry(cookie, about, second);
}

SEC("fexit/udp_recvmsg")
int HS_PROG(function_fexit)
{
	__u64 cookie = hs_cookie_of_copy(), state = 0;
	__s64 ret = hs_result(ctx, HS_COOKIE_ARITY(cookie));

	if (!(HS_COOKIE_FLAGS(cookie) & HS_FN_RESULT) || !HS_COOKIE_ARG(cookie))
		return hs_emit_return(cookie, ret);
	if (HS_COOKIE_FLAGS(cookie) & HS_FN_HOOK)
		state = hs_argument(ctx, 2);
	return hs_emit_func(cookie, HS_FUNC_DONE, hs_argument(ctx, HS_COOKIE_ARG(cookie)), state,
			    ret);
}

/* Where a kernel has single kprobes only, these two are on their functions by name. */
SEC("kprobe/udp_recvmsg")
int udp_recvmsg(struct pt_regs *ctx)
{
	return hs_kprobe_entry(ctx, hs_udp_recvmsg_cookie);
}

SEC("kprobe/veth_xmit")
int veth_xmit(struct pt_regs *ctx)
{
	return hs_kprobe_entry(ctx, hs_veth_xmit_cookie);
}

#endif
