// SPDX-License-Identifier: BSD-2-Clause
/* The running kernel as a source: load, attach, drain the ring buffer, learn names on the way. */
#include "source.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "backend.h"
#include "doctor.h"
#include "learn.h"
#include "softirqs.h"
#include "source_rings.h"
#include "trace.skel.h"

#define READINGS 64 /* of the loss counters that wait for records of their time */

struct hs_live {
	struct trace_bpf *skel;
	struct hs_rings *rings;
	struct hs_learn *learn;
	struct hs_live_options opt;
	hs_record_fn fn;
	void *ctx;
	struct hs_attach attach;
	unsigned int probes;
	uint64_t ticked;    /* time of the last tick */
	uint64_t loss_read; /* time of the last look at the counters of what is beside the path */
	int n_cpus;
	struct hs_softirqs softirqs;
	struct hs_rec_loss *told;	    /* what was handed over last */
	struct hs_rec_loss *read[READINGS]; /* what the counters said, the oldest first */
	size_t n_read;			    /* so many of them are used */
};

/* Records of one drain and CPU: a flood must not keep the caller from its signals and deadlines. */
#define DRAIN_BUDGET 20000
/*
 * So long a record may be in writing, on one CPU, before younger ones of others are handed over: its program may be
 * interrupted between its time and its place in the ring; since 7.0 the scheduler may do that, too.
 */
#define WRITING_NS     20000000ull
#define LOSS_PERIOD_NS 200000000ull

static const struct {
	uint16_t nr;
	uint8_t call;
} live_calls[] = {
	{ SYS_socket, HS_CALL_SOCKET },	    { SYS_bind, HS_CALL_BIND },
	{ SYS_connect, HS_CALL_CONNECT },   { SYS_listen, HS_CALL_LISTEN },
	{ SYS_accept, HS_CALL_ACCEPT },	    { SYS_accept4, HS_CALL_ACCEPT4 },
	{ SYS_sendto, HS_CALL_SENDTO },	    { SYS_sendmsg, HS_CALL_SENDMSG },
	{ SYS_sendmmsg, HS_CALL_SENDMMSG }, { SYS_recvfrom, HS_CALL_RECVFROM },
	{ SYS_recvmsg, HS_CALL_RECVMSG },   { SYS_recvmmsg, HS_CALL_RECVMMSG },
	{ SYS_read, HS_CALL_READ },	    { SYS_write, HS_CALL_WRITE },
	{ SYS_readv, HS_CALL_READV },	    { SYS_writev, HS_CALL_WRITEV },
	{ SYS_shutdown, HS_CALL_SHUTDOWN }, { SYS_close, HS_CALL_CLOSE },
};

static uint64_t live_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* What libbpf says while it works; the last warning explains a failure. */
static char live_warning[256];

static int live_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN && !live_warning[0])
		vsnprintf(live_warning, sizeof(live_warning), fmt, args);
	return 0;
}

static int live_emit(void *ctx, const struct hs_hdr *rec)
{
	struct hs_live *live = ctx;

	return live->fn(live->ctx, rec);
}

static int live_record(void *ctx, const struct hs_hdr *rec)
{
	struct hs_live *live = ctx;
	int r = learn_record(live->learn, rec, live_emit, live);

	return r ?: live->fn(live->ctx, rec);
}

static void live_explain(int r, const char *what, char *err, size_t err_len)
{
	char *line = strchr(live_warning, '\n'), mode[16];
	const char *forbids, *remedy;

	if (line)
		*line = '\0';
	doctor_read_lockdown(mode, sizeof(mode));
	forbids = doctor_lockdown_forbids(mode, &remedy);
	if (forbids)
		snprintf(err, err_len, "%s: %s. %s", what, forbids, remedy);
	else if (r == -EPERM || r == -EACCES)
		snprintf(err, err_len,
			 "%s: the kernel refuses (%s): run as root (or with CAP_BPF and "
			 "CAP_PERFMON), and see whether lockdown is on: "
			 "cat /sys/kernel/security/lockdown",
			 what, strerror(-r));
	else
		snprintf(err, err_len, "%s: %s%s%s; `trace doctor` says what this kernel has", what,
			 strerror(-r), live_warning[0] ? ": " : "", live_warning);
}

