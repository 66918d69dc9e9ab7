// SPDX-License-Identifier: BSD-2-Clause
/* NDJSON: one object a line, as docs/trace.schema.json describes. RFC 8259. */
#include <inttypes.h>

#include "losses.h"
#include "render_json_members.h"
#include "stages.h"

#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void begin(struct render *r, const char *type)
{
	json_put(&r->page, "{");
	json_str(&r->page, "type", type);
}

static void end(struct render *r)
{
	json_put(&r->page, "}");
	text_newline(&r->page);
	parts_write(r);
}

/* --- parts --- */

static void put_wrap(struct text *t, const struct hs_wrap *wrap)
{
	json_key(t, wrap->way == HS_WRAP_ON ? "put_on" : "taken_off");
	json_put(t, "{");
	json_str(t, "kind", wrap->kind);
	if (wrap->has_id)
		json_uint(t, "id", wrap->id);
	json_put(t, "}");
}

/* The members of a hop, without the braces. */
static void put_hop(struct render *r, const struct hs_hop *hop)
{
	struct text *t = &r->page;

	json_str(t, "kind", hop->kind == HS_HOP_VIA ? "via" : "stage");
	json_str(t, "by", backend_name(hop->by));
	json_stage(t, hop->stage);
	json_uint(t, "time", hop->time);
	json_str(t, "netns", hop->netns);
	json_str(t, "dev", hop->dev);
	json_str(t, "dev_kind", hop->dev_kind);
	json_uint(t, "cpu", hop->cpu);
	json_bool(t, "softirq", hop->softirq);
	json_uint(t, "pid", hop->task.pid);
	json_str(t, "comm", hop->task.comm);
	json_bool(t, "crossed", hop->crossed);
	json_str(t, "text", hop->text);
	if (*hop->conntrack)
		json_str(t, "conntrack", hop->conntrack);
	if (*hop->matched.prefix) {
		json_key(t, "matched");
		json_put(t, "{");
		json_str(t, "table", hop->matched.table);
		json_str(t, "prefix", hop->matched.prefix);
		json_bool(t, "inferred", hop->matched.inferred);
		json_put(t, "}");
	}
	json_str(t, "function", hop->function);
	json_key(t, "functions");
	json_put(t, "[");
	for (size_t i = 0; i < hop->n_functions; i++) {
		json_element(t);
		json_string(t, hop->functions[i]);
	}
	json_put(t, "]");
	if (hop->wrap.way != HS_WRAP_NONE)
		put_wrap(t, &hop->wrap);
	if (r->opt.verbose > 1 && hop->address) {
		json_key(t, "address");
		json_putf(t, "\"0x%" PRIx64 "\"", hop->address);
	}
}

static void put_cause(struct text *t, const struct hs_journey *j)
{
	static const char *const kinds[] = {
		[HS_CAUSE_NONE] = "none",	[HS_CAUSE_CALL] = "call",
		[HS_CAUSE_JOURNEY] = "journey", [HS_CAUSE_KERNEL] = "kernel",
		[HS_CAUSE_TIMER] = "timer",
	};

	json_key(t, "cause");
	json_put(t, "{");
	json_str(t, "kind", kinds[j->cause_kind]);
	if (j->cause_kind == HS_CAUSE_TIMER)
		json_str(t, "timer", j->timer);
	if (j->cause_kind == HS_CAUSE_CALL) {
		json_task(t, "task", &j->by);
		json_str(t, "call", j->by_call);
		if (j->by_fd >= 0)
			json_int(t, "fd", j->by_fd);
		if (j->by_done)
			json_int(t, "ret", j->by_ret);
	}
	if (j->cause_kind == HS_CAUSE_JOURNEY)
		json_id(t, "journey", j->cause);
	json_str(t, "text", j->cause_text);
	json_put(t, "}");
}

static void put_state(struct text *t, const char *name, enum hs_tcp_state state)
{
	json_str(t, name, state == HS_TCP_NONE ? "" : text_tcp_state(state));
}

/* What a connection tells of its segment. */
static void put_segment(struct text *t, const struct hs_journey *j)
{
	json_key(t, "segment");
	json_put(t, "{");
	json_uint(t, "from", j->from & 1);
	if (j->has_rel) {
		json_uint(t, "rel_seq", j->rel_seq);
		json_uint(t, "rel_ack", j->rel_ack);
	}
	json_id(t, "to_socket", j->to_socket);
	json_uint(t, "retransmission", j->retransmission);
	json_id(t, "retransmission_of", j->retransmission_of);
	json_uint(t, "resent_after", j->resent_after);
	json_bool(t, "zero_window", j->zero_window);
	json_bool(t, "window_probe", j->window_probe);
	json_str(t, "rst_reason", j->rst_reason);
	json_bool(t, "changed_state", j->changed_state);
	json_put(t, "}");
}

