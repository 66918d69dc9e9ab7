/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writing records: sequence numbers, counted loss, the header, the stack. */
#ifndef HS_EMIT_BPF_H
#define HS_EMIT_BPF_H

/* Fixed before load; what is off is pruned by the verifier. */
const volatile bool hs_stacks = false;
const volatile bool hs_stacks_of_ends =
	false;				 /* of drops and ICMP errors only: functions are probed */
const volatile __u32 hs_stack_limit = 0; /* of a CPU and window of time, 0: none */

/* Without it (before 5.12) user space takes the fetching out of the instruction. */
const volatile bool hs_has_fetch_add = true;

struct hs_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12); /* of the pattern: user space makes the real ones */
};

/*
 * One ring buffer a CPU: where two CPUs share one, its lock costs a record as much again. User space
 * puts them in, and puts what they hold in order of time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, HS_MAX_CPUS);
	__type(key, __u32);
	__array(values, struct hs_ring);
} rings SEC(".maps");

/*
 * A record takes its number before room is reserved, so that a loss leaves a gap. User space reads this in its own
 * memory: while a system call reads a map, the kernel skips programs of perf's events and of kprobes on that CPU, and
 * the reader may be preempted there (bpf_map_copy_value(), kernel/bpf/syscall.c; trace_call_bpf(),
 * kernel/trace/bpf_trace.c). The mask spares the verifier a branch.
 */
struct hs_cpu hs_cpus[HS_MOST_CPUS] = {};

static __always_inline struct hs_cpu *hs_this_cpu(void)
{
	return &hs_cpus[bpf_get_smp_processor_id() & (HS_MOST_CPUS - 1)];
}

/* `kind`: a constant. */
static __always_inline void hs_count_lost(enum hs_lost kind)
{
	__sync_fetch_and_add(&hs_this_cpu()->kinds[kind], 1);
}

static __always_inline void *hs_reserve(struct hs_cpu *c, __u8 type, __u8 stage, __u64 size,
					__u8 flags, __u64 seq, __u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct hs_hdr *hdr = ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;

	if (!hdr)
		return NULL;
	hdr->type = type;
	hdr->stage = stage;
	hdr->flags = c->softirq ? HS_F_SOFTIRQ | flags : flags;
	hdr->frames = 0;
	hdr->size = size;
	hdr->cpu = cpu;
	hdr->seq = seq;
	hdr->ctx = c->softirq;
	hdr->time = now;
	return hdr;
}

/* Room for `size` bytes (a constant) and, when asked for, a stack behind them; NULL is counted. */
static __always_inline void *hs_begin(__u8 type, __u8 stage, __u64 size, bool stack)
{
	struct hs_cpu *c = hs_this_cpu();
	__u64 now, before, seq;
	void *rec;

	now = bpf_ktime_get_ns();
	before = *(volatile __u64 *)&c->generated;
	seq = __sync_fetch_and_add(&c->generated, 1);
	if (!hs_has_fetch_add)
		seq = before;
	if (stack && hs_stacks)
		size += HS_MAX_FRAMES * sizeof(__u64);
	rec = hs_reserve(c, type, stage, size, 0, seq, now);
	if (!rec)
		__sync_fetch_and_add(&c->lost, 1);
	return rec;
}

/* Room for a name: no event, so it has no number; without room it is said at the next occasion. */
static __always_inline void *hs_begin_name(__u8 type, __u64 size)
{
	void *rec;

	rec = hs_reserve(hs_this_cpu(), type, 0, size, HS_F_LISTED, 0, bpf_ktime_get_ns());
	if (!rec)
		hs_count_lost(HS_LOST_NAME);
	return rec;
}

/*
 * Nobody is woken: the reader looks for itself every few milliseconds. A wake-up for each record
 * would cost more than the record, and would run the reader on the CPU of the traffic.
 */
static __always_inline void hs_submit(void *rec)
{
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

#define HS_STACK_WINDOW_BITS 24 /* 16.8 ms */

/*
 * A stack costs as much as twenty records: a flood gets so many in a window of time and goes on without,
 * and a learner's packets have one each. A drop's and an ICMP error's is always taken.
 */
static __always_inline bool hs_may_take_stack(const struct hs_hdr *hdr)
{
	struct hs_cpu *c = hs_this_cpu();
	__u32 window = hdr->time >> HS_STACK_WINDOW_BITS;

	if (hdr->type == HS_REC_FREE || hdr->type == HS_REC_ICMP)
		return true;
	if (hs_stacks_of_ends)
		return false;
	if (!hs_stack_limit)
		return true;
	if (c->window != window) {
		c->window = window;
		c->stacks = 0;
	}
	if (c->stacks++ < hs_stack_limit)
		return true;
	hs_count_lost(HS_LOST_STACK);
	return false;
}

/* The stack goes behind the record; its size is corrected to what was used. */
#define hs_take_stack(ctx, rec)                                                           \
	do {                                                                              \
		if (hs_stacks) {                                                          \
			long hs_n = 0;                                                    \
			if (hs_may_take_stack(&(rec)->hdr))                               \
				hs_n = bpf_get_stack(ctx, (void *)(rec) + sizeof(*(rec)), \
						     HS_MAX_FRAMES * sizeof(__u64), 0);   \
			if (hs_n < 0) {                                                   \
				hs_count_lost(HS_LOST_STACK);                             \
				hs_n = 0;                                                 \
			}                                                                 \
			(rec)->hdr.frames = (__u64)hs_n / sizeof(__u64);                  \
			(rec)->hdr.size = sizeof(*(rec)) + hs_n;                          \
		}                                                                         \
	} while (0)

#endif
