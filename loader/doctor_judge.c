// SPDX-License-Identifier: BSD-2-Clause
/* From the facts about a machine to what they mean for trace. Pure. */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * What each probe is for, as the end of "without it trace cannot show", and the first Linux that
 * has all that its program reads, "" where that is older than BTF.
 */
static const struct {
	const char *name, *hides, *since;
} purposes[] = {
	{ "softirq_entry", "which packets were caused by one just received", "" },
	{ "softirq_exit", "which packets were caused by one just received", "" },
	{ "net_dev_queue", "packets that this machine sends, from their beginning", "" },
	{ "net_dev_start_xmit", "when a device takes a packet", "" },
	{ "netif_rx", "when a packet waits for the receive softirq", "" },
	{ "netif_receive_skb", "that a packet arrived", "" },
	{ "qdisc_enqueue", "when a packet begins to wait in a queueing discipline", "5.15" },
	{ "qdisc_dequeue", "when a packet has waited in a queueing discipline", "" },
	{ "sched_waking", "whom a packet wakes", "" },
	{ "sched_switch", "when the program that a packet woke runs again", "" },
	{ "fib_table_lookup", "which IPv4 routing table was asked, and what it answered", "" },
	{ "fib6_table_lookup", "the same for IPv6", "" },
	{ "kfree_skb", "drops and their reasons", "6.11" },
	{ "consume_skb", "packets that the kernel itself used up", "6.3" },
	{ "icmp_send", "which packet an ICMP error is about", "6.10" },
	{ "sk_data_ready", "that a packet reached a socket", "6.3" },
	{ "inet_sk_error_report", "errors that a socket is told of", "5.14" },
	{ "sock_recv_length", "which call read a packet", "6.3" },
	{ "sock_send_length", "errors that a send returned", "6.3" },
	{ "inet_sock_set_state", "the states of TCP connections", "" },
	{ "tcp_probe", "which socket took a TCP segment", "" },
	{ "tcp_retransmit_skb", "what a TCP retransmission did to its socket", "" },
	{ "tcp_send_reset", "why an RST was sent", "6.10" },
	{ "tcp_receive_reset", "which RST broke a connection", "" },
	{ "signal_generate", "SIGPIPE and the signals that end a followed process", "" },
	{ "sys_enter", "system calls", "" },
	{ "sys_exit", "system calls", "" },
	{ "sched_process_fork", "what children of a followed process do", "" },
	{ "sched_process_exec", "what a followed process is called after exec", "" },
	{ "sched_process_exit", "that a followed process has ended", "" },
	{ "task_file", "sockets that were opened before trace began", "5.11" },
};

const char *doctor_hides(const char *probe)
{
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		if (!strcmp(purposes[i].name, probe))
			return purposes[i].hides;
	return NULL;
}

static const char *doctor_since(const char *probe)
{
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		if (!strcmp(purposes[i].name, probe))
			return purposes[i].since;
	return "";
}

bool attempt_works(const struct hs_attempt *a)
{
	return a->tried && !a->error;
}

static bool attempt_failed(const struct hs_attempt *a)
{
	return a->tried && a->error;
}

bool doctor_works(const struct hs_doctor *d)
{
	return attempt_works(&d->trace);
}

bool doctor_probe_works(const struct hs_doctor_probe *probe)
{
	return attempt_works(&probe->load) && attempt_works(&probe->attach);
}

static bool doctor_probe_failed(const struct hs_doctor_probe *probe)
{
	return attempt_failed(&probe->load) || attempt_failed(&probe->attach);
}

size_t doctor_working_probes(const struct hs_doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_probes; i++)
		n += doctor_probe_works(&d->probes[i]);
	return n;
}

const struct hs_problem *doctor_cause(const struct hs_doctor *d)
{
	for (size_t i = 0; i < d->n_problems; i++)
		if (d->problems[i].fatal)
			return &d->problems[i];
	return NULL;
}

static bool doctor_in_stacks(enum hs_stage stage)
{
	size_t n;
	const struct hs_function_info *all = functions_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].stage == stage && function_is_in_stacks(&all[i]))
			return true;
	return false;
}

/* A stage without a tracepoint. */
static enum hs_way doctor_way_of_functions(const struct hs_doctor *d, enum hs_stage stage)
{
	bool any = false, there = false, probed = false;

	if (!attempt_works(&d->kallsyms))
		return HS_WAY_NAMELESS;
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct hs_doctor_function *f = &d->functions[i];

		probed |= f->backend != HS_BY_STACK;
		if (f->stage != stage)
			continue;
		if (f->backend != HS_BY_STACK)
			return HS_WAY_FUNCTION;
		any = true;
		there |= !f->absent;
	}
	if (probed && any && !there)
		return HS_WAY_GONE;
	return doctor_in_stacks(stage) ? HS_WAY_STACKS : HS_WAY_HIDDEN;
}

