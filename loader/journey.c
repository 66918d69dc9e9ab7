// SPDX-License-Identifier: BSD-2-Clause
#include "journey.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "packet.h"
#include "reasons.h"
#include "stages.h"

#define JOURNEY_MAX 100000		/* remembered at once */
#define SETTLE_NS 2000000000ull		/* silence after which a journey is shown as it is */
#define QUIET_NS 100000000ull		/* silence after which the protocol has kept a packet */
#define LOSS_TELL_NS 1000000000ull
#define REMEMBER_NS 5000000000ull	/* a settled journey may still be somebody's cause */

#define SINK(js, callback, ...)                                                                    \
	do {                                                                                       \
		if ((js)->sink->callback)                                                          \
			(js)->sink->callback((js)->sink->ctx, __VA_ARGS__);                        \
	} while (0)

struct hs_journeys *journeys_new(struct hs_names *names, const struct hs_select *select,
				 const struct hs_sink *sink)
{
	struct hs_journeys *js = calloc(1, sizeof(*js));

	if (js) {
		js->names = names;
		js->select = select;
		js->sink = sink;
	}
	return js;
}

int serials_add(uint32_t **list, size_t *n, uint32_t serial)
{
	uint32_t *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*n)++] = serial;
	return 0;
}

struct node *node_by_serial(struct hs_journeys *js, uint32_t serial)
{
	struct node *n = NULL;

	HASH_FIND(hh, js->all, &serial, sizeof(serial), n);
	return n;
}

uint32_t node_id(struct hs_journeys *js, uint32_t serial)
{
	struct node *n = serial ? node_by_serial(js, serial) : NULL;

	return n && n->selected ? n->j.id : 0;
}

static struct node *node_by_address(struct hs_journeys *js, uint64_t address)
{
	struct node *n = NULL;

	if (address)
		HASH_FIND(by_address, js->addresses, &address, sizeof(address), n);
	return n;
}

static void node_set_address(struct hs_journeys *js, struct node *n, uint64_t address)
{
	struct node *old = node_by_address(js, address);

	if (old == n)
		return;
	if (old) {
		HASH_DELETE(by_address, js->addresses, old);
		old->address = 0;
	}
	if (n->address)
		HASH_DELETE(by_address, js->addresses, n);
	n->address = address;
	if (address)
		HASH_ADD(by_address, js->addresses, address, sizeof(n->address), n);
}

static void node_free(struct hs_journeys *js, struct node *n)
{
	node_set_address(js, n, 0);
	HASH_DELETE(hh, js->all, n);
	DL_DELETE(js->list, n);
	js->n_nodes--;
	for (size_t i = 0; i < n->j.n_hops; i++)
		free(n->j.hops[i].functions);
	free(n->j.hops);
	free(n->j.caused);
	free(n->children);
	free(n->stack);
	free(n);
}

void journeys_free(struct hs_journeys *js)
{
	struct node *n, *n_tmp;
	struct sock_node *s, *s_tmp;
	struct open_call *c, *c_tmp;
	struct limits *l, *l_tmp;

	if (!js)
		return;
	DL_FOREACH_SAFE(js->list, n, n_tmp)
		node_free(js, n);
	HASH_ITER(hh, js->calls, c, c_tmp)
		call_free(js, c);
	HASH_ITER(hh, js->socks, s, s_tmp)
		sock_forget(js, s);
	HASH_ITER(hh, js->limits, l, l_tmp) {
		HASH_DEL(js->limits, l);
		free(l);
	}
	free(js->bound);
	free(js);
}

size_t journeys_underway(const struct hs_journeys *js)
{
	return js->underway;
}

uint64_t journeys_settled(const struct hs_journeys *js)
{
	return js->settled;
}

/* ---- selection ---- */

static bool node_is_wanted(struct hs_journeys *js, const struct node *n)
{
	const struct hs_select *s = js->select;
	const struct node *cause = n->cause ? node_by_serial(js, n->cause) : NULL;

	if (select_is_without(s, &n->j.packet))
		return false;
	if (cause && cause->selected)
		return true;
	if (n->folded && !n->by_socket)
		return false;
	return (!s->followed || n->by_socket) && (!s->netns.n || n->by_netns) &&
	       (!s->devs.n || n->by_dev) && n->by_filter;
}

/* Shows a journey from now on, its earlier hops first. */
void node_select(struct hs_journeys *js, struct node *n)
{
	struct sock_node *s;
	struct node *cause;

	if (n->selected || n->settled || !node_is_wanted(js, n))
		return;
	n->selected = true;
	n->j.id = ++js->last_id;
	s = n->sk ? sock_find(js, n->sk) : NULL;
	if (s && s->serial == n->sock_serial)
		n->j.socket = sock_id(js, s);
	js->shown++;
	if (n->j.fate.kind == HS_FATE_UNDERWAY)
		js->underway++;
	cause = n->cause ? node_by_serial(js, n->cause) : NULL;
	if (cause && cause->selected) {
		n->j.cause = cause->j.id;
		serials_add(&cause->j.caused, &cause->j.n_caused, n->j.id);
	}
	for (size_t i = 0; i < n->j.n_hops; i++)
		SINK(js, hop, &n->j, &n->j.hops[i]);
	if (n->j.fate.kind != HS_FATE_UNDERWAY)
		SINK(js, fate, &n->j);
	/* Those it provoked were born before it was chosen. */
	for (size_t i = 0; i < n->n_children; i++) {
		struct node *child = node_by_serial(js, n->children[i]);

		if (child)
			node_select(js, child);
	}
}

