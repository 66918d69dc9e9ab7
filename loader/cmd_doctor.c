// SPDX-License-Identifier: BSD-2-Clause
/* trace doctor: what this machine lets trace do, and what to do about the rest. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "doctor.h"
#include "text.h"

#define COLUMN 20 /* where values begin */

static const char usage[] =
	"usage: trace doctor [--json]\n"
	"Tries what trace needs of this machine, and says what is missing and what to do about it.\n"
	"Leaves nothing behind. Exit: 0 trace can work here, 1 it cannot.\n";

static void add_flow(struct text *t, const char *s, int indent)
{
	struct text words;

	text_init(&words, t->style);
	text_add(&words, s);
	text_pad(t, indent);
	text_flow(t, &words, NULL, indent);
	text_newline(t);
	text_free(&words);
}

__attribute__((format(printf, 3, 4))) static void add_row(struct text *t, const char *label,
							  const char *fmt, ...)
{
	char value[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	text_addf(t, "  %s", label);
	add_flow(t, value, COLUMN);
}

/* The problems about `key`. What the first line told is not said again, but where it has alike. */
static void add_problems(struct text *t, const struct hs_doctor *d, const char *key)
{
	char line[256];

	for (size_t i = 0; i < d->n_problems; i++) {
		const struct hs_problem *p = &d->problems[i];

		if (strcmp(p->about, key) != 0)
			continue;
		if (p != doctor_cause(d) || !strcmp(key, "probes"))
			add_flow(t, p->what, COLUMN);
		snprintf(line, sizeof(line), "to do: %s", p->remedy);
		add_flow(t, line, COLUMN);
	}
}

static void add_heading(struct text *t, const char *heading)
{
	text_newline(t);
	text_add(t, heading);
	text_newline(t);
}

static void add_attempt(struct text *t, const char *label, const struct hs_attempt *a,
			const char *works)
{
	char buf[16];

	if (!a->tried)
		add_row(t, label, "not tried");
	else if (!a->error)
		add_row(t, label, "%s", works);
	else
		add_row(t, label, "no: %s%s%s", text_errno(-a->error, buf), *a->why ? ", " : "",
			a->why);
}

static void add_privileges(struct text *t, const struct hs_doctor *d)
{
	const struct {
		const char *name;
		bool has;
	} caps[] = { { "CAP_BPF", d->cap_bpf },
		     { "CAP_PERFMON", d->cap_perfmon },
		     { "CAP_NET_ADMIN", d->cap_net_admin },
		     { "CAP_SYS_ADMIN", d->cap_sys_admin },
		     { "CAP_SYSLOG", d->cap_syslog } };
	char user[24], have[128] = "", lack[128] = "";

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		char *to = caps[i].has ? have : lack;

		snprintf(to + strlen(to), sizeof(have) - strlen(to), "%s%s", *to ? ", " : "",
			 caps[i].name);
	}
	snprintf(user, sizeof(user), "user %u", d->uid);
	add_row(t, "privileges", "%s%s%s%s%s%s", d->uid ? user : "root",
		d->user_namespace ? " of a user namespace" : "", *have ? ", has " : "", have,
		*lack ? ", lacks " : "", lack);
	add_problems(t, d, "privileges");
}

static void add_machine(struct text *t, const struct hs_doctor *d)
{
	const struct hs_attempt *filter = &d->filter_functions;

	add_heading(t, "This machine");
	add_row(t, "kernel", "Linux %s on %s", d->release, d->machine);
	if (d->probes_preempted)
		add_row(t, "preemption",
			"probes can be preempted (since Linux 7.0): of a busy CPU some events are "
			"skipped, and counted");
	add_privileges(t, d);
	add_row(t, "kernel types",
		d->btf ? "BTF in /sys/kernel/btf/vmlinux" : "no /sys/kernel/btf/vmlinux");
	add_problems(t, d, "btf");
	if (d->drop_reasons)
		add_row(t, "drop reasons", "%u, named in BTF", d->drop_reasons);
	else
		add_row(t, "drop reasons", "not known");
	add_problems(t, d, "drop_reasons");
	add_row(t, "function names", "%s (kernel.kptr_restrict = %d)",
		attempt_works(&d->kallsyms) ? "/proc/kallsyms shows addresses"
					    : "/proc/kallsyms shows no addresses",
		d->kptr_restrict);
	add_problems(t, d, "kallsyms");
	add_row(t, "lockdown", "%s",
		*d->lockdown ? d->lockdown
			     : "not known, /sys/kernel/security/lockdown cannot be read");
	add_problems(t, d, "lockdown");
	if (d->unprivileged_bpf_disabled < 0)
		add_row(t, "BPF for all users", "not known");
	else
		add_row(t, "BPF for all users", "%s (kernel.unprivileged_bpf_disabled = %d)",
			d->unprivileged_bpf_disabled ? "no" : "yes, but not the kind trace needs",
			d->unprivileged_bpf_disabled);
	add_attempt(t, "tracefs", &d->tracefs, d->tracefs.why);
	if (filter->tried)
		add_attempt(t, "", filter, "available_filter_functions can be read");
}