/* How many arguments a tracepoint hands to its programs; 0: the kernel does not have it. */
static unsigned int live_tracepoint_args(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *t;
	char name[128];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* a pointer to a function, */
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	return t ? btf_vlen(t) - 1 : 0; /* whose first argument is the tracepoint's own */
}

/*
 * What stands in for a tracepoint that older kernels do not have: a program of the same name on the
 * function where newer ones have it.
 */
static const struct {
	const char *program, *tracepoint;
} live_stand_ins[] = {
	{ "sock_def_readable", "sk_data_ready" },
	{ "inet_recvmsg", "sock_recv_length" },
	{ "inet6_recvmsg", "sock_recv_length" },
	{ "sock_common_recvmsg", "sock_recv_length" },
	{ "inet_recvmsg_entered", "sock_recv_length" },
	{ "inet6_recvmsg_entered", "sock_recv_length" },
	{ "skb_consume_udp", "sock_recv_length" },
	{ "tcp_cleanup_rbuf", "sock_recv_length" },
	{ "inet_sendmsg", "sock_send_length" },
	{ "inet6_sendmsg", "sock_send_length" },
	{ "sock_def_error_report", "inet_sk_error_report" },
	{ "__icmp_send", "icmp_send" },
};

const char *live_stands_in_for(const char *program)
{
	for (size_t i = 0; i < sizeof(live_stand_ins) / sizeof(live_stand_ins[0]); i++)
		if (!strcmp(live_stand_ins[i].program, program))
			return live_stand_ins[i].tracepoint;
	return NULL;
}

/* Atomic instructions that return the old value came with 5.12; before, even dead code may not have them. */
static bool live_has_fetch_add(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_10,
		  .off = -8,
		  .imm = BPF_ADD | BPF_FETCH },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "hs_fetch_add", "GPL", insns,
			       sizeof(insns) / sizeof(insns[0]), NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * hs_begin() then reads the counter before it adds to it. An interrupt in between gives a number twice and
 * leaves one out: a loss is told that was none, never the other way round.
 */
static void live_drop_fetch(struct bpf_program *prog)
{
	struct bpf_insn *insns = (struct bpf_insn *)bpf_program__insns(prog);

	for (size_t i = 0; i < bpf_program__insn_cnt(prog); i++)
		if (insns[i].code == (BPF_STX | BPF_ATOMIC | BPF_DW) &&
		    insns[i].imm == (BPF_ADD | BPF_FETCH))
			insns[i].imm = BPF_ADD;
}

bool live_fit_atomics(struct bpf_object *obj)
{
	bool has = live_has_fetch_add();
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, obj) {
		if (!has)
			live_drop_fetch(prog);
	}
	return has;
}

/* A tracepoint that this kernel does not have costs its stage, not the trace. */
void live_fit_kernel(struct trace_bpf *skel)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *prog;

	if (libbpf_get_error(btf))
		return; /* loading will say why */
	skel->rodata->hs_kfree_skb_args = live_tracepoint_args(btf, "kfree_skb");
	skel->rodata->hs_consume_skb_args = live_tracepoint_args(btf, "consume_skb");
	skel->rodata->hs_tcp_send_reset_args = live_tracepoint_args(btf, "tcp_send_reset");
	skel->rodata->hs_has_fetch_add = live_fit_atomics(skel->obj);
	skel->rodata->hs_has_preempt_disable =
		btf__find_by_name_kind(btf, "bpf_preempt_disable", BTF_KIND_FUNC) > 0;
	skel->rodata->hs_has_irq_save =
		btf__find_by_name_kind(btf, "bpf_local_irq_save", BTF_KIND_FUNC) > 0;
	bpf_object__for_each_program (prog, skel->obj) {
		const char *tracepoint = strstr(bpf_program__section_name(prog), "tp_btf/");
		const char *missing = live_stands_in_for(bpf_program__name(prog));

		if (missing)
			bpf_program__set_autoload(prog, !live_tracepoint_args(btf, missing));
		else if (tracepoint && !live_tracepoint_args(btf, tracepoint + strlen("tp_btf/")))
			bpf_program__set_autoload(prog, false);
	}
	btf__free(btf);
}

