// SPDX-License-Identifier: BSD-2-Clause
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "trace.skel.h"

/* kprobe.multi attaches all at once; of the others fentry costs least when it fires. */
static const enum hs_backend preferred[] = { HS_BY_KPROBE_MULTI, HS_BY_FENTRY, HS_BY_KPROBE };

#define N_PREFERRED (sizeof(preferred) / sizeof(preferred[0]))

/* As hs_emit_func() (bpf/functions.bpf.h) takes it apart. */
static uint64_t cookie_of(const struct hs_attach *a, size_t i, unsigned int arity)
{
	const struct hs_function_info *f = a->list[i].function->info;

	return (uint64_t)i | (uint64_t)f->stage << 16 | (uint64_t)f->arg << 24 |
	       (uint64_t)f->kind << 28 | (uint64_t)f->flags << 32 | (uint64_t)arity << 40;
}

static bool wants_entry(const struct hs_function_info *f)
{
	return f->kind != HS_FN_NEW && f->kind != HS_FN_HERE;
}

static bool wants_return(const struct hs_function_info *f)
{
	return f->kind == HS_FN_NEW || f->flags & HS_FN_RESULT;
}

/* kprobe.multi */

struct multi {
	unsigned long *addrs;
	uint64_t *cookies;
	size_t *index; /* in the list */
	size_t n;
};

static void multi_free(struct multi *m)
{
	free(m->addrs);
	free(m->cookies);
	free(m->index);
}

static int multi_collect(const struct hs_attach *a, bool on_return, struct multi *ret)
{
	struct multi m = { calloc(a->n, sizeof(*m.addrs)), calloc(a->n, sizeof(*m.cookies)),
			   calloc(a->n, sizeof(*m.index)), 0 };

	if (!m.addrs || !m.cookies || !m.index) {
		multi_free(&m);
		return -ENOMEM;
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct hs_attached *at = &a->list[i];
		const struct hs_function_info *f = at->function->info;

		if (!at->function->addr || at->function->untraceable || at->error ||
		    !(on_return ? wants_return(f) : wants_entry(f)))
			continue;
		m.addrs[m.n] = at->function->addr;
		m.cookies[m.n] = cookie_of(a, i, 0);
		m.index[m.n++] = i;
	}
	*ret = m;
	return 0;
}

static int multi_link(const struct bpf_program *prog, const struct multi *m, size_t first, size_t n,
		      bool on_return)
{
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.kprobe_multi = {
			.addrs = m->addrs + first,
			.cookies = (const __u64 *)m->cookies + first,
			.cnt = n,
			.flags = on_return ? BPF_F_KPROBE_MULTI_RETURN : 0,
		},
	};

	return bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_KPROBE_MULTI, &opts);
}

/* Which of them the kernel refuses: all or nothing is attached, so halves are tried. */
static void multi_blame(struct hs_attach *a, const struct bpf_program *prog, const struct multi *m,
			size_t first, size_t n, bool on_return)
{
	int fd = multi_link(prog, m, first, n, on_return);

	if (fd >= 0) {
		close(fd);
		return;
	}
	if (n == 1) {
		a->list[m->index[first]].error = fd;
		return;
	}
	multi_blame(a, prog, m, first, n / 2, on_return);
	multi_blame(a, prog, m, first + n / 2, n - n / 2, on_return);
}

static int multi_attach_side(struct hs_attach *a, const struct bpf_program *prog, bool on_return)
{
	struct multi m;
	int r, fd = -1;

	for (int round = 0; round < 2 && fd < 0; round++) {
		r = multi_collect(a, on_return, &m);
		if (r)
			return r;
		fd = m.n ? multi_link(prog, &m, 0, m.n, on_return) : -1;
		if (fd < 0 && !round && m.n)
			multi_blame(a, prog, &m, 0, m.n, on_return);
		for (size_t i = 0; fd >= 0 && i < m.n; i++)
			a->list[m.index[i]].backend = HS_BY_KPROBE_MULTI;
		multi_free(&m);
	}
	a->multi[on_return].link = fd;
	return 0;
}