/* ---- hops ---- */

static struct hs_hop *node_append(struct hs_journeys *js, struct node *n)
{
	struct hs_hop *grown = n->j.hops;

	/* Grows at powers of two. */
	if (!(n->j.n_hops & (n->j.n_hops - 1)))
		grown = realloc(grown, (n->j.n_hops ? n->j.n_hops * 2 : 1) * sizeof(*grown));
	if (!grown) {
		js->error = -ENOMEM;
		return NULL;
	}
	n->j.hops = grown;
	grown += n->j.n_hops++;
	*grown = (struct hs_hop){ .netns = "", .dev = "", .dev_kind = "", .text = "", .function = "" };
	return grown;
}

static struct hs_hop *node_last_hop(struct node *n)
{
	return n->j.n_hops ? &n->j.hops[n->j.n_hops - 1] : NULL;
}

/* How much of the stack the hop before had too. */
static size_t node_shared_stack(const struct node *n, const struct hs_event *e)
{
	size_t i = 0;

	while (i < n->n_stack && i < e->n_functions && n->stack[i] == e->functions[i])
		i++;
	return i;
}

static void node_keep_stack(struct hs_journeys *js, struct node *n, const struct hs_event *e)
{
	const char **kept = realloc(n->stack, e->n_functions * sizeof(*kept));

	if (!kept) {
		js->error = -ENOMEM;
		return;
	}
	memcpy(kept, e->functions, e->n_functions * sizeof(*kept));
	n->stack = kept;
	n->n_stack = e->n_functions;
}

/* The packet that this softirq receives, NULL none. */
static struct node *node_in_softirq(struct hs_journeys *js, const struct hs_event *e)
{
	struct processing *now = &js->now[e->cpu % HS_MAX_CPUS];

	return e->softirq && now->ctx == e->ctx ? node_by_serial(js, now->serial) : NULL;
}

/* Is `n` handled while another packet is being received? */
static bool node_is_guest(struct hs_journeys *js, const struct node *n, const struct hs_event *e)
{
	const struct node *now = node_in_softirq(js, e);

	return now && now != n;
}

/* A question for a link-layer address begins where somebody asks for it. */
static size_t node_skip_to_question(const struct node *n, const struct hs_event *e, size_t from)
{
	if (n->j.n_hops || (n->j.noise != HS_NOISE_ARP && n->j.noise != HS_NOISE_ND))
		return from;
	for (size_t i = e->n_functions; i-- > from;) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);

		if (stage && stage->id == HS_STAGE_NEIGHBOUR)
			return i;
	}
	return from;
}

/* Stages that only the stack shows, outermost first, each once. */
static void node_add_via(struct hs_journeys *js, struct node *n, const struct hs_event *e,
			 const struct hs_hop *timed, size_t from)
{
	const struct hs_stage_info *last = NULL;
	/* Around a packet's birth, and its sending on after a wait, lies the receiving of another. */
	bool outward = timed->stage == HS_STAGE_DEV_QUEUE && (!n->j.n_hops || node_is_guest(js, n, e));

	for (size_t i = node_skip_to_question(n, e, from); i < e->n_functions; i++) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);
		struct hs_hop *via;

		if (!stage || stage == last || *stage->probe || stage->id == timed->stage ||
		    (outward && !strcmp(stage->direction, "in")))
			continue;
		last = stage;
		via = node_append(js, n);
		if (!via)
			return;
		*via = *timed;
		via->kind = HS_HOP_VIA;
		via->stage = stage->id;
		via->text = "";
		via->functions = NULL;
		via->n_functions = 0;
		via->address = 0;
		via->function = e->functions[i];
		/* It ran before the packet reached the timed hop's place: a crossing is shown there. */
		via->crossed = false;
	}
}

/* A hop of `stage`; place and device as given (a free has none, it stays where it was). */
static void node_hop(struct hs_journeys *js, struct node *n, const struct hs_event *e,
		     enum hs_stage stage, const char *text, const char *function, uint64_t address)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	const struct hs_hop *before = node_last_hop(n);
	struct hs_hop hop = {
		.kind = HS_HOP_STAGE,
		.stage = stage,
		.time = e->time,
		.cpu = e->cpu,
		.softirq = e->softirq,
		.task = e->task,
		.text = text,
		.function = function,
		.address = address,
	};
	size_t shared, first = n->j.n_hops;
	struct hs_hop *added;

	if (at->netns && at->ifindex) {
		hop.netns = e->netns;
		hop.dev = e->dev.name;
		hop.dev_kind = e->dev.kind;
		hop.crossed = n->netns && n->netns != at->netns;
		n->netns = at->netns;
		n->ifindex = at->ifindex;
	} else if (before) {
		hop.netns = before->netns;
		hop.dev = before->dev;
		hop.dev_kind = before->dev_kind;
	} else {
		hop.netns = at->netns ? e->netns : "";
		hop.dev = hop.dev_kind = "";
	}
	n->last = e->time;
	shared = node_shared_stack(n, e);
	node_add_via(js, n, e, &hop, shared);
	added = node_append(js, n);
	if (!added)
		return;
	*added = hop;
	if (hop.crossed && n->j.n_hops - 1 > first) {
		/* The functions before this hop ran where it is: the crossing comes before them. */
		n->j.hops[first].crossed = true;
		added->crossed = false;
	}
	if (e->n_functions > shared) {
		added->n_functions = e->n_functions - shared;
		added->functions = malloc(added->n_functions * sizeof(*added->functions));
		if (added->functions)
			memcpy(added->functions, e->functions + shared,
			       added->n_functions * sizeof(*added->functions));
		else
			added->n_functions = 0;
	}
	if (e->n_functions)
		node_keep_stack(js, n, e);
	if (words_have(&js->select->netns, hop.netns))
		n->by_netns = true;
	if (words_have(&js->select->devs, hop.dev))
		n->by_dev = true;
	if (n->selected)
		for (size_t i = first; i < n->j.n_hops; i++)
			SINK(js, hop, &n->j, &n->j.hops[i]);
	else
		node_select(js, n);
}