static void put_queue(struct text *t, const struct hs_journey *j)
{
	json_key(t, "queue");
	json_put(t, "{");
	json_str(t, "kind", j->qdisc);
	if (j->waited_in_qdisc)
		json_uint(t, "waited", j->qdisc_wait);
	json_ids(t, "overtook", j->overtook, j->n_overtook);
	json_ids(t, "overtaken_by", j->overtaken_by, j->n_overtaken_by);
	json_put(t, "}");
}

static void put_held(struct text *t, const struct hs_journey *j)
{
	json_key(t, "held");
	json_put(t, "{");
	json_uint(t, "time", j->held);
	json_str(t, "by", text_hold_name(j->held_by));
	json_str(t, "call", j->held_call);
	json_bool(t, "delayed_ack", j->held_delayed_ack);
	json_put(t, "}");
}

static void put_translated(struct render *r, const struct hs_journey *j)
{
	json_key(&r->page, "translated");
	json_put(&r->page, "{");
	json_ends(r, &j->now_src, &j->now_dst, j->packet.has_ports);
	json_put(&r->page, "}");
}

static void put_relation(struct text *t, const struct hs_journey *j)
{
	json_key(t, "relation");
	json_put(t, "{");
	json_str(t, "kind", text_relation_name(j->relation));
	json_id(t, "of", j->related_to);
	json_put(t, "}");
}

/* --- lines --- */

static void json_journey(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "journey");
	json_uint(t, "id", j->id);
	json_uint(t, "born", j->born);
	json_packet(r, &j->packet);
	json_id(t, "socket", j->socket);
	put_cause(t, j);
	json_ids(t, "caused", j->caused, j->n_caused);
	json_key(t, "hops");
	json_put(t, "[");
	for (size_t i = 0; i < j->n_hops; i++) {
		json_element(t);
		json_put(t, "{");
		put_hop(r, &j->hops[i]);
		json_put(t, "}");
	}
	json_put(t, "]");
	json_fate(t, &j->fate);
	json_outcome(t, j);
	json_str(t, "no_icmp", j->no_icmp);
	json_str(t, "noise", text_noise_name(j->noise));
	json_bool(t, "complete", !j->incomplete);
	json_uint(t, "lost", j->lost);
	json_id(t, "flow", j->flow);
	if (j->flow)
		put_segment(t, j);
	if (*j->qdisc || j->waited_in_qdisc)
		put_queue(t, j);
	if (j->held)
		put_held(t, j);
	if (j->translated)
		put_translated(r, j);
	if (j->duplicate_of)
		json_uint(t, "duplicate_of", j->duplicate_of);
	if (j->relation != HS_RELATION_NONE)
		put_relation(t, j);
	if (j->merged_into)
		json_uint(t, "merged_into", j->merged_into);
	if (r->opt.verbose > 1) {
		json_key(t, "skb");
		json_putf(t, "\"0x%" PRIx64 "\"", j->skb);
	}
	end(r);
}

static void json_hop(void *ctx, const struct hs_journey *j, const struct hs_hop *hop)
{
	struct render *r = ctx;

	begin(r, "hop");
	json_uint(&r->page, "journey", j->id);
	put_hop(r, hop);
	end(r);
}

static void json_read(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "read");
	json_uint(&r->page, "journey", j->id);
	json_read_members(&r->page, j);
	end(r);
}

static void json_told(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "told");
	json_uint(&r->page, "journey", j->id);
	json_told_members(&r->page, j);
	end(r);
}

static void json_unread(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "unread");
	json_uint(&r->page, "journey", j->id);
	json_id(&r->page, "socket", j->fate.socket);
	end(r);
}

static void json_no_icmp(void *ctx, const struct hs_journey *j)
{
	struct render *r = ctx;

	begin(r, "no_icmp");
	json_uint(&r->page, "journey", j->id);
	json_str(&r->page, "why", j->no_icmp);
	end(r);
}

static void put_signal(struct text *t, int number)
{
	char buf[16];

	json_str(t, "signal", number ? text_signal(number, buf) : "");
}