static int multi_attach(struct hs_attach *a, const struct trace_bpf *skel)
{
	int r = multi_attach_side(a, skel->progs.function_multi_return, true);

	/* One whose result cannot be had is entered in vain. */
	return r ?: multi_attach_side(a, skel->progs.function_multi_entry, false);
}

/* fentry */

/* The BTF object of a module, as the kernel knows it; negative errno. */
static int module_btf_fd(const char *module)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_btf_info info = { .name = (uintptr_t)name, .name_len = sizeof(name) };
		__u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf &&
		    !strcmp(name, module))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static int fentry_in_btf(struct hs_attach *a, const struct trace_bpf *skel, size_t i,
			 const struct btf *btf, int btf_fd)
{
	struct hs_attached *at = &a->list[i];
	const struct hs_function_info *f = at->function->info;
	int id = btf__find_by_name_kind(btf, at->function->name, BTF_KIND_FUNC);
	const struct btf_type *func = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_type *proto = func ? btf__type_by_id(btf, func->type) : NULL;

	if (!proto)
		return -ENOENT;
	if (wants_return(f))
		return clone_fentry(&at->ret, skel->progs.function_fexit,
				    cookie_of(a, i, btf_vlen(proto)), btf_fd, id);
	return clone_fentry(&at->entry, skel->progs.function_fentry, cookie_of(a, i, 0), btf_fd,
			    id);
}

static int fentry_attach(struct hs_attach *a, const struct trace_bpf *skel, size_t i,
			 struct btf *vmlinux)
{
	const char *module = a->list[i].function->module;
	struct btf *btf;
	int fd, r;

	if (a->list[i].function->untraceable)
		return -ENOENT;
	if (!*module)
		return fentry_in_btf(a, skel, i, vmlinux, 0);
	btf = btf__load_module_btf(module, vmlinux);
	if (libbpf_get_error(btf))
		return -ENOENT; /* before 5.11 modules have none */
	fd = module_btf_fd(module);
	r = fd < 0 ? fd : fentry_in_btf(a, skel, i, btf, fd);
	if (fd >= 0)
		close(fd);
	btf__free(btf);
	return r;
}

/* kprobe */

/* The mission's own: programs that stand on their functions by name. NULL for others. */
static const struct bpf_program *program_by_name(const struct trace_bpf *skel,
						 const struct hs_kfunc *function)
{
	if (!strcmp(function->info->name, "udp_recvmsg"))
		return skel->progs.udp_recvmsg;
	if (!strcmp(function->info->name, "veth_xmit"))
		return skel->progs.veth_xmit;
	return NULL;
}

static int kprobes_attach(struct hs_attach *a, const struct trace_bpf *skel, size_t i)
{
	struct hs_attached *at = &a->list[i];
	const struct hs_function_info *f = at->function->info;
	const struct bpf_program *named = program_by_name(skel, at->function);
	int r = 0;

	if (named) {
		at->entry.link = kprobe_attach(bpf_program__fd(named), at->function->name, false);
		return at->entry.link < 0 ? at->entry.link : 0;
	}
	if (wants_return(f))
		r = clone_kprobe(&at->ret, skel->progs.function_kretprobe, cookie_of(a, i, 0),
				 at->function->name, true);
	if (!r && wants_entry(f))
		r = clone_kprobe(&at->entry, skel->progs.function_kprobe, cookie_of(a, i, 0),
				 at->function->name, false);
	if (r)
		clone_close(&at->ret);
	return r;
}

/* all */

static const struct hs_probe_fds no_fds = { -1, -1 };

static bool is_granted(const struct hs_attach *a, enum hs_backend backend)
{
	return a->granted & 1u << backend;
}

static void set_load(struct bpf_program *prog, bool load)
{
	bpf_program__set_autoload(prog, load);
	bpf_program__set_autoattach(prog, false);
}