/* ---- fates ---- */

/* Records that were lost while it was alive may have been about it. */
static void node_note_loss(const struct hs_journeys *js, struct node *n)
{
	if (n->settled || js->lost_total <= n->lost_before)
		return;
	n->j.incomplete = true;
	n->j.lost = js->lost_total - n->lost_before;
}

static const struct hs_fate no_fate = { .netns = "", .dev = "", .reason = "", .function = "",
					.why = "", .remedy = "", .owner.comm = "" };

static void node_set_fate(struct hs_journeys *js, struct node *n, struct hs_fate fate)
{
	const struct hs_hop *last = node_last_hop(n);
	bool first = n->j.fate.kind == HS_FATE_UNDERWAY;

	node_note_loss(js, n);
	fate.netns = last ? last->netns : "";
	fate.dev = last ? last->dev : "";
	n->j.fate = fate;
	if (!n->selected)
		return;
	if (first)
		js->underway--;
	SINK(js, fate, &n->j);
}

/* The last hop that is a place on the path, not an end. */
static enum hs_stage node_stage(const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;) {
		enum hs_stage stage = n->j.hops[i].stage;

		if (stage != HS_STAGE_DROP && stage != HS_STAGE_CONSUME)
			return stage;
	}
	return 0;
}

static enum hs_stage node_timed_stage(const struct node *n)
{
	for (size_t i = n->j.n_hops; i-- > 0;)
		if (n->j.hops[i].kind == HS_HOP_STAGE && n->j.hops[i].stage != HS_STAGE_ICMP_ERROR)
			return n->j.hops[i].stage;
	return 0;
}

static bool kind_is_inside(const char *kind)
{
	return !strcmp(kind, "veth") || !strcmp(kind, "loopback");
}

static bool node_can_settle(struct hs_journeys *js, struct node *n)
{
	const struct hs_journey *j = &n->j;
	bool datagram = j->packet.proto != IPPROTO_TCP;

	if (j->fate.kind == HS_FATE_UNDERWAY || n->want_counter)
		return false;
	if (j->fate.kind == HS_FATE_QUEUED && datagram && !j->read_done && !j->unread_at_close)
		return false;
	if (j->cause_kind == HS_CAUSE_CALL && !j->by_done && call_of(js, n->born_tid))
		return false;
	if (j->packet.icmp_error && (j->told == HS_TOLD_SOCKET ||
				     (j->told == HS_TOLD_NOTHING && j->fate.kind == HS_FATE_QUEUED)))
		return false;
	for (size_t i = 0; i < n->n_children; i++) {
		struct node *child = node_by_serial(js, n->children[i]);

		if (child && !child->settled)
			return false;
	}
	return true;
}

static void node_count(struct hs_journeys *js, const struct node *n)
{
	uint64_t *const counts[] = {
		[HS_FATE_UNDERWAY] = &js->sum.underway, [HS_FATE_QUEUED] = &js->sum.queued,
		[HS_FATE_DROPPED] = &js->sum.dropped,	[HS_FATE_REFUSED] = &js->sum.refused,
		[HS_FATE_CONSUMED] = &js->sum.consumed, [HS_FATE_MERGED] = &js->sum.merged,
		[HS_FATE_LEFT] = &js->sum.left,		[HS_FATE_UNKNOWN] = &js->sum.unknown,
	};

	++*counts[n->j.fate.kind];
	js->sum.read += n->j.read_done;
	js->sum.streamed += n->j.fate.kind == HS_FATE_QUEUED && n->j.packet.proto == IPPROTO_TCP;
	js->sum.unread_at_close += n->j.unread_at_close;
}

static void node_settle(struct hs_journeys *js, struct node *n)
{
	struct node *cause;

	if (n->settled)
		return;
	node_note_loss(js, n);
	n->settled = true;
	if (n->selected) {
		if (n->j.fate.kind == HS_FATE_UNDERWAY)
			js->underway--;
		node_count(js, n);
		js->settled++;
		SINK(js, settled, &n->j);
	} else if (n->folded) {
		js->sum.background[n->j.noise]++;
	}
	cause = n->cause ? node_by_serial(js, n->cause) : NULL;
	if (cause)
		node_try_settle(js, cause);
}

void node_try_settle(struct hs_journeys *js, struct node *n)
{
	if (!n->settled && node_can_settle(js, n))
		node_settle(js, n);
}

