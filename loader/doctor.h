/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this machine lets trace do: facts, each tried where it can be tried, and the problems that
 * follow from them. doctor.c gathers, doctor_judge.c is pure.
 */
#ifndef HS_DOCTOR_H
#define HS_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stages.h"

#define HS_DOCTOR_PROBES    64
#define HS_DOCTOR_FUNCTIONS 128
#define HS_DOCTOR_PROBLEMS  80

/* Something that was tried, or, where `tried` is false, not: then the rest says nothing. */
struct hs_attempt {
	bool tried;
	int error;     /* 0: it works; else negative errno */
	char why[256]; /* in the words of the kernel or of libbpf, "" */
};

struct hs_doctor_probe {
	char name[32];	  /* "net_dev_queue", "task_file"; its program is in trace.bpf.c */
	char program[32]; /* name of that program */
	bool iterator;	  /* of the kernel's objects, not a tracepoint */
	char instead
		[32]; /* it is a function, for this tracepoint, which the kernel does not have; "" */
	bool exists;  /* says BTF; false without BTF */
	struct hs_attempt load, attach;
};

/* A function of functions.def that trace tried to probe. */
struct hs_doctor_function {
	enum hs_stage stage;
	char name[64]; /* in this kernel */
	char module[32];
	enum hs_backend backend; /* HS_BY_STACK: not probed, and: */
	bool absent;	  /* it is not there: inlined, renamed, or its module is not loaded */
	bool untraceable; /* it is there, and the kernel lets no probe be put on it */
	int error;	  /* it was tried: negative errno; 0: no backend is granted */
};

struct hs_problem {
	const char *about; /* a key of `trace doctor --json`: "privileges", "btf", "probes", … */
	bool fatal;	   /* trace does not work, and this may be why */
	char what[256];
	char remedy[200]; /* one sentence: what to do */
};

struct hs_doctor {
	char release[65], machine[65]; /* uname(2) */
	bool preempts;		       /* the kernel preempts itself, as uname(2) says */
	unsigned int uid;	       /* effective */
	bool user_namespace;	       /* uid 0 here is not root of the machine */
	bool cap_bpf, cap_perfmon, cap_net_admin, cap_sys_admin, cap_syslog; /* effective */
	bool btf;		       /* /sys/kernel/btf/vmlinux can be read */
	unsigned int drop_reasons;     /* names in BTF */
	char lockdown[16];	       /* none, integrity, confidentiality; "" not known */
	int unprivileged_bpf_disabled; /* the sysctl; -1: not known, as is the next */
	int kptr_restrict;
	struct hs_attempt kallsyms; /* addresses of /proc/kallsyms; -EPERM: all are 0 */
	struct hs_attempt tracefs, filter_functions;
	struct hs_attempt ring, program;		/* what trace needs at least */
	struct hs_attempt kprobe, fentry, kprobe_multi; /* on udp_recvmsg() */
	struct hs_attempt trace; /* all that `trace run` does to begin, by the same code */
	struct hs_doctor_probe probes[HS_DOCTOR_PROBES];
	size_t n_probes;
	struct hs_doctor_function functions[HS_DOCTOR_FUNCTIONS];
	size_t n_functions;
	uint64_t attach_ns; /* how long it took to put the probes on them */
	/* from here on: doctor_judge() */
	/*
	 * A probe on a tracepoint can be preempted, and the kernel skips it for what its CPU does meanwhile: since
	 * 7.0 (commit a46023d5616e).
	 */
	bool probes_preempted;
	struct hs_problem problems[HS_DOCTOR_PROBLEMS]; /* fatal ones by likelihood as the cause */
	size_t n_problems;
};

/*
 * Gathers and judges. Loads every probe and attaches it for a moment; nothing stays. What cannot be
 * found out is a fact too, so there is no failure but -ENOMEM. Not reentrant: libbpf reports its
 * warnings to one place for the whole process.
 */
int doctor_examine(struct hs_doctor *ret);

/* Fills the problems from the facts. */
void doctor_judge(struct hs_doctor *d);

bool attempt_works(const struct hs_attempt *a);
bool doctor_works(const struct hs_doctor *d);
/* The first fatal problem, NULL when trace works. */
const struct hs_problem *doctor_cause(const struct hs_doctor *d);
bool doctor_probe_works(const struct hs_doctor_probe *probe);
size_t doctor_working_probes(const struct hs_doctor *d);
/* What trace cannot show without that probe; NULL for an unknown name. */
const char *doctor_hides(const char *probe);

enum hs_way {
	HS_WAY_TRACEPOINT, /* seen and timed */
	HS_WAY_INSTEAD,	   /* by a program on a function, in place of its tracepoint */
	HS_WAY_FUNCTION,   /* by a probe on at least one of its functions */
	HS_WAY_GONE,	   /* functions are probed, but none of its own is there */
	HS_WAY_STACKS,	   /* inferred */
	HS_WAY_HIDDEN,	   /* no function is probed, and no stack shows it */
	HS_WAY_NAMELESS,   /* it would be, but function names are hidden */
	HS_WAY_ABSENT,	   /* its tracepoint does not exist */
	HS_WAY_REFUSED,	   /* its tracepoint exists, but the program does not load or attach */
	HS_WAY_UNTRIED,	   /* not known: no BTF, or no privileges to try */
};

/* How a stage is reached on this machine. */
enum hs_way doctor_way(const struct hs_doctor *d, const struct hs_stage_info *stage);

/* Why trace cannot work in that mode, and what to do; NULL where it can. */
const char *doctor_lockdown_forbids(const char *mode, const char **ret_remedy);
/* The mode that this kernel is in; "" when that is not known. */
void doctor_read_lockdown(char *buf, size_t len);
/* The mode in brackets in "none [integrity] confidentiality"; "" when there is none. */
void doctor_parse_lockdown(const char *text, char *buf, size_t len);
/* The last line of a verifier's log that says something about the program. */
void doctor_last_words(const char *log, char *buf, size_t len);

#endif