/* Are system calls better seen by perf's events, and can they be? trace.bpf.c says why. */
static bool live_calls_of_perf(void)
{
	static const char *const ids[] = {
		"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
		"/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
	};
	struct utsname name;

	return !uname(&name) && atoi(name.release) >= 7 &&
	       (!access(ids[0], R_OK) || !access(ids[1], R_OK));
}

static void live_configure(struct trace_bpf *skel, const struct hs_live_options *opt,
			   const struct hs_attach *attach)
{
	bool of_perf;

	skel->rodata->hs_stacks = opt->stacks;
	skel->rodata->hs_stacks_of_ends = attach->granted;
	skel->rodata->hs_stack_limit = opt->stack_limit;
	skel->rodata->hs_snap = opt->snap;
	for (size_t i = 0; i < sizeof(live_calls) / sizeof(live_calls[0]); i++)
		skel->rodata->hs_call_of_nr[live_calls[i].nr] = live_calls[i].call;
	/* What happens beside the path is for watching; the recording of a flood cannot pay for it. */
	if (!opt->stacks && !opt->functions) {
		bpf_program__set_autoload(skel->progs.fib_table_lookup, false);
		bpf_program__set_autoload(skel->progs.fib6_table_lookup, false);
		bpf_program__set_autoload(skel->progs.sched_waking, false);
		bpf_program__set_autoload(skel->progs.sched_switch, false);
	}
	of_perf = live_calls_of_perf();
	bpf_program__set_autoload(skel->progs.sys_enter, opt->calls && !of_perf);
	bpf_program__set_autoload(skel->progs.sys_exit, opt->calls && !of_perf);
	bpf_program__set_autoload(skel->progs.sys_enter_of_perf, opt->calls && of_perf);
	bpf_program__set_autoload(skel->progs.sys_exit_of_perf, opt->calls && of_perf);
	if (!opt->calls) {
		bpf_program__set_autoload(skel->progs.sched_process_fork, false);
		bpf_program__set_autoload(skel->progs.sched_process_exec, false);
		bpf_program__set_autoload(skel->progs.sched_process_exit, false);
		bpf_program__set_autoload(skel->progs.signal_generate, false);
	}
}

/* Of those that hold what is under way. */
static void live_size_maps(struct trace_bpf *skel, uint32_t entries)
{
	struct bpf_map *const maps[] = { skel->maps.followed, skel->maps.open_calls,
					 skel->maps.receiving, skel->maps.woken };

	for (size_t i = 0; entries && i < sizeof(maps) / sizeof(maps[0]); i++)
		bpf_map__set_max_entries(maps[i], entries);
}

static unsigned int live_backends(const struct hs_live_options *opt)
{
	if (!opt->functions || opt->backend == HS_BY_TRACEPOINT)
		return 0;
	return opt->backend ? 1u << opt->backend : HS_BACKENDS_ALL;
}

int live_prepare(struct trace_bpf *skel, const struct hs_live_options *opt,
		 struct hs_attach *attach)
{
	int r = attach_prepare(attach, skel, live_backends(opt));

	if (r)
		return r;
	live_configure(skel, opt, attach);
	live_size_maps(skel, opt->map_entries);
	live_fit_kernel(skel);
	return 0;
}

