// SPDX-License-Identifier: BSD-2-Clause
/* Facts about the machine: what can be tried is tried. */
#include "doctor.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "backend.h"
#include "source.h"
#include "trace.skel.h"

#define LOG_BYTES (1 << 20)
#define ROUNDS_NS 1000000000ull /* for finding programs that do not load */

static void doctor_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define autoclose __attribute__((cleanup(doctor_close_fd)))

static void attempt_set(struct hs_attempt *a, int error, const char *why)
{
	a->tried = true;
	a->error = error;
	snprintf(a->why, sizeof(a->why), "%s", why);
}

/* The first bytes of a file; bytes read or negative errno. */
static ssize_t doctor_read(const char *path, char *buf, size_t len)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

static int doctor_read_sysctl(const char *path)
{
	char buf[16];

	return doctor_read(path, buf, sizeof(buf)) > 0 ? atoi(buf) : -1;
}

static bool doctor_has(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return caps && !cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) && value == CAP_SET;
}

static void doctor_read_privileges(struct hs_doctor *d)
{
	unsigned int inside, outside, count;
	cap_t caps = cap_get_proc();
	char map[64];

	d->uid = geteuid();
	d->cap_bpf = doctor_has(caps, CAP_BPF);
	d->cap_perfmon = doctor_has(caps, CAP_PERFMON);
	d->cap_net_admin = doctor_has(caps, CAP_NET_ADMIN);
	d->cap_sys_admin = doctor_has(caps, CAP_SYS_ADMIN);
	d->cap_syslog = doctor_has(caps, CAP_SYSLOG);
	cap_free(caps);
	/* Only the first one maps all ids to themselves, user_namespaces(7). */
	d->user_namespace = doctor_read("/proc/self/uid_map", map, sizeof(map)) > 0 &&
			    sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 &&
			    (inside || outside || count != 4294967295u);
}

/* Unprivileged readers see the same lines with zeros for addresses. */
static void doctor_read_kallsyms(struct hs_doctor *d)
{
	char buf[16384];
	ssize_t n = doctor_read("/proc/kallsyms", buf, sizeof(buf));

	if (n < 0)
		return attempt_set(&d->kallsyms, n, "");
	for (const char *line = buf; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strspn(line, "0") < strspn(line, "0123456789abcdef"))
			return attempt_set(&d->kallsyms, 0, "");
	}
	attempt_set(&d->kallsyms, -EPERM, "all addresses are 0");
}

static void doctor_read_tracefs(struct hs_doctor *d)
{
	static const char *const dirs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[80], byte[2];
	ssize_t n;

	attempt_set(&d->tracefs, -ENOENT, "not mounted on /sys/kernel/tracing");
	for (size_t i = 0; i < 2 && d->tracefs.error; i++) {
		snprintf(path, sizeof(path), "%s/README", dirs[i]);
		n = doctor_read(path, byte, sizeof(byte));
		if (n != -ENOENT)
			attempt_set(&d->tracefs, n < 0 ? n : 0, dirs[i]);
		if (n <= 0)
			continue;
		snprintf(path, sizeof(path), "%s/available_filter_functions", dirs[i]);
		n = doctor_read(path, byte, sizeof(byte));
		attempt_set(&d->filter_functions, n < 0 ? n : 0, path);
	}
}

void doctor_read_lockdown(char *buf, size_t len)
{
	char text[64];

	*buf = '\0';
	if (doctor_read("/sys/kernel/security/lockdown", text, sizeof(text)) > 0)
		doctor_parse_lockdown(text, buf, len);
}

static void doctor_read_machine(struct hs_doctor *d)
{
	struct utsname uts;

	if (!uname(&uts)) {
		snprintf(d->release, sizeof(d->release), "%s", uts.release);
		snprintf(d->machine, sizeof(d->machine), "%s", uts.machine);
		d->preempts = strstr(uts.version, "PREEMPT");
	}
	doctor_read_lockdown(d->lockdown, sizeof(d->lockdown));
	d->unprivileged_bpf_disabled =
		doctor_read_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled");
	d->kptr_restrict = doctor_read_sysctl("/proc/sys/kernel/kptr_restrict");
}

/* Values that are no reasons are named otherwise, or mark the end, include/net/dropreason-core.h.
 */
static unsigned int doctor_count_reasons(const struct btf *btf)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	unsigned int n = 0;

	for (int i = 0; type && i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, btf_enum(type)[i].name_off);

		n += !strncmp(name, prefix, strlen(prefix)) &&
		     strcmp(name, "SKB_DROP_REASON_MAX") &&
		     strcmp(name, "SKB_DROP_REASON_SUBSYS_MASK");
	}
	return n;
}