static void add_needs(struct text *t, const struct hs_doctor *d)
{
	add_heading(t, "What trace needs");
	add_attempt(t, "ring buffer", &d->ring, "can be made");
	add_problems(t, d, "ring");
	add_attempt(t, "BPF program", &d->program, "can be loaded");
	add_problems(t, d, "program");
	if (d->n_probes && !d->probes[0].load.tried && !doctor_works(d))
		add_row(t, "probes", "%zu, not tried", d->n_probes);
	else
		add_row(t, "probes", "%zu of %zu load and attach", doctor_working_probes(d),
			d->n_probes);
	add_problems(t, d, "probes");
	/* why it cannot is a problem of its own */
	add_row(t, "all together", doctor_works(d) ? "trace can begin" : "trace cannot begin");
	add_problems(t, d, "trace");
}

static void add_others(struct text *t, const struct hs_doctor *d)
{
	size_t there = 0, probed = 0;

	add_heading(t, "Probes on functions (trace does without; tried on udp_recvmsg)");
	add_attempt(t, "kprobe", &d->kprobe, "works");
	add_attempt(t, "kprobe.multi", &d->kprobe_multi, "works");
	add_attempt(t, "fentry", &d->fentry, "works");
	for (size_t i = 0; i < d->n_functions; i++) {
		there += !d->functions[i].absent;
		probed += d->functions[i].backend != HS_BY_STACK;
	}
	if (probed)
		add_row(t, "functions", "%zu of %zu probed, in %.2f s", probed, there,
			d->attach_ns / 1e9);
	else if (there)
		add_row(t, "functions", "%zu of the table are there, none can be probed", there);
}

/* Of one stage: which functions are probed, and which could not be. */
static void add_functions(struct text *t, const struct hs_doctor *d, const struct hs_stage_info *s)
{
	enum hs_backend by = HS_BY_STACK;
	char line[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < d->n_functions; i++) {
		const struct hs_doctor_function *f = &d->functions[i];

		if (f->stage != s->id || f->backend == HS_BY_STACK || used >= sizeof(line))
			continue;
		used += snprintf(line + used, sizeof(line) - used, "%s%s%s%s", used ? ", " : "",
				 by && by != f->backend ? backend_name(f->backend) : "",
				 by && by != f->backend ? " " : "", f->name);
		by = f->backend;
	}
	add_row(t, s->label, "timed by %s on %s", backend_name(by), line);
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct hs_doctor_function *f = &d->functions[i];
		char buf[16];

		if (f->stage == s->id && f->backend == HS_BY_STACK && !f->absent)
			add_row(t, "", "not on %s: %s", f->name,
				f->untraceable ? "no probe may be put on it"
					       : text_errno(-f->error, buf));
	}
}

static void add_gone(struct text *t, const struct hs_doctor *d, const struct hs_stage_info *s)
{
	char line[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < d->n_functions && used < sizeof(line); i++)
		if (d->functions[i].stage == s->id)
			used += snprintf(line + used, sizeof(line) - used, "%s%s", used ? ", " : "",
					 d->functions[i].name);
	add_row(t, s->label, "not here: no function %s (inlined, or its module is not loaded)",
		line);
}

static const char *doctor_instead(const struct hs_doctor *d, const char *tracepoint)
{
	for (size_t i = 0; i < d->n_probes; i++)
		if (!strcmp(d->probes[i].instead, tracepoint))
			return d->probes[i].name;
	return "";
}

