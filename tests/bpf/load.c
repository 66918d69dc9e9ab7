// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads every program of trace.bpf.o as trace does, in each way that trace can be asked to, and of
 * count.bpf.o; says of each how many instructions the verifier looked at. A line each:
 *
 *	WAY PROGRAM loads INSTRUCTIONS	(tab-separated; "-": the kernel does not say, of copies before 5.16)
 *	WAY PROGRAM absent WHY		this kernel cannot have it
 *	WAY PROGRAM unwanted -		it can, but another program sees the same
 *	WAY PROGRAM fails WHY		the verifier's last words
 *	WAY functions attached COUNT	so many functions are probed
 *	WAY FUNCTION refused WHY	this one could be, but is not
 *
 * WAY is a name in `ways`, or count. PROGRAM.copies stands for the copies of a program that are made for
 * functions (clone.c): the most instructions of one, and how many there are.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/attach.h"
#include "../../loader/backend.h"
#include "../../loader/doctor.h"
#include "../../loader/source.h"
#include "count.skel.h"
#include "trace.skel.h"

#define LOG_BYTES	(1 << 24)
#define LOG_LEVEL_STATS 4 /* kernel/bpf/verifier.h: BPF_LOG_STATS */
#define LOG_LEVEL_WHY	1
#define STATS_BYTES	1024
#define MOST_PROGRAMS	128

static const struct {
	const char *name;
	struct hs_live_options opt;
} ways[] = {
	{ "plain", { .calls = true } },
	{ "stacks", { .calls = true, .stacks = true, .stack_limit = 64 } },
	{ "snap", { .calls = true, .stacks = true, .snap = HS_SNAP_MAX } },
	{ "fentry", { .calls = true, .stacks = true, .functions = true, .backend = HS_BY_FENTRY } },
	{ "kprobe.multi",
	  { .calls = true, .stacks = true, .functions = true, .backend = HS_BY_KPROBE_MULTI } },
	{ "kprobe", { .calls = true, .stacks = true, .functions = true, .backend = HS_BY_KPROBE } },
};

static const char *way;

static void say(const char *program, const char *state, const char *what)
{
	printf("%s\t%s\t%s\t%s\n", way, program, state, what);
}

/* What became of a program in the rounds so far. */
struct program {
	char stats[STATS_BYTES];
	char why[256];
	bool ask; /* for the whole log, as it failed */
	bool fails;
};

static struct program programs[MOST_PROGRAMS];
static char *whole_log;
static char blamed[64];

/* libbpf names the program that failed in its warnings only. */
static int remember_blamed(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[256], *name;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	name = strstr(line, "prog '");
	if (name && !*blamed)
		snprintf(blamed, sizeof(blamed), "%.*s", (int)strcspn(name + 6, "'"), name + 6);
	return 0;
}

static void ask_for_stats(struct bpf_object *obj)
{
	struct bpf_program *prog;
	size_t i = 0;

	*blamed = *whole_log = '\0';
	bpf_object__for_each_program (prog, obj) {
		struct program *p = &programs[i++];

		if (p->fails)
			bpf_program__set_autoload(prog, false);
		bpf_program__set_log_level(prog, p->ask ? LOG_LEVEL_WHY : LOG_LEVEL_STATS);
		bpf_program__set_log_buf(prog, p->ask ? whole_log : p->stats,
					 p->ask ? LOG_BYTES : STATS_BYTES);
	}
}

/* After a load that failed: whose fault it is. False when it is no program's. */
static bool blame(struct bpf_object *obj, int error)
{
	struct bpf_program *prog;
	size_t i = 0;

	bpf_object__for_each_program (prog, obj) {
		struct program *p = &programs[i++];

		if (strcmp(bpf_program__name(prog), blamed) || p->fails)
			continue;
		if (!p->ask) {
			p->ask = true;
			return true;
		}
		p->fails = true;
		doctor_last_words(whole_log, p->why, sizeof(p->why));
		if (!*p->why)
			snprintf(p->why, sizeof(p->why), "%s", strerror(-error));
		return true;
	}
	return false;
}

/* "processed 123 insns (limit 1000000) ..." */
static long instructions(const struct bpf_program *prog, const char *stats)
{
	const char *processed = strstr(stats, "processed ");
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	long n = processed ? strtol(processed + strlen("processed "), NULL, 10) : -1;

	/* since 5.16 the kernel says it too */
	if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) && info.verified_insns &&
	    info.verified_insns != n)
		return -2;
	return n;
}

static void report(const struct bpf_program *prog, const struct program *p)
{
	const char *name = bpf_program__name(prog);
	char count[24];
	long n;

	if (p->fails)
		return say(name, "fails", p->why);
	n = instructions(prog, p->stats);
	if (n < 0)
		return say(name, "fails",
			   n == -1 ? "the verifier did not count" : "two counts that differ");
	snprintf(count, sizeof(count), "%ld", n);
	say(name, "loads", count);
}

static void report_absent(const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog), *section = bpf_program__section_name(prog);
	char why[128];

	if (live_stands_in_for(name) || !strncmp(name, "sys_", 4)) {
		say(name, "unwanted", "-");
		return;
	}
	/* as the doctor says it, cmd_doctor.c */
	snprintf(why, sizeof(why), "tracepoint %s does not exist",
		 section + strcspn(section, "/") + 1);
	say(name, "absent", why);
}