static void doctor_try_bpf(struct hs_doctor *d)
{
	autoclose int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "hs_doctor", 0, 0,
					    sysconf(_SC_PAGESIZE), NULL);
	autoclose int prog = backend_load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);

	attempt_set(&d->ring, ring < 0 ? ring : 0, "");
	attempt_set(&d->program, prog < 0 ? prog : 0, "");
}

static void doctor_try_backend(struct hs_attempt *a, enum hs_backend backend)
{
	char why[sizeof(a->why)] = "";
	int r = backend_try(backend, why, sizeof(why));

	attempt_set(a, r, why);
}

/* libbpf names the program that failed in its warnings only: "libbpf: prog 'kfree_skb': …". */
static char warned_program[64];

static int doctor_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	const char *name;
	char line[256];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	name = strstr(line, "prog '");
	if (name && !*warned_program)
		snprintf(warned_program, sizeof(warned_program), "%.*s",
			 (int)strcspn(name + 6, "'"), name + 6);
	return 0;
}

_Static_assert(sizeof(((struct trace_bpf *)0)->progs) / sizeof(struct bpf_program *) <=
		       HS_DOCTOR_PROBES,
	       "more programs than HS_DOCTOR_PROBES");

/* NULL for a program that is no probe of its own: it serves many functions. */
static struct hs_doctor_probe *doctor_probe_of(struct hs_doctor *d, const struct bpf_program *prog)
{
	for (size_t i = 0; i < d->n_probes; i++)
		if (!strcmp(d->probes[i].program, bpf_program__name(prog)))
			return &d->probes[i];
	return NULL;
}

static bool doctor_in_btf(const struct btf *btf, const char *prefix, const char *name, int kind)
{
	char full[80];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return btf && btf__find_by_name_kind(btf, full, kind) > 0;
}

static void doctor_list_probe(struct hs_doctor *d, const struct bpf_program *prog,
			      const struct btf *btf)
{
	struct hs_doctor_probe *probe = &d->probes[d->n_probes];
	const char *section = bpf_program__section_name(prog), *target = strchr(section, '/');
	const char *program = bpf_program__name(prog), *instead = live_stands_in_for(program);

	if (!target)
		return;
	snprintf(probe->name, sizeof(probe->name), "%s", target + 1);
	snprintf(probe->program, sizeof(probe->program), "%s", program);
	if (!strncmp(section, "tp_btf/", 7)) {
		probe->exists = doctor_in_btf(btf, "btf_trace_", probe->name, BTF_KIND_TYPEDEF);
	} else if (!strncmp(section, "iter/", 5)) {
		probe->iterator = true;
		probe->exists = doctor_in_btf(btf, "bpf_iter_", probe->name, BTF_KIND_FUNC);
	} else if (instead && btf && !doctor_in_btf(btf, "btf_trace_", instead, BTF_KIND_TYPEDEF)) {
		snprintf(probe->instead, sizeof(probe->instead), "%s", instead);
		probe->exists = doctor_in_btf(btf, "", probe->name, BTF_KIND_FUNC);
	} else {
		return;
	}
	d->n_probes++;
}

static void doctor_list_probes(struct hs_doctor *d, const struct trace_bpf *skel,
			       const struct btf *btf)
{
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, skel->obj)
		doctor_list_probe(d, prog, btf);
}

static void doctor_attach_probes(struct hs_doctor *d, const struct trace_bpf *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, skel->obj) {
		struct hs_doctor_probe *probe = doctor_probe_of(d, prog);
		struct bpf_link *link;

		if (!probe || !bpf_program__autoload(prog))
			continue;
		attempt_set(&probe->load, 0, "");
		link = bpf_program__attach(prog);
		attempt_set(&probe->attach, link ? 0 : -errno, "");
		bpf_link__destroy(link);
	}
}

/* Sets what is known of why a load failed. False when that is not one program's fault. */
static bool doctor_blame(struct hs_doctor *d, const struct trace_bpf *skel, int error,
			 const char *log)
{
	struct bpf_program *prog;
	char why[256];

	doctor_last_words(log, why, sizeof(why));
	bpf_object__for_each_program (prog, skel->obj) {
		struct hs_doctor_probe *probe = doctor_probe_of(d, prog);

		if (!probe || !bpf_program__autoload(prog) ||
		    strcmp(bpf_program__name(prog), warned_program) != 0)
			continue;
		attempt_set(&probe->load, error, why);
		return true;
	}
	return false;
}