/* ---- births ---- */

static struct node *node_new(struct hs_journeys *js, const struct hs_event *e)
{
	struct node *n, *old;

	/* The oldest that are settled go first. */
	while (js->n_nodes >= JOURNEY_MAX && (old = js->list)) {
		node_settle(js, old);
		node_free(js, old);
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		js->error = -ENOMEM;
		return NULL;
	}
	n->serial = ++js->last_serial;
	n->lost_before = js->lost_total;
	n->j.fate = no_fate;
	n->j.born = n->last = e->time;
	n->j.by = e->task;
	n->j.by_call = n->j.cause_text = n->j.told_call = n->j.told_why = n->j.no_icmp = "";
	n->j.told_task.comm = n->j.read.task.comm = n->j.read.call = "";
	n->j.by_fd = -1;
	n->by_filter = true;
	HASH_ADD(hh, js->all, serial, sizeof(n->serial), n);
	DL_APPEND(js->list, n);
	js->n_nodes++;
	js->sum.packets++;
	return n;
}

/* A packet that was on its way before tracing began, or whose birth was lost. */
static struct node *node_headless(struct hs_journeys *js, const struct hs_event *e, uint64_t address)
{
	struct node *n = node_new(js, e);

	if (!n)
		return NULL;
	n->j.skb = address;
	n->j.cause_kind = HS_CAUSE_NONE;
	n->j.incomplete = true;
	n->by_filter = !js->select->filter_text.n;
	node_set_address(js, n, address);
	return n;
}

static void node_set_cause(struct hs_journeys *js, struct node *n, struct node *cause,
			   const char *text)
{
	n->cause = cause->serial;
	n->j.cause_kind = HS_CAUSE_JOURNEY;
	n->j.cause_text = text;
	if (serials_add(&cause->children, &cause->n_children, n->serial))
		js->error = -ENOMEM;
}

/* What tells that this ICMP error was built for that packet: the tracepoint, else the stack. */
static struct node *cause_of_icmp(struct hs_journeys *js, const struct hs_event *e,
				  const struct node *n, const char **ret_function)
{
	struct icmp_pending *p = &js->icmp[e->cpu % HS_MAX_CPUS];
	struct node *offender;

	if (!p->serial || p->ctx != e->ctx || (!p->ctx && p->tid != e->task.tid))
		return NULL;
	offender = node_by_serial(js, p->serial);
	if (!offender || !packet_quotes(&n->j.packet, &offender->j.packet))
		return NULL;
	*ret_function = p->function;
	p->serial = 0;
	return offender;
}

/* The newest packet that an ICMP error quotes, for one that had to wait before it was sent. */
static struct node *cause_of_quote(struct hs_journeys *js, const struct node *error)
{
	struct node *n = error->prev;

	/* utlist: the head's prev is the tail */
	for (int i = 0; i < 1000 && n != js->list->prev; i++, n = n->prev)
		if (packet_quotes(&error->j.packet, &n->j.packet))
			return n;
	return NULL;
}

static const char *stack_function(const struct hs_event *e, const char *name)
{
	for (size_t i = 0; i < e->n_functions; i++)
		if (!strcmp(e->functions[i], name))
			return e->functions[i];
	return "";
}

/*
 * Sent while the answer to ARP or ND was processed: it waited for the next hop's address
 * (neigh_update() sends the queue), and its cause is the call that sent it earlier.
 */
static bool node_waited(struct hs_journeys *js, struct node *n, const struct sock_node *s)
{
	struct open_call *call, *tmp;

	if (!s || !s->last_send.name)
		return false;
	n->waited = true;
	n->j.cause_kind = HS_CAUSE_CALL;
	n->j.by = s->last_send.task;
	n->j.by_call = s->last_send.name;
	n->j.by_fd = s->last_send.fd;
	n->born_tid = s->last_send.task.tid;
	n->j.by_done = s->last_send.left;
	n->j.by_ret = s->last_send.ret;
	HASH_ITER(hh, js->calls, call, tmp)
		if (call->sk == s->sk && serials_add(&call->sent, &call->n_sent, n->serial))
			js->error = -ENOMEM;
	return true;
}

static void node_find_cause(struct hs_journeys *js, const struct hs_event *e, struct node *n)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const char *function = "", *what = tell_icmp(js, &n->j.packet);
	struct open_call *call;
	struct node *cause = NULL;

	if (n->j.packet.icmp_error)
		cause = cause_of_icmp(js, e, n, &function);
	if (!cause)
		cause = node_in_softirq(js, e);
	if (cause && n->j.packet.icmp_error && packet_is_address_answer(&cause->j.packet)) {
		cause = cause_of_quote(js, n) ?: cause;
		n->waited = true;
	}
	if (cause && birth->sk && packet_is_address_answer(&cause->j.packet) &&
	    node_waited(js, n, sock_find(js, birth->sk)))
		return;
	if (cause && n->j.packet.icmp_error && !cause->answered) {
		/* ICMPv6 has no tracepoint: the error itself shows that it was built. */
		cause->answered = true;
		cause->want_counter = false;
		function = stack_function(e, "icmp6_send");
		if (!n->waited)
			node_hop(js, cause, e, HS_STAGE_ICMP_ERROR, what, function, 0);
	}
	if (cause) {
		n->j.cause_kind = HS_CAUSE_JOURNEY;
		node_set_cause(js, n, cause,
			       *function ? names_internf(js->names, "%s, built in %s", what, function)
					 : what);
		return;
	}
	if (e->softirq) {
		n->j.cause_kind = HS_CAUSE_KERNEL;
		return;
	}
	call = call_of(js, e->task.tid);
	n->j.cause_kind = call || birth->call ? HS_CAUSE_CALL : HS_CAUSE_KERNEL;
	n->j.by_call = call_name(call ? call->c.id : birth->call);
	if (call) {
		n->j.by_fd = call->c.fd;
		n->by_socket = true;
		if (serials_add(&call->sent, &call->n_sent, n->serial))
			js->error = -ENOMEM;
	}
}

