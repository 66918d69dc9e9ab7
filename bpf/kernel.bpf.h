/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What differs between kernels and machines, each in one place: the condition is known at load, and the
 * verifier does not look at the branch that is not taken.
 */
#ifndef HS_KERNEL_BPF_H
#define HS_KERNEL_BPF_H

/* bpf_task_pt_regs(), since 5.15. */
static __always_inline bool hs_has_task_pt_regs(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs);
}

#define HS_THREAD_SIZE (16 << 10) /* x86-64, arm64: arch/.../include/asm/{page_64_types,memory}.h */

/*
 * Of the system call that the current task is in: to be read with BPF_CORE_READ(). Without the helper they
 * are where task_pt_regs() finds them, at the end of the stack.
 */
static __always_inline struct pt_regs *hs_current_regs(void)
{
	struct task_struct *task;

	if (hs_has_task_pt_regs())
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, stack) + HS_THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

/* Number and arguments (from 0) of a system call, as they were at its entry. */
#if defined(__TARGET_ARCH_x86)
static __always_inline __u64 hs_call_number(const struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, orig_ax);
}

static __always_inline __u64 hs_call_argument(const struct pt_regs *regs, int n)
{
	switch (n) {
	case 0:
		return BPF_CORE_READ(regs, di);
	case 1:
		return BPF_CORE_READ(regs, si);
	case 2:
		return BPF_CORE_READ(regs, dx);
	case 3:
		return BPF_CORE_READ(regs, r10);
	case 4:
		return BPF_CORE_READ(regs, r8);
	default:
		return BPF_CORE_READ(regs, r9);
	}
}
#elif defined(__TARGET_ARCH_arm64)
/* regs[0] becomes the result; el0_svc_common() keeps the first argument, arch/arm64/kernel/syscall.c. */
static __always_inline __u64 hs_call_number(const struct pt_regs *regs)
{
	return (__u32)BPF_CORE_READ(regs, syscallno);
}

static __always_inline __u64 hs_call_argument(const struct pt_regs *regs, int n)
{
	return n ? BPF_CORE_READ(regs, regs[n]) : BPF_CORE_READ(regs, orig_x0);
}
#else
#error "hs_call_argument() is written for x86 and arm64"
#endif

/*
 * What a program keeps for its CPU (struct hs_cpu, the caches of names) must not be touched by another one half
 * way. Programs of tracepoints can be preempted since 7.0 (commit a46023d5616e), those of fentry since 5.12, in
 * a kernel that preempts itself; they can say so since 6.10.
 *
 * As long as a program has not returned, the kernel skips it for all else that runs on its CPU, and counts that.
 * So it should not be preempted as it lets the CPU go, either, which happens when it was time meanwhile for
 * another task to run: with interrupts off the kernel leaves that to the next occasion (preempt_schedule(),
 * kernel/sched/core.c), and programs can turn them off since 6.14. Not for longer: an interrupt that has to wait
 * comes as they are turned on again, and is then taken before the program has returned. (7.3, 550,000 events of a
 * load: 8 and 29 skipped when off all the time, none so.)
 */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

/* Fixed before load. */
const volatile bool hs_has_preempt_disable = false;
const volatile bool hs_has_irq_save = false;

static __always_inline void hs_hold_cpu(void)
{
	if (hs_has_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void hs_let_cpu_go(void)
{
	unsigned long flags;

	if (!hs_has_preempt_disable)
		return;
	if (hs_has_irq_save)
		bpf_local_irq_save(&flags);
	bpf_preempt_enable();
	if (hs_has_irq_save)
		bpf_local_irq_restore(&flags);
}

/* BPF_PROG() of libbpf, with the CPU held. */
#define HS_PROG(name, args...)                                                         \
	name(unsigned long long *ctx);                                                 \
	static __always_inline int hs_body_of_##name(unsigned long long *ctx, ##args); \
	int name(unsigned long long *ctx)                                              \
	{                                                                              \
		int ret;                                                               \
                                                                                       \
		hs_hold_cpu();                                                         \
		_Pragma("GCC diagnostic push")                                         \
			_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") ret =   \
				hs_body_of_##name(___bpf_ctx_cast(args));              \
		_Pragma("GCC diagnostic pop") hs_let_cpu_go();                         \
		return ret;                                                            \
	}                                                                              \
	static __always_inline int hs_body_of_##name(unsigned long long *ctx, ##args)

#endif