static void json_call(void *ctx, const struct hs_call *c)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "call");
	json_uint(t, "entered", c->entered);
	json_uint(t, "left", c->left);
	json_task(t, "task", &c->task);
	json_str(t, "name", c->name);
	if (c->fd >= 0)
		json_int(t, "fd", c->fd);
	json_int(t, "ret", c->ret);
	if (c->ret < 0)
		json_errno(t, "errno", (int)-c->ret);
	json_uint(t, "len", c->len);
	json_uint(t, "flags", c->flags);
	json_id(t, "socket", c->socket);
	json_uint(t, "family", c->family);
	json_uint(t, "sock_type", c->type);
	json_uint(t, "protocol", c->protocol);
	json_endpoint(r, "local", &c->local);
	json_endpoint(r, "remote", &c->remote);
	json_endpoint(r, "given", &c->given);
	json_uint(t, "qlen", c->qlen);
	json_ids(t, "journeys", c->journeys, c->n_journeys);
	json_id(t, "read", c->read);
	json_id(t, "error_from", c->error_from);
	json_str(t, "hint", c->hint);
	json_no_route(t, &c->no_route);
	json_id(t, "flow", c->flow);
	if (c->has_range) {
		json_key(t, "bytes");
		json_put(t, "{");
		json_uint(t, "from", c->rel_from);
		json_uint(t, "to", c->rel_to);
		json_put(t, "}");
	}
	json_ids(t, "reads", c->reads, c->n_reads);
	json_uint(t, "waited", c->waited);
	if (c->has_queues) {
		json_key(t, "queues");
		json_put(t, "{");
		json_uint(t, "rcv_queued", c->rcv_queued);
		json_uint(t, "snd_queued", c->snd_queued);
		json_uint(t, "accept_queued", c->accept_queued);
		json_uint(t, "accept_before", c->accept_before);
		json_uint(t, "accept_limit", c->accept_limit);
		json_put(t, "}");
	}
	if (c->buffer_full) {
		json_bool(t, "buffer_full", true);
		json_bool(t, "window_full", c->window_full);
	}
	put_signal(t, c->signal);
	end(r);
}

static void put_end(struct render *r, const struct hs_flow_end *e)
{
	struct text *t = &r->page;

	json_put(t, "{");
	json_endpoint(r, "at", &e->at);
	json_str(t, "netns", e->netns);
	json_id(t, "socket", e->socket);
	json_task(t, "owner", &e->owner);
	put_state(t, "state", e->state);
	json_put(t, "}");
}

static void json_flow(void *ctx, const struct hs_flow *f)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "flow");
	json_uint(t, "id", f->id);
	json_uint(t, "born", f->born);
	json_bool(t, "opened", f->opened);
	json_key(t, "ends");
	json_put(t, "[");
	put_end(r, &f->end[0]);
	json_put(t, ",");
	put_end(r, &f->end[1]);
	json_put(t, "]");
	end(r);
}

static void json_state(void *ctx, const struct hs_state *s)
{
	struct hs_journey mover = {
		.cause_kind = s->cause_kind,
		.by = s->by,
		.by_call = s->by_call,
		.by_fd = -1,
		.cause = s->cause,
		.cause_text = "",
		.timer = s->timer,
	};
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "state");
	json_uint(t, "time", s->time);
	json_id(t, "flow", s->flow.id);
	json_uint(t, "end", s->end & 1);
	json_id(t, "socket", s->socket);
	json_str(t, "netns", s->netns);
	json_endpoint(r, "local", &s->local);
	json_task(t, "owner", &s->owner);
	put_state(t, "before", s->before);
	put_state(t, "after", s->after);
	put_cause(t, &mover);
	json_id(t, "sent", s->sent);
	json_bool(t, "inferred", s->inferred);
	json_bool(t, "minisocket", s->minisocket);
	json_bool(t, "confirmed", s->confirmed);
	end(r);
}