static struct node *node_born(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	size_t captured = e->rec->size - e->rec->frames * sizeof(uint64_t) -
			  offsetof(struct hs_rec_birth, data);
	struct node *n = node_new(js, e);
	struct sock_node *s;

	if (!n)
		return NULL;
	if (captured > birth->headers)
		captured = birth->headers;
	n->j.skb = birth->at.skb;
	n->born_tid = birth->at.tid;
	packet_parse(&n->j.packet, birth->proto, birth->l3, birth->data, captured);
	n->j.noise = packet_noise(&n->j.packet);
	n->by_filter = select_filters_match(js->select, birth->proto, birth->l3, birth->data, captured);
	n->folded = n->j.noise && !js->select->all && !js->select->filter_text.n;
	node_set_address(js, n, birth->at.skb);
	s = birth->sk ? sock_find(js, birth->sk) : NULL;
	if (s) {
		n->sk = s->sk;
		n->sock_serial = s->serial;
		n->by_socket = s->s.followed;
	}
	if (birth->hdr.flags & HS_F_LOCAL)
		node_find_cause(js, e, n);
	return n;
}

/*
 * The same packet again, on a device below the first: VLAN, tunnel, bridge (__dev_queue_xmit() is
 * entered once for each). After a veth or lo the same memory means a new transmission.
 */
static bool node_continues(const struct node *n, const struct hs_event *e)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const struct hs_hop *last = n->j.n_hops ? &n->j.hops[n->j.n_hops - 1] : NULL;
	enum hs_stage stage = node_timed_stage(n);

	if (n->freed || !last || n->j.fate.kind != HS_FATE_UNDERWAY)
		return false;
	if (e->rec->stage == HS_STAGE_RECEIVE)
		return stage == HS_STAGE_BACKLOG && n->ifindex == birth->at.ifindex;
	if (e->rec->stage == HS_STAGE_DEV_QUEUE)
		return stage == HS_STAGE_DEV_XMIT && n->ifindex != birth->at.ifindex &&
		       n->netns == birth->at.netns && *last->dev_kind && !kind_is_inside(last->dev_kind);
	return false;
}

/* ---- events ---- */

static const char waited_text[] = "waited for the next hop's link-layer address";

static const char *receive_text(const struct node *n, const struct hs_event *e)
{
	if (!e->softirq)
		return "";
	return n->j.cause_kind == HS_CAUSE_CALL && n->born_tid == e->task.tid
		       ? "in sender's call"
		       : "";
}

static void on_seen(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_where *at = &((const struct hs_rec_stage *)e->rec)->at;
	struct node *n = node_by_address(js, at->skb);
	const char *text = "";

	if (e->rec->type == HS_REC_BIRTH && (!n || !node_continues(n, e))) {
		n = node_born(js, e);
		if (n && n->waited)
			text = waited_text;
	}
	if (e->rec->type == HS_REC_STAGE && (!n || n->freed || n->j.fate.kind == HS_FATE_DROPPED))
		n = node_headless(js, e, at->skb);
	if (!n)
		return;
	if (e->rec->stage == HS_STAGE_RECEIVE) {
		struct processing *now = &js->now[e->cpu % HS_MAX_CPUS];

		if (e->softirq)
			*now = (struct processing){ .ctx = e->ctx, .serial = n->serial };
		text = receive_text(n, e);
		if (js->select->followed && !n->by_socket)
			n->by_socket = sock_followed_wants(js, &n->j.packet, at->netns);
	}
	/* Forwarded while the answer to ARP or ND was received. */
	if (e->rec->type == HS_REC_STAGE && e->rec->stage == HS_STAGE_DEV_QUEUE &&
	    node_is_guest(js, n, e))
		text = waited_text;
	node_hop(js, n, e, e->rec->stage, text, "", 0);
}

static void on_icmp(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_icmp *icmp = (const void *)e->rec;
	struct node *n = node_by_address(js, icmp->at.skb);
	struct hs_packet about = {
		.version = 4, .has_icmp = true, .icmp_error = true, .proto = IPPROTO_ICMP,
		.icmp_type = icmp->icmp_type, .icmp_code = icmp->icmp_code,
	};
	const char *function = e->n_functions ? e->functions[e->n_functions - 1] : "";

	if (!n)
		return;
	n->answered = true;
	js->icmp[e->cpu % HS_MAX_CPUS] = (struct icmp_pending){
		.serial = n->serial, .ctx = e->ctx, .tid = e->task.tid,
		.time = e->time, .function = function,
	};
	node_hop(js, n, e, HS_STAGE_ICMP_ERROR, tell_icmp(js, &about), function, 0);
}