/* Those of functions.def are another matter than tracepoints and what stands in for them. */
static bool is_for_functions(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);

	return !strncmp(section, "kprobe", 6) || !strncmp(section, "kretprobe", 9) ||
	       !strncmp(bpf_program__name(prog), "function_", 9);
}

static long verified(int fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) ? info.verified_insns : 0;
}

static void report_copies(const char *template, const struct hs_attach *a, bool on_return)
{
	long most = 0, n = 0;
	char name[64], what[64];

	for (size_t i = 0; i < a->n; i++) {
		int fd = on_return ? a->list[i].ret.prog : a->list[i].entry.prog;
		long one = verified(fd);

		n += fd >= 0;
		most = one > most ? one : most;
	}
	snprintf(name, sizeof(name), "%s.copies", template);
	if (most)
		snprintf(what, sizeof(what), "%ld\t%ld of them", most, n);
	else
		snprintf(what, sizeof(what), "-\t%ld of them", n);
	say(name, n ? "loads" : "fails", n ? what : "there is none");
}

/* The kernel's own, which strerror() does not know. */
#define ENOTSUPP 524

/* Functions that are there, and may be probed, but could not be. */
static void report_refused(const struct hs_attach *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct hs_attached *at = &a->list[i];

		if (at->function->addr && !at->function->untraceable && !at->backend)
			say(at->function->name, "refused",
			    at->error == -ENOTSUPP ? "ENOTSUPP" : strerror(-at->error));
	}
}

static int attach_and_report(struct hs_attach *a, struct trace_bpf *skel)
{
	int r = attach_all(a, skel);
	char count[24];

	if (r)
		return r;
	if (a->granted & 1u << HS_BY_FENTRY) {
		report_copies("function_fentry", a, false);
		report_copies("function_fexit", a, true);
	} else if (a->granted & 1u << HS_BY_KPROBE) {
		report_copies("function_kprobe", a, false);
		report_copies("function_kretprobe", a, true);
	}
	snprintf(count, sizeof(count), "%zu", attach_count(a));
	say("functions", "attached", count);
	report_refused(a);
	return 0;
}

/* One round: 1 when another one makes sense, as a program that fails is known; else 0 or negative errno. */
static int load_once(const struct hs_live_options *opt)
{
	struct trace_bpf *skel = trace_bpf__open();
	struct hs_attach attach = { 0 };
	struct bpf_program *prog;
	size_t i = 0;
	int r;

	if (!skel)
		return -errno;
	r = live_prepare(skel, opt, &attach);
	if (!r && opt->backend && !attach.granted) {
		char why[128] = "", reason[192];

		r = backend_try(opt->backend, why, sizeof(why));
		snprintf(reason, sizeof(reason), "this kernel refuses it (%s, %s)", strerror(-r),
			 why);
		say("functions", "absent", reason);
		r = 0;
		goto out;
	}
	if (r)
		goto out;
	ask_for_stats(skel->obj);
	r = trace_bpf__load(skel);
	if (r) {
		r = blame(skel->obj, r) ? 1 : r;
		goto out;
	}
	bpf_object__for_each_program (prog, skel->obj) {
		const struct program *p = &programs[i++];

		if (is_for_functions(prog) != (opt->backend != 0))
			continue;
		if (bpf_program__autoload(prog) || p->fails)
			report(prog, p);
		else if (!opt->backend)
			report_absent(prog);
	}
	if (opt->backend)
		r = attach_and_report(&attach, skel);
out:
	attach_free(&attach);
	trace_bpf__destroy(skel);
	return r;
}

/* The counter of bench/count.c, of the tracepoints that there are. */
static int load_count(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct count_bpf *skel = count_bpf__open();
	struct bpf_program *prog;
	size_t i = 0;
	int r;

	if (!skel || libbpf_get_error(btf)) {
		r = -errno;
		goto out;
	}
	ask_for_stats(skel->obj);
	bpf_object__for_each_program (prog, skel->obj) {
		char name[128];

		snprintf(name, sizeof(name), "btf_trace_%s",
			 bpf_program__section_name(prog) + strlen("tp_btf/"));
		if (btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) < 0)
			bpf_program__set_autoload(prog, false);
	}
	r = count_bpf__load(skel);
	if (r) {
		r = blame(skel->obj, r) ? 1 : r;
		goto out;
	}
	bpf_object__for_each_program (prog, skel->obj) {
		const struct program *p = &programs[i++];

		if (bpf_program__autoload(prog) || p->fails)
			report(prog, p);
		else
			report_absent(prog);
	}
out:
	count_bpf__destroy(skel);
	btf__free(btf);
	return r;
}

int main(void)
{
	int r;

	libbpf_set_print(remember_blamed);
	whole_log = calloc(1, LOG_BYTES);
	if (!whole_log)
		return 1;
	for (size_t i = 0; i <= sizeof(ways) / sizeof(ways[0]); i++) {
		bool count = i == sizeof(ways) / sizeof(ways[0]);

		way = count ? "count" : ways[i].name;
		memset(programs, 0, sizeof(programs));
		do {
			r = count ? load_count() : load_once(&ways[i].opt);
		} while (r == 1);
		if (r < 0)
			say("all", "fails", *blamed ? blamed : strerror(-r));
		fflush(stdout);
	}
	free(whole_log);
	return 0;
}