/* One round: all programs that may load. True when another one makes sense. */
static bool doctor_load_probes(struct hs_doctor *d, char *log)
{
	struct trace_bpf *skel = trace_bpf__open();
	struct bpf_program *prog;
	bool again = false;
	int r;

	if (!skel)
		return false;
	warned_program[0] = log[0] = '\0';
	live_fit_kernel(skel);
	bpf_object__for_each_program (prog, skel->obj) {
		const struct hs_doctor_probe *probe = doctor_probe_of(d, prog);

		bpf_program__set_autoload(prog, probe && probe->exists && !probe->load.tried);
		bpf_program__set_log_buf(prog, log, LOG_BYTES);
	}
	r = trace_bpf__load(skel);
	if (!r)
		doctor_attach_probes(d, skel);
	else
		again = doctor_blame(d, skel, r, log);
	trace_bpf__destroy(skel);
	return again;
}

static uint64_t doctor_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* libbpf loads all or nothing, so programs that fail are left out one after the other. */
static int doctor_try_probes(struct hs_doctor *d, const struct btf *btf)
{
	uint64_t start = doctor_clock();
	struct trace_bpf *skel = trace_bpf__open();
	char *log;

	if (!skel)
		return -errno;
	doctor_list_probes(d, skel, btf);
	trace_bpf__destroy(skel);
	if (!btf || !attempt_works(&d->ring) || !attempt_works(&d->program))
		return 0;
	log = malloc(LOG_BYTES);
	if (!log)
		return -ENOMEM;
	while (doctor_load_probes(d, log) && doctor_clock() - start < ROUNDS_NS)
		;
	free(log);
	return 0;
}

/* The first record comes when all is attached; nothing more is wanted. */
static int doctor_enough(void *ctx, const struct hs_hdr *rec)
{
	(void)ctx;
	(void)rec;
	return -ECANCELED;
}

/* What became of each function: they are all probed while trace runs. */
static void doctor_take_functions(struct hs_doctor *d, const struct hs_attach *a)
{
	d->attach_ns = a->took;
	for (size_t i = 0; i < a->n && d->n_functions < HS_DOCTOR_FUNCTIONS; i++) {
		const struct hs_attached *at = &a->list[i];
		struct hs_doctor_function *f = &d->functions[d->n_functions++];

		f->stage = at->function->info->stage;
		snprintf(f->name, sizeof(f->name), "%s", at->function->name);
		snprintf(f->module, sizeof(f->module), "%.31s", at->function->module);
		f->backend = at->backend;
		f->absent = !at->function->addr;
		f->untraceable = at->function->untraceable;
		f->error = at->error;
	}
}

static void doctor_try_trace(struct hs_doctor *d)
{
	static const struct hs_live_options opt = {
		.stacks = true,
		.functions = true,
		.calls = true,
		.ring_bytes = 1 << 18,
	};
	struct hs_live *live = NULL;
	char err[512] = "";
	int r;

	r = live_open(&live, &opt, err, sizeof(err));
	if (!r)
		r = live_start(live, doctor_enough, NULL, err, sizeof(err));
	if (r == -ECANCELED)
		attempt_set(&d->trace, 0, "");
	else
		attempt_set(&d->trace, r, err);
	if (r == -ECANCELED)
		doctor_take_functions(d, live_functions(live));
	live_close(live);
}

int doctor_examine(struct hs_doctor *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(doctor_print);
	struct hs_doctor *d = calloc(1, sizeof(*d));
	struct btf *btf;
	int r;

	if (!d)
		return -ENOMEM;
	doctor_read_machine(d);
	doctor_read_privileges(d);
	doctor_read_kallsyms(d);
	doctor_read_tracefs(d);
	btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	d->btf = btf;
	d->drop_reasons = btf ? doctor_count_reasons(btf) : 0;
	doctor_try_bpf(d);
	doctor_try_backend(&d->kprobe, HS_BY_KPROBE);
	doctor_try_backend(&d->fentry, HS_BY_FENTRY);
	doctor_try_backend(&d->kprobe_multi, HS_BY_KPROBE_MULTI);
	r = doctor_try_probes(d, btf);
	btf__free(btf);
	doctor_try_trace(d);
	doctor_judge(d);
	libbpf_set_print(print);
	if (r != -ENOMEM)
		*ret = *d;
	free(d);
	return r == -ENOMEM ? r : 0;
}