static void live_explain_backend(enum hs_backend backend, char *err, size_t err_len)
{
	char why[128] = "";
	int r = backend_try(backend, why, sizeof(why));

	snprintf(err, err_len,
		 "--backend %s: this kernel refuses it (%s%s%s); leave the option out for the "
		 "best that it has, which `trace doctor` tells",
		 backend_name(backend), r ? strerror(-r) : "function addresses are hidden",
		 *why ? ", " : "", why);
}

static int live_make_room(struct hs_live *live)
{
	size_t size;

	live->n_cpus = libbpf_num_possible_cpus();
	if (live->n_cpus < 0)
		return live->n_cpus;
	size = sizeof(*live->told) + (HS_LOST_KINDS + live->n_cpus) * sizeof(uint64_t);
	if (live->n_cpus > HS_MOST_CPUS)
		return -E2BIG;
	live->told = calloc(1, size);
	if (!live->told)
		return -ENOMEM;
	live->told->hdr = (struct hs_hdr){ .type = HS_REC_LOSS, .flags = HS_F_AHEAD, .size = size };
	for (int i = 0; i < READINGS; i++) {
		live->read[i] = calloc(1, size);
		if (!live->read[i])
			return -ENOMEM;
		*live->read[i] = *live->told;
	}
	return 0;
}

int live_open(struct hs_live **ret, const struct hs_live_options *opt, char *err, size_t err_len)
{
	struct hs_live *live;
	int r;

	live_warning[0] = '\0';
	libbpf_set_print(live_print);
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		snprintf(err, err_len,
			 "/sys/kernel/btf/vmlinux: %s: this kernel was built without BTF "
			 "(CONFIG_DEBUG_INFO_BTF), which trace needs to read its structures",
			 strerror(errno));
		return -ENOENT;
	}
	live = calloc(1, sizeof(*live));
	if (!live)
		return -ENOMEM;
	live->opt = *opt;
	r = live_make_room(live);
	if (r) {
		if (r == -E2BIG)
			snprintf(err, err_len,
				 "this machine may have %d CPUs, and trace counts at most %d: "
				 "boot with nr_cpus=%d",
				 live->n_cpus, HS_MOST_CPUS, HS_MOST_CPUS);
		else
			snprintf(err, err_len, "%s", strerror(-r));
		goto fail;
	}
	live->skel = trace_bpf__open();
	if (!live->skel) {
		r = -errno;
		live_explain(r, "opening the probes", err, err_len);
		goto fail;
	}
	r = live_prepare(live->skel, opt, &live->attach);
	if (r) {
		snprintf(err, err_len, "looking for kernel functions: %s", strerror(-r));
		goto fail;
	}
	if (opt->backend > HS_BY_TRACEPOINT && !live->attach.granted) {
		r = -EOPNOTSUPP;
		live_explain_backend(opt->backend, err, err_len);
		goto fail;
	}
	r = trace_bpf__load(live->skel);
	if (r) {
		live_explain(r,
			     opt->snap ? "loading the probes (-X and -s need Linux 6.12)"
				       : "loading the probes",
			     err, err_len);
		goto fail;
	}
	r = rings_new(&live->rings, bpf_map__fd(live->skel->maps.rings), live->opt.ring_bytes);
	if (r) {
		live_explain(r, "making the ring buffers", err, err_len);
		goto fail;
	}
	r = learn_new(&live->learn);
	if (r) {
		snprintf(err, err_len, "learning names: %s", strerror(-r));
		goto fail;
	}
	*ret = live;
	return 0;
fail:
	live_close(live);
	return r;
}

void live_close(struct hs_live *live)
{
	if (!live)
		return;
	rings_free(live->rings);
	attach_free(&live->attach);
	trace_bpf__destroy(live->skel);
	learn_free(live->learn);
	free(live->told);
	for (int i = 0; i < READINGS; i++)
		free(live->read[i]);
	free(live);
}

