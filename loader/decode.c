// SPDX-License-Identifier: BSD-2-Clause
#include "decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct hs_decoder {
	struct hs_names *names;
	hs_event_fn fn;
	hs_gap_fn gap;
	void *ctx;
	uint32_t next_seq[HS_MAX_CPUS];
	struct hs_rec_prefix prefix; /* of the next route */
	const char *functions[HS_MAX_FRAMES];
};

static const uint16_t decode_sizes[] = {
	[HS_REC_STAGE] = sizeof(struct hs_rec_stage),
	[HS_REC_BIRTH] = offsetof(struct hs_rec_birth, data),
	[HS_REC_FREE] = sizeof(struct hs_rec_free),
	[HS_REC_ICMP] = sizeof(struct hs_rec_icmp),
	[HS_REC_QUEUE] = sizeof(struct hs_rec_queue),
	[HS_REC_READ] = sizeof(struct hs_rec_read),
	[HS_REC_CALL] = sizeof(struct hs_rec_call),
	[HS_REC_TASK] = sizeof(struct hs_rec_task),
	[HS_REC_DEV] = sizeof(struct hs_rec_dev),
	[HS_REC_SOCK] = sizeof(struct hs_rec_sock),
	[HS_REC_TCP] = offsetof(struct hs_rec_tcp, wmem),
	[HS_REC_SIGNAL] = sizeof(struct hs_rec_signal),
	[HS_REC_PAYLOAD] = sizeof(struct hs_rec_payload),
	[HS_REC_FUNC] = sizeof(struct hs_rec_func),
	[HS_REC_ROUTE] = sizeof(struct hs_rec_route),
	[HS_REC_QDISC] = sizeof(struct hs_rec_qdisc),
	[HS_REC_TAG] = sizeof(struct hs_rec_tag),
	[HS_REC_START] = sizeof(struct hs_rec_start),
	[HS_REC_TICK] = sizeof(struct hs_hdr),
	[HS_REC_LOSS] = offsetof(struct hs_rec_loss, untimed),
	[HS_REC_NETNS] = sizeof(struct hs_rec_netns),
	[HS_REC_SYM] = sizeof(struct hs_rec_text) + 1,
	[HS_REC_REASON] = sizeof(struct hs_rec_text) + 1,
	[HS_REC_BOUND] = sizeof(struct hs_rec_sock),
	[HS_REC_COUNTER] = sizeof(struct hs_rec_counter),
	[HS_REC_END] = sizeof(struct hs_rec_end),
	[HS_REC_RST_REASON] = sizeof(struct hs_rec_text) + 1,
	[HS_REC_RULE] = sizeof(struct hs_rec_rule) + 1,
	[HS_REC_MINI] = sizeof(struct hs_rec_sock),
	[HS_REC_PROBE] = sizeof(struct hs_rec_text) + 1,
	[HS_REC_REFUSAL] = sizeof(struct hs_rec_refusal),
	[HS_REC_PREFIX] = sizeof(struct hs_rec_prefix),
};

struct hs_decoder *decode_new(struct hs_names *names, hs_event_fn fn, hs_gap_fn gap, void *ctx)
{
	struct hs_decoder *d = calloc(1, sizeof(*d));

	if (d) {
		d->names = names;
		d->fn = fn;
		d->gap = gap;
		d->ctx = ctx;
	}
	return d;
}

void decode_free(struct hs_decoder *decoder)
{
	free(decoder);
}

static bool decode_is_from_kernel(const struct hs_hdr *rec)
{
	return rec->type < HS_REC_START;
}

static void decode_sequence(struct hs_decoder *d, const struct hs_hdr *rec)
{
	uint32_t *next;
	int32_t ahead;

	if (rec->cpu >= HS_MAX_CPUS)
		return;
	next = &d->next_seq[rec->cpu];
	ahead = (int32_t)(rec->seq - *next);
	if (ahead)
		d->gap(d->ctx, rec->time, ahead > 0 ? ahead : -1);
	if (ahead >= 0)
		*next = rec->seq + 1;
}

/* What a stack shows of the tracing itself. */
static bool decode_is_machinery(const char *fn)
{
	return !strncmp(fn, "bpf_", 4) || !strncmp(fn, "__bpf_trace", 11) ||
	       !strncmp(fn, "__traceiter", 11) || !strncmp(fn, "trace_call_bpf", 14);
}

/* Outside of these lies what was interrupted, or the way into the system call. */
static bool decode_is_boundary(const char *fn, bool softirq)
{
	static const char *const softirqs[] = { "handle_softirqs", "__do_softirq",
						"__softirqentry_text_start" };
	static const char *const syscalls[] = { "do_syscall_64", "x64_sys_call", "el0_svc_common",
						"invoke_syscall" };

	for (size_t i = 0; softirq && i < sizeof(softirqs) / sizeof(softirqs[0]); i++)
		if (!strcmp(fn, softirqs[i]))
			return true;
	for (size_t i = 0; i < sizeof(syscalls) / sizeof(syscalls[0]); i++)
		if (!strcmp(fn, syscalls[i]))
			return true;
	return !strncmp(fn, "__x64_sys_", 10) || !strncmp(fn, "__arm64_sys_", 12);
}