static void prepare_programs(const struct hs_attach *a, struct trace_bpf *skel)
{
	const bool multi = is_granted(a, HS_BY_KPROBE_MULTI), fentry = is_granted(a, HS_BY_FENTRY),
		   kprobe = is_granted(a, HS_BY_KPROBE);

	set_load(skel->progs.function_multi_entry, multi);
	set_load(skel->progs.function_multi_return, multi);
	set_load(skel->progs.function_fentry, fentry);
	set_load(skel->progs.function_fexit, fentry);
	set_load(skel->progs.function_kprobe, kprobe);
	set_load(skel->progs.function_kretprobe, kprobe);
	set_load(skel->progs.udp_recvmsg, kprobe);
	set_load(skel->progs.veth_xmit, kprobe);
	for (size_t i = 0; i < a->n; i++) {
		const struct bpf_program *named = program_by_name(skel, a->list[i].function);

		if (named == skel->progs.udp_recvmsg)
			skel->rodata->hs_udp_recvmsg_cookie = cookie_of(a, i, 0);
		else if (named)
			skel->rodata->hs_veth_xmit_cookie = cookie_of(a, i, 0);
	}
}

/* The best one that the kernel grants, and single kprobes for what that one cannot reach. */
static unsigned int choose(unsigned int allowed)
{
	unsigned int granted = 0;

	for (size_t i = 0; i < N_PREFERRED; i++) {
		unsigned int bit = 1u << preferred[i];

		if (allowed & bit && (!granted || preferred[i] == HS_BY_KPROBE) &&
		    !backend_try(preferred[i], NULL, 0))
			granted |= bit;
	}
	return granted;
}

int attach_prepare(struct hs_attach *a, struct trace_bpf *skel, unsigned int allowed)
{
	int r = 0;

	memset(a, 0, sizeof(*a));
	a->multi[0] = a->multi[1] = no_fds;
	if (allowed)
		r = kfuncs_find(&a->functions);
	if (r)
		a->why = "/proc/kallsyms cannot be read";
	a->list = calloc(a->functions.n + 1, sizeof(*a->list));
	if (!a->list)
		return -ENOMEM;
	a->n = a->functions.n;
	for (size_t i = 0; i < a->n; i++)
		a->list[i] = (struct hs_attached){
			.function = &a->functions.list[i],
			.entry = no_fds,
			.ret = no_fds,
		};
	if (a->n && !a->functions.hidden)
		a->granted = choose(allowed);
	prepare_programs(a, skel);
	return 0;
}

static int attach_by(struct hs_attach *a, const struct trace_bpf *skel, enum hs_backend backend)
{
	struct btf *vmlinux = NULL;
	int r = 0;

	if (backend == HS_BY_KPROBE_MULTI)
		return multi_attach(a, skel);
	if (backend == HS_BY_FENTRY) {
		vmlinux = btf__load_vmlinux_btf();
		if (libbpf_get_error(vmlinux))
			return 0;
	}
	for (size_t i = 0; i < a->n && r != -ENOMEM; i++) {
		struct hs_attached *at = &a->list[i];

		if (at->backend || !at->function->addr)
			continue;
		r = vmlinux ? fentry_attach(a, skel, i, vmlinux) : kprobes_attach(a, skel, i);
		at->error = r;
		if (!r)
			at->backend = backend;
	}
	btf__free(vmlinux);
	return r == -ENOMEM ? r : 0;
}

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int attach_all(struct hs_attach *a, struct trace_bpf *skel)
{
	uint64_t start = clock_now();
	int r = 0;

	for (size_t i = 0; i < N_PREFERRED && !r; i++)
		if (is_granted(a, preferred[i]))
			r = attach_by(a, skel, preferred[i]);
	a->took = clock_now() - start;
	return r;
}

size_t attach_count(const struct hs_attach *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->list[i].backend != HS_BY_STACK;
	return n;
}

static uint64_t misses_of(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) ? info.recursion_misses : 0;
}

uint64_t attach_misses(const struct hs_attach *a)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < a->n; i++)
		sum += misses_of(a->list[i].entry.prog) + misses_of(a->list[i].ret.prog);
	return sum;
}

void attach_detach(struct hs_attach *a)
{
	for (int i = 0; i < 2; i++)
		clone_close(&a->multi[i]);
	for (size_t i = 0; i < a->n; i++) {
		clone_close(&a->list[i].entry);
		clone_close(&a->list[i].ret);
	}
}

void attach_free(struct hs_attach *a)
{
	if (!a->list)
		return;
	attach_detach(a);
	free(a->list);
	a->list = NULL;
	a->n = 0;
	kfuncs_free(&a->functions);
}