int live_follow(struct hs_live *live, uint32_t pid)
{
	uint8_t one = 1;

	return bpf_map__update_elem(live->skel->maps.followed, &pid, sizeof(pid), &one, sizeof(one),
				    BPF_ANY);
}

static int live_hand_over_start(struct hs_live *live)
{
	size_t size = (sizeof(struct hs_rec_start) + live->opt.spec_len + 7) & ~(size_t)7;
	struct hs_rec_start *start;
	struct utsname uts;
	int r;

	if (size > UINT16_MAX)
		return -E2BIG;
	start = calloc(1, size);
	if (!start)
		return -ENOMEM;
	start->hdr.type = HS_REC_START;
	start->hdr.size = size;
	start->hdr.time = live_clock(CLOCK_MONOTONIC);
	memcpy(start->magic, "HOPSCOPE", sizeof(start->magic));
	start->abi = HS_ABI_VERSION;
	start->cpus = libbpf_num_possible_cpus();
	start->wall_offset = live_clock(CLOCK_REALTIME) - live_clock(CLOCK_MONOTONIC);
	start->stacks = live->opt.stacks;
	start->spec_len = live->opt.spec_len;
	if (!uname(&uts))
		snprintf(start->release, sizeof(start->release), "%.63s", uts.release);
	if (live->opt.spec_len)
		memcpy(start->spec, live->opt.spec, live->opt.spec_len);
	r = live->fn(live->ctx, &start->hdr);
	free(start);
	live->ticked = live_clock(CLOCK_MONOTONIC);
	return r;
}

/* Which functions are probed, so that their records have names. */
static int live_hand_over_probes(struct hs_live *live)
{
	union {
		struct hs_rec_text rec;
		char room[sizeof(struct hs_rec_text) + HS_KFUNC_NAME + 8];
	} out;
	int r = 0;

	for (size_t i = 0; i < live->attach.n && !r; i++) {
		const struct hs_attached *at = &live->attach.list[i];
		size_t len = strlen(at->function->name) + 1;

		if (at->backend == HS_BY_STACK)
			continue;
		memset(&out, 0, sizeof(out));
		out.rec.hdr = (struct hs_hdr){
			.type = HS_REC_PROBE,
			.stage = at->function->info->stage,
			.size = (sizeof(out.rec) + len + 7) & ~(size_t)7,
			.time = live_clock(CLOCK_MONOTONIC),
		};
		out.rec.key = (uint64_t)at->backend << 32 | i;
		memcpy(out.rec.text, at->function->name, len);
		r = live->fn(live->ctx, &out.rec.hdr);
	}
	return r;
}

/* The sockets that exist already, with their owners. */
static int live_hand_over_sockets(struct hs_live *live)
{
	int fd = bpf_iter_create(bpf_link__fd(live->skel->links.list_sockets));
	struct hs_rec_sock recs[64];
	size_t have = 0;
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (!r && (n = read(fd, (char *)recs + have, sizeof(recs) - have)) > 0) {
		size_t whole = (have + n) / sizeof(recs[0]);

		for (size_t i = 0; i < whole && !r; i++) {
			recs[i].hdr.time = live_clock(CLOCK_MONOTONIC);
			r = live_record(live, &recs[i].hdr);
		}
		have = have + n - whole * sizeof(recs[0]);
		memmove(recs, recs + whole, have);
	}
	close(fd);
	return r;
}

int live_start(struct hs_live *live, hs_record_fn fn, void *ctx, char *err, size_t err_len)
{
	struct bpf_program *prog;
	int r;

	live->fn = fn;
	live->ctx = ctx;
	r = trace_bpf__attach(live->skel);
	if (!r)
		r = attach_all(&live->attach, live->skel);
	if (r) {
		live_explain(r, "attaching the probes", err, err_len);
		return r;
	}
	bpf_object__for_each_program (prog, live->skel->obj)
		live->probes += bpf_program__autoload(prog) && bpf_program__autoattach(prog);
	live->probes--; /* list_sockets is an iterator */
	live->probes += attach_count(&live->attach);
	r = live_hand_over_start(live);
	if (!r)
		r = live_hand_over_probes(live);
	if (!r)
		r = live_hand_over_sockets(live);
	if (r)
		snprintf(err, err_len, "starting: %s", strerror(-r));
	return r;
}