static bool doctor_has_instead(const struct hs_doctor *d, const char *tracepoint)
{
	for (size_t i = 0; i < d->n_probes; i++)
		if (!strcmp(d->probes[i].instead, tracepoint) && doctor_probe_works(&d->probes[i]))
			return true;
	return false;
}

enum hs_way doctor_way(const struct hs_doctor *d, const struct hs_stage_info *stage)
{
	if (!*stage->probe)
		return doctor_way_of_functions(d, stage->id);
	if (!d->btf)
		return HS_WAY_UNTRIED;
	if (doctor_has_instead(d, stage->probe))
		return HS_WAY_INSTEAD;
	for (size_t i = 0; i < d->n_probes; i++) {
		const struct hs_doctor_probe *probe = &d->probes[i];

		if (probe->iterator || *probe->instead || strcmp(probe->name, stage->probe))
			continue;
		if (!probe->exists)
			return HS_WAY_ABSENT;
		if (doctor_probe_works(probe))
			return HS_WAY_TRACEPOINT;
		return doctor_probe_failed(probe) ? HS_WAY_REFUSED : HS_WAY_UNTRIED;
	}
	return HS_WAY_ABSENT;
}

void doctor_parse_lockdown(const char *text, char *buf, size_t len)
{
	const char *open = strchr(text, '[');
	size_t n = open ? strcspn(open + 1, "]") : 0;

	if (open && open[1 + n] == ']')
		snprintf(buf, len, "%.*s", (int)n, open + 1);
	else
		*buf = '\0';
}

const char *doctor_lockdown_forbids(const char *mode, const char **ret_remedy)
{
	if (strcmp(mode, "confidentiality"))
		return NULL;
	*ret_remedy = "Boot without lockdown=confidentiality; the mode 'integrity' is fine.";
	return "lockdown is in confidentiality mode, so BPF may not read the kernel's memory";
}

void doctor_last_words(const char *log, char *buf, size_t len)
{
	*buf = '\0';
	while (*log) {
		size_t n = strcspn(log, "\n");

		/* Ends each log: "processed 42 insns (limit 1000000) max_states_per_insn 0 …" */
		if (n && strncmp(log, "processed ", 10))
			snprintf(buf, len, "%.*s", (int)n, log);
		log += n + (log[n] == '\n');
	}
}

/* The problem, so that the caller can give it a remedy; the last one is overwritten when full. */
__attribute__((format(printf, 4, 5))) static struct hs_problem *doctor_add(struct hs_doctor *d,
									   const char *about,
									   bool fatal,
									   const char *fmt, ...)
{
	struct hs_problem *p;
	va_list args;

	if (d->n_problems < HS_DOCTOR_PROBLEMS)
		d->n_problems++;
	p = &d->problems[d->n_problems - 1];
	p->about = about;
	p->fatal = fatal;
	va_start(args, fmt);
	vsnprintf(p->what, sizeof(p->what), fmt, args);
	va_end(args);
	return p;
}

__attribute__((format(printf, 2, 3))) static void problem_remedy(struct hs_problem *p,
								 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->remedy, sizeof(p->remedy), fmt, args);
	va_end(args);
}

static bool doctor_is_older(const struct hs_doctor *d, const char *version)
{
	unsigned int major = 0, minor = 0, want_major = 0, want_minor = 0;

	sscanf(d->release, "%u.%u", &major, &minor);
	sscanf(version, "%u.%u", &want_major, &want_minor);
	return major != want_major ? major < want_major : minor < want_minor;
}

static void doctor_judge_machine(struct hs_doctor *d)
{
	bool fatal = !doctor_works(d);
	struct hs_problem *p;
	const char *forbids, *remedy;

	if (!d->btf) {
		p = doctor_add(d, "btf", fatal,
			       "the kernel does not describe its types "
			       "(/sys/kernel/btf/vmlinux cannot be read)");
		problem_remedy(p,
			       "Use a kernel that was built with CONFIG_DEBUG_INFO_BTF, as those "
			       "of the distributions are.");
	}
	if (d->user_namespace && fatal) {
		p = doctor_add(d, "privileges", fatal,
			       "this is a user namespace, whose capabilities do not count for BPF");
		problem_remedy(p, "Run trace outside of it (of the container), as root.");
	}
	if (!d->cap_sys_admin && !(d->cap_bpf && d->cap_perfmon)) {
		p = doctor_add(d, "privileges", fatal, "%s%s%s missing",
			       d->cap_bpf ? "" : "CAP_BPF",
			       d->cap_bpf || d->cap_perfmon ? "" : " and ",
			       d->cap_perfmon ? " is"
			       : d->cap_bpf   ? "CAP_PERFMON is"
					      : "CAP_PERFMON are");
		problem_remedy(p, "Run it as root (sudo); in a container, add these capabilities.");
	}
	forbids = doctor_lockdown_forbids(d->lockdown, &remedy);
	if (forbids) {
		p = doctor_add(d, "lockdown", fatal, "%s", forbids);
		problem_remedy(p, "%s", remedy);
	}
}