static void decode_stack(struct hs_decoder *d, struct hs_event *event)
{
	const struct hs_hdr *rec = event->rec;
	const char *frames = (const char *)rec + rec->size - rec->frames * sizeof(uint64_t);
	size_t n = 0;

	for (size_t i = 0; i < rec->frames; i++) {
		uint64_t address;
		const char *fn;

		/* A short record may end anywhere. */
		memcpy(&address, frames + i * sizeof(address), sizeof(address));
		fn = names_symbol(d->names, address);
		if (decode_is_boundary(fn, event->softirq))
			break;
		if (*fn && (n || !decode_is_machinery(fn)))
			d->functions[n++] = fn;
	}
	for (size_t i = 0; i < n / 2; i++) {
		const char *fn = d->functions[i];

		d->functions[i] = d->functions[n - 1 - i];
		d->functions[n - 1 - i] = fn;
	}
	event->functions = d->functions;
	event->n_functions = n;
}

static bool decode_has_where(const struct hs_hdr *rec)
{
	return rec->type <= HS_REC_READ || rec->type == HS_REC_TCP || rec->type == HS_REC_FUNC ||
	       rec->type == HS_REC_ROUTE;
}

/* Text records end in a NUL, wherever they were cut. */
static int decode_text(struct hs_decoder *d, const struct hs_hdr *rec)
{
	const struct hs_rec_text *text = (const void *)rec;

	if (((const char *)rec)[rec->size - 1])
		return -EPROTO;
	switch (rec->type) {
	case HS_REC_SYM:
		return names_learn_symbol(d->names, text->key, text->text);
	case HS_REC_RST_REASON:
		return names_learn_rst_reason(d->names, text->key, text->text);
	case HS_REC_PROBE:
		return names_learn_function(d->names, (uint32_t)text->key, text->key >> 32,
					    text->text);
	default:
		return names_learn_reason(d->names, text->key, text->text);
	}
}

/* IPv6's event tells by which prefix its route matched. */
static int decode_plen(struct hs_decoder *d, const struct hs_rec_route *rec)
{
	struct hs_rec_prefix prefix = d->prefix;

	d->prefix = (struct hs_rec_prefix){ 0 };
	if (rec->dst.family == AF_INET6)
		return rec->plen;
	if (prefix.hdr.type && prefix.netns == rec->at.netns && prefix.table == rec->table &&
	    !memcmp(&prefix.dst, &rec->dst, sizeof(prefix.dst)))
		return prefix.plen;
	return -1;
}

int decode_record(struct hs_decoder *d, const struct hs_hdr *rec)
{
	struct hs_event event = {
		.rec = rec,
		/* A damaged one must leave room for what is added to it. */
		.time = rec->time > INT64_MAX ? INT64_MAX : rec->time,
		.cpu = rec->cpu,
		.softirq = rec->flags & HS_F_SOFTIRQ,
		.ctx = rec->ctx,
		.netns = "",
		.dev = { .name = "", .kind = "" },
		.task = { .comm = "" },
	};
	size_t n_sizes = sizeof(decode_sizes) / sizeof(decode_sizes[0]);
	int r = 0;

	/* Those of an unknown type are skipped, and not lost. */
	if (decode_is_from_kernel(rec) && !(rec->flags & HS_F_LISTED))
		decode_sequence(d, rec);
	if (rec->type >= n_sizes || !decode_sizes[rec->type])
		return 0;
	if (rec->frames > HS_MAX_FRAMES ||
	    rec->size < decode_sizes[rec->type] + rec->frames * sizeof(uint64_t))
		return -EPROTO;
	switch (rec->type) {
	case HS_REC_NETNS:
		r = names_learn_netns(d->names, (const void *)rec);
		break;
	case HS_REC_DEV:
		r = names_learn_device(d->names, (const void *)rec);
		break;
	case HS_REC_QDISC:
		r = names_learn_qdisc(d->names, (const void *)rec);
		break;
	case HS_REC_TASK:
		r = names_learn_task(d->names, (const void *)rec);
		break;
	case HS_REC_SYM:
	case HS_REC_REASON:
	case HS_REC_RST_REASON:
	case HS_REC_PROBE:
		r = decode_text(d, rec);
		break;
	case HS_REC_PREFIX:
		d->prefix = *(const struct hs_rec_prefix *)rec;
		break;
	case HS_REC_ROUTE:
		event.plen = decode_plen(d, (const void *)rec);
		break;
	case HS_REC_RULE:
		r = ((const char *)rec)[rec->size - 1] ? -EPROTO : 0;
		break;
	}
	if (r)
		return r;
	if (decode_has_where(rec)) {
		const struct hs_where *at = &((const struct hs_rec_stage *)rec)->at;

		event.netns = names_netns(d->names, at->netns);
		event.dev = names_device(d->names, at->netns, at->ifindex);
		event.task = names_task(d->names, at->pid, at->tid);
		decode_stack(d, &event);
	}
	return d->fn(d->ctx, &event);
}