static bool node_is_received(const struct node *n)
{
	return n && n->j.fate.kind == HS_FATE_UNDERWAY && node_timed_stage(n) == HS_STAGE_RECEIVE;
}

/* The oldest packet received for that socket whose end is open. */
static struct node *node_for_socket(struct hs_journeys *js, const struct sock_node *s)
{
	struct node *n = js->list ? js->list->prev : NULL, *found = NULL;

	/* utlist: the head's prev is the tail */
	for (int i = 0; i < 1000 && n; i++, n = n == js->list ? NULL : n->prev)
		if (node_is_received(n) && n->netns == s->netns &&
		    n->j.packet.proto == s->s.protocol && n->j.packet.dst.port == s->s.local.port)
			found = n;
	return found;
}

/*
 * The packet that was queued. Usually the one being received here. But from 6.18 on UDP packets that
 * arrive on several CPUs at once are queued by one of them, which then reports each of the batch
 * (__udp_enqueue_schedule_skb(), udp_prod_queue): its own comes first, the newest is the tail.
 */
static struct node *node_of_queue(struct hs_journeys *js, const struct hs_event *e,
				  const struct sock_node *s)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct node *now = node_in_softirq(js, e), *tail = node_by_address(js, q->at.skb);

	if (node_is_received(now))
		return now;
	return node_is_received(tail) ? tail : node_for_socket(js, s);
}

static void on_queued(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct sock_node *s = sock_get(js, q->sk);
	struct node *n = s && !s->listening ? node_of_queue(js, e, s) : NULL;
	struct hs_fate fate = no_fate;

	if (!n)
		return;
	if (s->s.followed)
		n->by_socket = true;
	/* A raw socket gets a clone while the protocol goes on with the original. */
	if (q->at.skb && s->s.type == SOCK_RAW)
		node_set_address(js, n, q->at.skb);
	node_hop(js, n, e, HS_STAGE_SOCK_QUEUE, tell_queue(js, s, q), "", 0);
	fate.kind = HS_FATE_QUEUED;
	fate.time = e->time;
	fate.stage = HS_STAGE_SOCK_QUEUE;
	fate.socket = n->selected ? sock_id(js, s) : 0;
	fate.owner = s->s.owner;
	node_set_fate(js, n, fate);
	if (s->s.type != SOCK_STREAM && sock_push(js, s, n->serial, e->time))
		js->error = -ENOMEM;
	node_try_settle(js, n);
}

static void on_sock_error(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_queue *q = (const void *)e->rec;
	struct sock_node *s = sock_get(js, q->sk);
	struct node *n = node_in_softirq(js, e);

	if (!s || !n)
		return;
	if (s->s.followed)
		n->by_socket = true;
	s->err = q->err;
	s->err_from = n->serial;
	node_hop(js, n, e, HS_STAGE_SOCK_ERROR,
		 names_internf(js->names, "%s will be told", tell_task(js, &s->s.owner)), "", 0);
	n->j.told = HS_TOLD_SOCKET;
	n->j.told_err = q->err;
	n->j.told_task = s->s.owner;
}

/* An ICMP error that reached its namespace and no socket: who was not told, and why. */
static void node_tell_nobody(struct hs_journeys *js, struct node *n)
{
	const struct node *about = n->cause ? node_by_serial(js, n->cause) : NULL;
	struct sock_node *s = about && about->sk ? sock_find(js, about->sk) : NULL;

	if (!n->j.packet.icmp_error || n->j.told != HS_TOLD_NOTHING)
		return;
	if (s && s->serial != about->sock_serial)
		s = NULL;
	n->j.told = HS_TOLD_NOBODY;
	n->j.told_why = tell_nobody(js, &n->j.packet, s);
	if (n->selected)
		SINK(js, told, &n->j);
}

/*
 * Frees that look like drops and are none. A received ICMP error may end as NOT_SPECIFIED in
 * icmp_rcv() though it was handled; so do handled MLD messages (mld_query_work()); a TCP segment that
 * was taken by a minisocket, or left in a queue at close, is freed the same way.
 */
static bool free_is_benign(const struct node *n, const char *reason, const char *function)
{
	static const char *const functions[] = { "icmp_rcv", "icmpv6_rcv", "mld_query_work",
						 "mld_report_work", "ndisc_rcv", "arp_process" };

	if (!strcmp(reason, "QUEUE_PURGE"))
		return true;
	if (strcmp(reason, "NOT_SPECIFIED"))
		return false;
	if (n->j.packet.proto == IPPROTO_TCP)
		return !strcmp(function, "tcp_v4_rcv") || !strcmp(function, "tcp_v6_rcv");
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(function, functions[i]))
			return true;
	return false;
}

static void node_consumed(struct hs_journeys *js, struct node *n, const char *function, uint64_t time,
			  bool inferred)
{
	struct hs_fate fate = no_fate;
	enum hs_stage stage = node_timed_stage(n);

	fate.time = time;
	fate.stage = node_stage(n);
	fate.function = function;
	fate.inferred = inferred;
	fate.kind = stage == HS_STAGE_DEV_XMIT || stage == HS_STAGE_DEV_QUEUE ? HS_FATE_LEFT
									      : HS_FATE_CONSUMED;
	node_set_fate(js, n, fate);
	if (fate.kind == HS_FATE_CONSUMED)
		node_tell_nobody(js, n);
}