/* Without privileges it is known why these fail. */
static void doctor_judge_bpf(struct hs_doctor *d)
{
	const struct hs_attempt *failed = attempt_failed(&d->ring) ? &d->ring : &d->program;
	struct hs_problem *p;

	if (doctor_cause(d) || !attempt_failed(failed))
		return;
	p = doctor_add(d, failed == &d->ring ? "ring" : "program", !doctor_works(d),
		       "the kernel does not %s: %s",
		       failed == &d->ring ? "make a BPF ring buffer" : "load a BPF program",
		       strerror(-failed->error));
	if (failed->error == -EPERM || failed->error == -EACCES)
		problem_remedy(p, "Something beside the capabilities forbids bpf(): a container's "
				  "seccomp profile, or a security module.");
	else if (doctor_is_older(d, "5.8"))
		problem_remedy(p, "Use Linux 5.8 or newer.");
	else
		problem_remedy(p, "Use a kernel that was built with CONFIG_BPF_SYSCALL and "
				  "CONFIG_BPF_EVENTS.");
}

static bool doctor_has_stage(const char *probe)
{
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].probe, probe))
			return true;
	return false;
}

static void doctor_judge_probe(struct hs_doctor *d, const struct hs_doctor_probe *probe)
{
	const struct hs_attempt *failed =
		attempt_failed(&probe->load) ? &probe->load : &probe->attach;
	const char *kind = probe->iterator   ? "iterator"
			   : *probe->instead ? "function"
					     : "tracepoint";
	const char *since = doctor_since(*probe->instead ? probe->instead : probe->name);
	const char *hides = doctor_hides(*probe->instead ? probe->instead : probe->name);
	char hidden[96] = "";
	struct hs_problem *p;

	/* The table of stages says it for the others. */
	if (hides && !doctor_has_stage(probe->name))
		snprintf(hidden, sizeof(hidden), " (what that hides: %s)", hides);
	if (!probe->exists && !probe->iterator && !*probe->instead &&
	    doctor_has_instead(d, probe->name))
		return;
	if (!probe->exists)
		p = doctor_add(d, "probes", !doctor_works(d), "%s %s does not exist%s", kind,
			       probe->name, hidden);
	else if (attempt_failed(failed))
		p = doctor_add(d, "probes", !doctor_works(d),
			       "the program of %s %s does not %s: %s%s", kind, probe->name,
			       failed == &probe->load ? "load" : "attach",
			       *failed->why ? failed->why : strerror(-failed->error), hidden);
	else
		return;
	if (*since && doctor_is_older(d, since))
		problem_remedy(p, "Use Linux %s or newer.", since);
	else if (!probe->exists)
		problem_remedy(p, "Use a distribution's kernel: this one was built without it.");
	else
		problem_remedy(p, "Please report it, with the output of: trace doctor --json");
}

static void doctor_judge_names(struct hs_doctor *d)
{
	struct hs_problem *p;

	if (attempt_failed(&d->kallsyms)) {
		p = doctor_add(d, "kallsyms", false,
			       "functions have no names, so no stage can be inferred from stacks");
		if (d->kallsyms.error != -EPERM)
			problem_remedy(p, "Use a kernel that was built with CONFIG_KALLSYMS.");
		else if (d->kptr_restrict > 1)
			problem_remedy(p, "As root: sysctl kernel.kptr_restrict=1");
		else
			problem_remedy(p, "Run it as root (or with CAP_SYSLOG).");
	}
	if (d->btf && !d->drop_reasons) {
		p = doctor_add(d, "drop_reasons", false,
			       "the kernel does not say why it drops a packet");
		problem_remedy(p, "Use Linux 5.17 or newer.");
	}
	if (!d->cap_sys_admin && doctor_works(d)) {
		p = doctor_add(d, "privileges", false,
			       "without CAP_SYS_ADMIN other network namespaces cannot be entered: "
			       "what is bound there stays unknown");
		problem_remedy(p, "Run it as root (sudo).");
	}
}

void doctor_judge(struct hs_doctor *d)
{
	struct hs_problem *p;

	d->n_problems = 0;
	d->probes_preempted = d->preempts && !doctor_is_older(d, "7.0");
	doctor_judge_machine(d);
	doctor_judge_bpf(d);
	for (size_t i = 0; d->btf && i < d->n_probes; i++)
		doctor_judge_probe(d, &d->probes[i]);
	if (!doctor_works(d) && !doctor_cause(d)) {
		p = doctor_add(d, "trace", true, "%s",
			       *d->trace.why ? d->trace.why : strerror(-d->trace.error));
		problem_remedy(p, "Please report it, with the output of: trace doctor --json");
	}
	doctor_judge_names(d);
}