static void add_stages(struct text *t, const struct hs_doctor *d)
{
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);

	add_heading(t, "Stages");
	for (size_t i = 0; i < n; i++) {
		const char *label = all[i].label, *probe = all[i].probe;

		switch (doctor_way(d, &all[i])) {
		case HS_WAY_TRACEPOINT:
			add_row(t, label, "timed by tracepoint %s", probe);
			break;
		case HS_WAY_INSTEAD:
			add_row(t, label, "timed by fentry on %s (no tracepoint %s here)",
				doctor_instead(d, probe), probe);
			break;
		case HS_WAY_FUNCTION:
			add_functions(t, d, &all[i]);
			break;
		case HS_WAY_GONE:
			add_gone(t, d, &all[i]);
			break;
		case HS_WAY_HIDDEN:
			add_row(t, label, "not here: no stack shows it, and no function is probed");
			break;
		case HS_WAY_STACKS:
			add_row(t, label, "inferred from stacks");
			break;
		case HS_WAY_NAMELESS:
			add_row(t, label, "not here: function names are hidden");
			break;
		case HS_WAY_ABSENT:
			add_row(t, label,
				"not here: tracepoint %s does not exist (what that hides: %s)",
				probe, doctor_hides(probe));
			break;
		case HS_WAY_REFUSED:
			add_row(t, label,
				"not here: tracepoint %s is refused (what that hides: %s)", probe,
				doctor_hides(probe));
			break;
		case HS_WAY_UNTRIED:
			add_row(t, label, "by tracepoint %s, which was not tried", probe);
			break;
		}
	}
}

static void add_verdict(struct text *t, const struct hs_doctor *d)
{
	const struct hs_problem *cause = doctor_cause(d);
	char line[384];

	if (cause)
		snprintf(line, sizeof(line), "trace cannot work here: %s.", cause->what);
	else if (d->n_problems)
		snprintf(line, sizeof(line),
			 "trace can work here, but not show everything: see 'to do' below.");
	else
		snprintf(line, sizeof(line), "trace can work here.");
	add_flow(t, line, 0);
}

static void print_text(const struct hs_doctor *d)
{
	static const struct text_style style = { .width = 80, .ascii = true };
	struct text t;

	text_init(&t, &style);
	add_verdict(&t, d);
	add_machine(&t, d);
	add_needs(&t, d);
	add_others(&t, d);
	add_stages(&t, d);
	text_write(&t, stdout);
	text_free(&t);
}

static void put_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static void put_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

/* A sysctl, null when it is not known. */
static void put_sysctl(struct json_object *o, const char *key, int value)
{
	json_object_object_add(o, key, value < 0 ? NULL : json_object_new_int(value));
}

static void put_attempt(struct json_object *o, const char *key, const struct hs_attempt *a)
{
	struct json_object *attempt = json_object_new_object();
	bool failed = a->tried && a->error;
	char buf[16];

	put_bool(attempt, "tried", a->tried);
	put_bool(attempt, "works", attempt_works(a));
	put_string(attempt, "errno", failed ? text_errno(-a->error, buf) : NULL);
	put_string(attempt, "why", failed && *a->why ? a->why : NULL);
	json_object_object_add(o, key, attempt);
}

static struct json_object *json_privileges(const struct hs_doctor *d)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "uid", json_object_new_int64(d->uid));
	put_bool(o, "user_namespace", d->user_namespace);
	put_bool(o, "cap_bpf", d->cap_bpf);
	put_bool(o, "cap_perfmon", d->cap_perfmon);
	put_bool(o, "cap_net_admin", d->cap_net_admin);
	put_bool(o, "cap_sys_admin", d->cap_sys_admin);
	put_bool(o, "cap_syslog", d->cap_syslog);
	return o;
}

static struct json_object *json_probes(const struct hs_doctor *d)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < d->n_probes; i++) {
		const struct hs_doctor_probe *probe = &d->probes[i];
		struct json_object *o = json_object_new_object();