/* UDP to nobody asks for an ICMP error, unless it was sent to many (RFC 1122, 3.2.2). */
static bool node_deserves_icmp(const struct node *n)
{
	const struct hs_packet *p = &n->j.packet;
	const uint8_t *dst = p->dst.addr.bytes;

	if (p->proto != IPPROTO_UDP || p->later_fragment)
		return false;
	return p->version == 4 ? dst[0] < 224 : dst[0] != 0xff;
}

static const struct limits *limits_find(struct hs_journeys *js, uint32_t netns)
{
	struct limits *l = NULL;

	HASH_FIND(hh, js->limits, &netns, sizeof(netns), l);
	return l;
}

/* Suppressed errors that the counters tell of and no journey has claimed. */
static bool limits_claim(struct hs_journeys *js, struct node *n)
{
	struct limits *l = (struct limits *)limits_find(js, n->netns);

	if (!l || l->last - l->first <= l->explained)
		return false;
	l->explained++;
	n->want_counter = false;
	n->j.no_icmp = names_internf(js->names,
				     "rate limit (%s rose; sysctl %s)",
				     l->counter,
				     n->j.packet.version == 6 ? "net.ipv6.icmp.ratelimit"
							      : "net.ipv4.icmp_ratelimit");
	if (n->selected)
		SINK(js, no_icmp, &n->j);
	return true;
}

static void on_counter(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_counter *rec = (const void *)e->rec;
	struct limits *l = (struct limits *)limits_find(js, rec->netns);
	struct node *n, *tmp;

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l) {
			js->error = -ENOMEM;
			return;
		}
		l->netns = rec->netns;
		l->first = rec->icmp_limit_global + rec->icmp_limit_host + rec->icmp6_limit_host;
		l->rec = *rec;
		l->counter = "";
		HASH_ADD(hh, js->limits, netns, sizeof(l->netns), l);
	}
	if (rec->icmp_limit_global > l->rec.icmp_limit_global)
		l->counter = "IcmpOutRateLimitGlobal";
	if (rec->icmp_limit_host > l->rec.icmp_limit_host)
		l->counter = "IcmpOutRateLimitHost";
	if (rec->icmp6_limit_host > l->rec.icmp6_limit_host)
		l->counter = "Icmp6OutRateLimitHost";
	l->rec = *rec;
	l->last = rec->icmp_limit_global + rec->icmp_limit_host + rec->icmp6_limit_host;
	DL_FOREACH_SAFE(js->list, n, tmp)
		if (n->want_counter && n->netns == rec->netns && limits_claim(js, n))
			node_try_settle(js, n);
}

static void node_dropped(struct hs_journeys *js, struct node *n, const struct hs_event *e,
			 const char *reason, const char *function)
{
	const struct hs_rec_free *rec = (const void *)e->rec;
	const struct hs_reason_info *info = reason_info(reason);
	struct sock_node *s = rec->sk ? sock_find(js, rec->sk) : NULL;
	const struct hs_stage_info *stage;
	struct hs_fate fate = no_fate;

	fate.kind = HS_FATE_DROPPED;
	fate.time = e->time;
	fate.stage = node_stage(n);
	fate.reason = reason;
	fate.function = function;
	stage = stage_info(fate.stage);
	if (info) {
		fate.why = info->sentence;
		fate.remedy = info->remedy;
	} else if (stage) {
		fate.remedy = stage->remedy;
	}
	if (s && s->s.followed) {
		n->by_socket = true;
		node_select(js, n);
	}
	if (!strcmp(reason, "NO_SOCKET"))
		fate.why = tell_no_socket(js, n);
	if (!strcmp(reason, "SOCKET_RCVBUFF") && s) {
		fate.why = tell_rcvbuf(js, s, rec->rmem, rec->rcvbuf);
		fate.socket = n->selected ? sock_id(js, s) : 0;
		fate.owner = s->s.owner;
	}
	node_set_fate(js, n, fate);
	if (!strcmp(reason, "NO_SOCKET") && !n->answered && node_deserves_icmp(n)) {
		n->want_counter = true;
		limits_claim(js, n);
	}
}

static void on_free(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_free *rec = (const void *)e->rec;
	struct node *n = node_by_address(js, rec->at.skb);
	const char *function, *reason;
	bool drop = e->rec->stage == HS_STAGE_DROP;

	if (!n || n->freed)
		return;
	n->freed = true;
	function = names_symbol(js->names, rec->location);
	reason = drop ? names_reason(js->names, rec->reason) : "";
	if (n->j.fate.kind == HS_FATE_QUEUED) {
		/* After a read it is the end of its memory, before it the end of its socket. */
		if (drop && !n->j.read_done && n->j.packet.proto != IPPROTO_TCP) {
			n->j.unread_at_close = true;
			n->last = e->time;
			if (n->selected)
				SINK(js, unread, &n->j);
		}
	} else if (n->j.fate.kind == HS_FATE_UNDERWAY) {
		bool bad = drop && !free_is_benign(n, reason, function);

		node_hop(js, n, e, bad ? HS_STAGE_DROP : HS_STAGE_CONSUME, "", function,
			 rec->location);
		if (bad)
			node_dropped(js, n, e, reason, function);
		else
			node_consumed(js, n, function, e->time, false);
	}
	node_try_settle(js, n);
}

/* ---- time ---- */