static void json_socket(void *ctx, const struct hs_socket *s)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "socket");
	json_uint(t, "id", s->id);
	json_str(t, "netns", s->netns);
	json_uint(t, "family", s->family);
	json_uint(t, "sock_type", s->type);
	json_uint(t, "protocol", s->protocol);
	json_endpoint(r, "local", &s->local);
	json_endpoint(r, "remote", &s->remote);
	json_task(t, "owner", &s->owner);
	json_bool(t, "followed", s->followed);
	put_state(t, "state", s->state);
	json_id(t, "flow", s->flow);
	if (s->has_queues) {
		json_key(t, "queues");
		json_put(t, "{");
		json_uint(t, "rcv_queued", s->rcv_queued);
		json_uint(t, "rcv_limit", s->rcv_limit);
		json_uint(t, "snd_queued", s->snd_queued);
		json_uint(t, "snd_limit", s->snd_limit);
		json_uint(t, "rcv_window", s->rcv_window);
		json_uint(t, "snd_window", s->snd_window);
		json_uint(t, "accept_queued", s->accept_queued);
		json_uint(t, "accept_limit", s->accept_limit);
		json_put(t, "}");
	}
	if (r->opt.verbose > 1) {
		json_key(t, "sk");
		json_putf(t, "\"0x%" PRIx64 "\"", s->sk);
	}
	end(r);
}

static void json_signal(void *ctx, const struct hs_signal *s)
{
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "signal");
	json_uint(t, "time", s->time);
	json_task(t, "task", &s->task);
	json_int(t, "number", s->number);
	put_signal(t, s->number);
	json_bool(t, "fatal", s->fatal);
	json_str(t, "call", s->by_call);
	if (s->by_call && *s->by_call)
		json_int(t, "fd", s->fd);
	json_id(t, "socket", s->socket);
	json_id(t, "cause", s->cause);
	end(r);
}

static void json_loss(void *ctx, uint64_t time, uint64_t lost, uint64_t misses)
{
	struct render *r = ctx;

	begin(r, "loss");
	json_uint(&r->page, "time", time);
	json_uint(&r->page, "lost", lost);
	json_uint(&r->page, "misses", misses);
	end(r);
}

/* Those that are not 0. */
static void json_losses(struct text *t, const struct hs_losses *losses)
{
	json_key(t, "losses");
	json_put(t, "{");
	for (int i = 0; i < HS_LOSSES; i++)
		if (losses->n[i])
			json_uint(t, loss_name(i), losses->n[i]);
	json_put(t, "}");
	json_key(t, "rings");
	json_put(t, "[");
	for (int i = 0; i < HS_MAX_CPUS; i++) {
		if (!losses->ring[i])
			continue;
		json_element(t);
		json_put(t, "{");
		json_uint(t, "cpu", i);
		json_uint(t, "lost", losses->ring[i]);
		json_put(t, "}");
	}
	json_put(t, "]");
}

static void json_summary(void *ctx, const struct hs_summary *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "packets", s->packets },
		{ "shown", s->shown },
		{ "queued", s->queued },
		{ "read", s->read },
		{ "streamed", s->streamed },
		{ "dropped", s->dropped },
		{ "refused", s->refused },
		{ "consumed", s->consumed },
		{ "left", s->left },
		{ "merged", s->merged },
		{ "underway", s->underway },
		{ "unknown", s->unknown },
		{ "unread_at_close", s->unread_at_close },
		{ "events", s->events },
		{ "lost", s->lost },
		{ "misses", s->misses },
		{ "untimed", s->untimed },
		{ "unseen_calls", s->unseen_calls },
		{ "flows", s->flows },
		{ "resets", s->resets },
		{ "retransmissions", s->retransmissions },
	};
	struct render *r = ctx;
	struct text *t = &r->page;

	begin(r, "summary");
	for (size_t i = 0; i < N_ELEMS(counts); i++)
		json_uint(t, counts[i].name, counts[i].value);
	json_key(t, "background");
	json_put(t, "{");
	for (int i = 1; i < HS_NOISE_MAX; i++) {
		if (s->background[i])
			json_uint(t, text_noise_name(i), s->background[i]);
	}
	json_put(t, "}");
	json_losses(t, &s->losses);
	json_str(t, "nothing", s->nothing);
	json_uint(t, "start", r->opt.start);
	json_int(t, "wall_offset", r->opt.wall_offset);
	end(r);
}

struct hs_sink *render_json_new(FILE *out, const struct hs_render_options *options)
{
	struct render *r = parts_new(sizeof(*r), out, options);

	if (!r)
		return NULL;
	r->sink.call = json_call;
	if (options->json_hops)
		r->sink.hop = json_hop;
	r->sink.read = json_read;
	r->sink.told = json_told;
	r->sink.unread = json_unread;
	r->sink.no_icmp = json_no_icmp;
	r->sink.settled = json_journey;
	r->sink.flow = json_flow;
	r->sink.state = json_state;
	r->sink.socket = json_socket;
	r->sink.signal = json_signal;
	r->sink.loss = json_loss;
	r->sink.summary = json_summary;
	return &r->sink;
}