		put_string(o, "name", probe->name);
		put_string(o, "kind",
			   probe->iterator   ? "iterator"
			   : *probe->instead ? "function"
					     : "tracepoint");
		put_string(o, "instead", *probe->instead ? probe->instead : NULL);
		put_bool(o, "exists", probe->exists);
		put_bool(o, "works", doctor_probe_works(probe));
		put_attempt(o, "load", &probe->load);
		put_attempt(o, "attach", &probe->attach);
		put_string(o, "hides",
			   doctor_hides(*probe->instead ? probe->instead : probe->name));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *json_functions(const struct hs_doctor *d, enum hs_stage stage)
{
	struct json_object *array = json_object_new_array();
	char buf[16];

	for (size_t i = 0; i < d->n_functions; i++) {
		const struct hs_doctor_function *f = &d->functions[i];
		struct json_object *o;

		if (f->stage != stage)
			continue;
		o = json_object_new_object();
		put_string(o, "name", f->name);
		put_string(o, "module", *f->module ? f->module : NULL);
		put_string(o, "backend", f->backend ? backend_name(f->backend) : NULL);
		put_bool(o, "exists", !f->absent);
		put_bool(o, "traceable", !f->absent && !f->untraceable);
		put_string(o, "errno", f->error ? text_errno(-f->error, buf) : NULL);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *json_stages(const struct hs_doctor *d)
{
	static const char *const ways[] = {
		[HS_WAY_TRACEPOINT] = "tracepoint", [HS_WAY_INSTEAD] = "instead",
		[HS_WAY_FUNCTION] = "function",	    [HS_WAY_GONE] = "gone",
		[HS_WAY_STACKS] = "stacks",	    [HS_WAY_HIDDEN] = "hidden",
		[HS_WAY_NAMELESS] = "nameless",	    [HS_WAY_ABSENT] = "absent",
		[HS_WAY_REFUSED] = "refused",	    [HS_WAY_UNTRIED] = "untried",
	};
	struct json_object *array = json_object_new_array();
	size_t n;
	const struct hs_stage_info *all = stages_all(&n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		put_string(o, "name", all[i].name);
		put_string(o, "label", all[i].label);
		put_string(o, "way", ways[doctor_way(d, &all[i])]);
		put_string(o, "probe", *all[i].probe ? all[i].probe : NULL);
		json_object_object_add(o, "functions", json_functions(d, all[i].id));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *json_problems(const struct hs_doctor *d)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < d->n_problems; i++) {
		const struct hs_problem *p = &d->problems[i];
		struct json_object *o = json_object_new_object();

		put_string(o, "about", p->about);
		put_bool(o, "fatal", p->fatal);
		put_string(o, "what", p->what);
		put_string(o, "remedy", p->remedy);
		json_object_array_add(array, o);
	}
	return array;
}

static void print_json(const struct hs_doctor *d)
{
	const struct hs_problem *cause = doctor_cause(d);
	struct json_object *o = json_object_new_object();

	put_bool(o, "works", doctor_works(d));
	put_string(o, "reason", cause ? cause->what : NULL);
	put_string(o, "release", d->release);
	put_string(o, "machine", d->machine);
	json_object_object_add(o, "privileges", json_privileges(d));
	put_bool(o, "probes_preempted", d->probes_preempted);
	put_bool(o, "btf", d->btf);
	json_object_object_add(o, "drop_reasons", json_object_new_int((int)d->drop_reasons));
	put_string(o, "lockdown", *d->lockdown ? d->lockdown : NULL);
	put_sysctl(o, "unprivileged_bpf_disabled", d->unprivileged_bpf_disabled);
	put_sysctl(o, "kptr_restrict", d->kptr_restrict);
	put_attempt(o, "kallsyms", &d->kallsyms);
	put_attempt(o, "tracefs", &d->tracefs);
	put_attempt(o, "available_filter_functions", &d->filter_functions);
	put_attempt(o, "ring", &d->ring);
	put_attempt(o, "program", &d->program);
	put_attempt(o, "trace", &d->trace);
	put_attempt(o, "kprobe", &d->kprobe);
	put_attempt(o, "kprobe_multi", &d->kprobe_multi);
	put_attempt(o, "fentry", &d->fentry);
	json_object_object_add(o, "attach_ns", json_object_new_int64((int64_t)d->attach_ns));
	json_object_object_add(o, "probes", json_probes(d));
	json_object_object_add(o, "stages", json_stages(d));
	json_object_object_add(o, "problems", json_problems(d));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	static struct hs_doctor doctor;
	bool json = false;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "trace: doctor takes no argument '%s'\n%s", argv[optind], usage);
		return 2;
	}
	r = doctor_examine(&doctor);
	if (r) {
		fprintf(stderr, "trace: cannot examine this machine: %s\n", strerror(-r));
		return 1;
	}
	if (json)
		print_json(&doctor);
	else
		print_text(&doctor);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "trace: cannot write the findings: %s\n", strerror(errno));
		return 1;
	}
	return doctor_works(&doctor) ? 0 : 1;
}