const struct hs_attach *live_functions(const struct hs_live *live)
{
	return &live->attach;
}

unsigned int live_probes(const struct hs_live *live)
{
	return live->probes;
}

/* The sums of all CPUs, of numbered records. */
static struct hs_cpu live_count(const struct hs_live *live)
{
	struct hs_cpu sum = { 0 };

	for (int i = 0; i < live->n_cpus; i++) {
		sum.generated += live->skel->bss->hs_cpus[i].generated;
		sum.lost += live->skel->bss->hs_cpus[i].lost;
	}
	return sum;
}

/* Programs that only add hops: no journey, fate or cause depends on them. */
static bool live_is_beside(const struct trace_bpf *skel, const struct bpf_program *prog)
{
	return !bpf_program__autoattach(prog) || prog == skel->progs.fib_table_lookup ||
	       prog == skel->progs.fib6_table_lookup || prog == skel->progs.sched_waking ||
	       prog == skel->progs.sched_switch;
}

static bool live_is_of_calls(const struct trace_bpf *skel, const struct bpf_program *prog)
{
	return prog == skel->progs.sys_enter || prog == skel->progs.sys_exit ||
	       prog == skel->progs.sys_enter_of_perf || prog == skel->progs.sys_exit_of_perf;
}

/* `all`: also of those that no fate depends on, of which there are many. */
static void live_read_misses(const struct hs_live *live, struct hs_rec_loss *ret, bool all)
{
	struct bpf_program *prog;

	ret->misses = 0;
	if (all) {
		ret->calls = 0;
		ret->untimed = attach_misses(&live->attach);
	}
	bpf_object__for_each_program (prog, live->skel->obj) {
		bool beside = live_is_beside(live->skel, prog);
		bool call = live_is_of_calls(live->skel, prog);
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (!bpf_program__autoload(prog) || (!all && (beside || call)) ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			continue;
		*(beside ? &ret->untimed
		  : call ? &ret->calls
			 : &ret->misses) += info.recursion_misses;
	}
}

/* Is anything lost yet? */
static bool live_loss_any(const struct hs_rec_loss *loss)
{
	uint64_t sum = loss->reserve | loss->misses | loss->maps | loss->untimed | loss->calls;

	for (size_t i = 0; i < loss->n_kinds; i++)
		sum |= loss->counts[i];
	return sum;
}

static bool live_loss_is(const struct hs_rec_loss *a, const struct hs_rec_loss *b)
{
	size_t counts = a->hdr.size - sizeof(*a);

	return a->reserve == b->reserve && a->misses == b->misses && a->untimed == b->untimed &&
	       a->calls == b->calls && !memcmp(a->counts, b->counts, counts);
}

/* What the counters say now, kept if it is news. Where there is no room, it takes the place of the last. */
static void live_read_losses(struct hs_live *live, bool all)
{
	struct hs_rec_loss *last = live->n_read ? live->read[live->n_read - 1] : live->told;
	struct hs_rec_loss *now = live->read[live->n_read < READINGS ? live->n_read : READINGS - 1];
	uint64_t time = live_clock(CLOCK_MONOTONIC);

	if (now != last)
		memcpy(now, last, last->hdr.size);
	now->reserve = live_count(live).lost;
	now->n_kinds = HS_LOST_KINDS;
	now->n_cpus = live->n_cpus;
	memset(now->counts, 0, HS_LOST_KINDS * sizeof(now->counts[0]));
	for (int i = 0; i < live->n_cpus; i++) {
		const struct hs_cpu *cpu = &live->skel->bss->hs_cpus[i];

		for (int k = 0; k < HS_LOST_KINDS; k++)
			now->counts[k] += cpu->kinds[k];
		now->counts[HS_LOST_KINDS + i] = cpu->lost;
	}
	now->counts[HS_LOST_SOFTIRQ] = live->softirqs.unseen;
	now->maps = 0;
	for (int k = 0; k < HS_LOST_WOKEN; k++)
		now->maps += now->counts[k];
	live_read_misses(live, now, all);
	now->until = time;
	if (now == last)
		return;
	if (live->n_read && live_loss_is(now, last))
		last->until = time;
	else
		live->n_read++;
}

static void live_look_at_softirqs(struct hs_live *live)
{
	if (live->skel->links.softirq_entry)
		softirqs_look(&live->softirqs, live->skel->bss->hs_cpus, live->n_cpus);
}

/*
 * What had been lost by `until`, when that has changed: the oldest reading that is not older. It goes before
 * the records up to then, so that no journey is told as complete that may miss one that was lost among them.
 */
static int live_hand_over_loss(struct hs_live *live, uint64_t until)
{
	size_t old = 0;

	while (old + 1 < live->n_read && live->read[old]->until < until)
		old++;
	for (size_t i = 0; old && i < live->n_read - old; i++) {
		struct hs_rec_loss *later = live->read[i + old];

		live->read[i + old] = live->read[i];
		live->read[i] = later;
	}
	live->n_read -= old;
	if (!live->n_read || (!live->told->n_kinds && !live_loss_any(live->read[0])) ||
	    live_loss_is(live->read[0], live->told))
		return 0;
	memcpy(live->told, live->read[0], live->told->hdr.size);
	live->told->hdr.time = live->ticked;
	return live->fn(live->ctx, &live->told->hdr);
}

int live_drain(struct hs_live *live)
{
	struct hs_hdr tick = { .type = HS_REC_TICK, .size = sizeof(tick) };
	uint64_t all = live_clock(CLOCK_MONOTONIC) - WRITING_NS, until = all;
	int r = rings_take(live->rings, DRAIN_BUDGET, &until);
	bool look = until - live->loss_read > LOSS_PERIOD_NS;

	if (look) {
		live_look_at_softirqs(live);
		live->loss_read = until;
	}
	live_read_losses(live, look);
	if (!r)
		r = live_hand_over_loss(live, until);
	if (!r)
		r = rings_hand_over(live->rings, until, live_record, live);
	/* All that was written by then has come before its tick. */
	tick.time = live->ticked = until;
	if (!r)
		r = learn_record(live->learn, &tick, live_emit, live);
	if (!r)
		r = live->fn(live->ctx, &tick);
	return r ? r : until < all;
}

uint64_t live_seen(const struct hs_live *live)
{
	return live->ticked;
}

const char *live_names_warning(const struct hs_live *live)
{
	return learn_warning(live->learn);
}

int live_stop(struct hs_live *live)
{
	struct hs_rec_end end = { .hdr = { .type = HS_REC_END, .size = sizeof(end) } };
	uint64_t until = UINT64_MAX;
	struct hs_cpu sum;
	int r;

	live_look_at_softirqs(live);
	attach_detach(&live->attach);
	trace_bpf__detach(live->skel);
	r = rings_take(live->rings, UINT_MAX, &until);
	live_read_losses(live, true);
	live->read[live->n_read - 1]->until = until;
	if (!r)
		r = live_hand_over_loss(live, until);
	if (!r)
		r = rings_hand_over(live->rings, until, live_record, live);
	if (r)
		return r;
	end.hdr.time = live_clock(CLOCK_MONOTONIC);
	if (!r)
		r = learn_flush(live->learn, live_emit, live);
	if (r)
		return r;
	sum = live_count(live);
	end.generated = sum.generated;
	end.lost = sum.lost;
	return live->fn(live->ctx, &end.hdr);
}