/* What silence means, by the last thing that was seen. */
static void node_conclude(struct hs_journeys *js, struct node *n, uint64_t now)
{
	struct hs_fate fate = no_fate;
	enum hs_stage stage = node_timed_stage(n);

	if (stage != HS_STAGE_RECEIVE && stage != HS_STAGE_SOCK_ERROR)
		return;
	node_note_loss(js, n);
	fate.time = now;
	fate.stage = stage;
	fate.inferred = true;
	if (n->j.incomplete) {
		fate.kind = HS_FATE_UNKNOWN;
		fate.why = "events were lost, so its end may have been missed";
	} else if (n->j.packet.fragmented) {
		fate.kind = HS_FATE_MERGED;
		fate.why = "kept until the other fragments of its datagram are there";
	} else if (n->j.packet.proto == IPPROTO_TCP) {
		fate.kind = HS_FATE_CONSUMED;
		fate.why = "taken by TCP; nothing shows its end";
	} else {
		fate.kind = HS_FATE_UNKNOWN;
		fate.why = "received, and no event tells what became of it";
	}
	node_set_fate(js, n, fate);
	node_tell_nobody(js, n);
}

static void on_tick(struct hs_journeys *js, uint64_t now)
{
	struct node *n, *tmp;

	DL_FOREACH_SAFE(js->list, n, tmp) {
		uint64_t quiet = now > n->last ? now - n->last : 0;

		if (!n->settled) {
			if (n->j.fate.kind == HS_FATE_UNDERWAY && quiet > QUIET_NS)
				node_conclude(js, n, now);
			if (quiet > SETTLE_NS)
				node_settle(js, n);
			else
				node_try_settle(js, n);
		} else if (quiet > REMEMBER_NS &&
			   (n->j.fate.kind != HS_FATE_QUEUED || n->j.read_done || n->freed)) {
			node_free(js, n);
		}
	}
}

/* Losses are told at most once a second; the summary has the last word. */
static void on_lost(struct hs_journeys *js, uint64_t time, uint64_t lost, uint64_t misses)
{
	if (!lost && !misses)
		return;
	js->lost_total += lost + misses;
	js->sum.lost += lost;
	js->sum.misses += misses;
	if (js->loss_told && time < js->loss_told + LOSS_TELL_NS)
		return;
	js->loss_told = time;
	SINK(js, loss, time, js->sum.lost, js->sum.misses);
}

void journeys_gap(void *ctx, uint64_t time, int64_t lost)
{
	struct hs_journeys *js = ctx;

	js->gaps += lost;
	if (lost > 0) {
		on_lost(js, time, lost, 0);
	} else {
		js->lost_total += lost;
		js->sum.lost += lost;
	}
}

/* What the counters say beyond the gaps that were seen: lost after the last record, or skipped. */
static void on_loss(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_loss *rec = (const void *)e->rec;
	uint64_t total = rec->reserve > js->gaps ? rec->reserve : js->gaps;
	uint64_t misses = rec->misses + rec->maps;

	on_lost(js, e->time, total - js->gaps, misses - js->misses_seen);
	js->gaps = total;
	js->misses_seen = misses;
}

static void on_end(struct hs_journeys *js, uint64_t now)
{
	struct node *n, *tmp;
	struct open_call *call, *call_tmp;

	DL_FOREACH(js->list, n) {
		if (n->settled)
			continue;
		if (n->j.fate.kind == HS_FATE_UNDERWAY)
			node_conclude(js, n, now);
		if (n->want_counter) {
			n->want_counter = false;
			n->j.no_icmp = "none was seen, and no counter tells why";
			if (n->selected)
				SINK(js, no_icmp, &n->j);
		}
	}
	DL_FOREACH_SAFE(js->list, n, tmp)
		node_settle(js, n);
	HASH_ITER(hh, js->calls, call, call_tmp)
		call_free(js, call);
	js->sum.shown = js->shown;
	js->sum.nothing = tell_nothing(js);
	SINK(js, summary, &js->sum);
}

int journeys_event(void *ctx, const struct hs_event *e)
{
	struct hs_journeys *js = ctx;

	if (!js->started)
		js->started = e->time;
	js->sum.events += e->rec->type < HS_REC_START;
	switch (e->rec->type) {
	case HS_REC_STAGE:
	case HS_REC_BIRTH:
		on_seen(js, e);
		break;
	case HS_REC_FREE:
		on_free(js, e);
		break;
	case HS_REC_ICMP:
		on_icmp(js, e);
		break;
	case HS_REC_QUEUE:
		if (e->rec->stage == HS_STAGE_SOCK_ERROR)
			on_sock_error(js, e);
		else
			on_queued(js, e);
		break;
	case HS_REC_READ:
		sock_read(js, e);
		break;
	case HS_REC_CALL:
		call_event(js, e);
		break;
	case HS_REC_SOCK:
		sock_learn(js, (const void *)e->rec);
		break;
	case HS_REC_BOUND:
		sock_learn_bound(js, (const void *)e->rec);
		break;
	case HS_REC_COUNTER:
		on_counter(js, e);
		break;
	case HS_REC_TICK:
		on_tick(js, e->time);
		break;
	case HS_REC_LOSS:
		on_loss(js, e);
		break;
	case HS_REC_END:
		on_end(js, e->time);
		break;
	}
	return js->error;
}
