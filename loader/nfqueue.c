// SPDX-License-Identifier: BSD-2-Clause
/*
 * NFQUEUE: a rule gives a packet to a program, which says later what becomes of it. The packet then goes on
 * in that program's call (nfqnl_reinject(), net/netfilter/nfnetlink_queue.c), which is not what sent it.
 */
#include "engine.h"
#include "stages.h"

/* include/uapi/linux/netfilter.h, NF_DROP and so on */
static const char *const verdicts[] = { "drop",		 "accept", "stolen", "to another queue",
					"ask once more", "accept" };

const char *nfqueue_text(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_func *rec = (const void *)e->rec;
	uint8_t verdict = (uint8_t)rec->ret;

	if (e->rec->stage == HS_STAGE_NFQUEUE_OUT)
		return names_internf(js->names, "%s: waits in queue %u for a verdict",
				     rules_hook(rec->hook), (unsigned int)rec->ret);
	return names_internf(js->names, "%s: %s said %s", rules_hook(rec->hook),
			     tell_task(js, &e->task),
			     verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict]
									      : "nothing known");
}

const char *nfqueue_back_text(struct hs_journeys *js, const struct hs_event *e)
{
	return js->probed[HS_STAGE_NFQUEUE_BACK]
		       ? ""
		       : names_internf(js->names, "came back from %s (NFQUEUE)",
				       tell_task(js, &e->task));
}

void nfqueue_passed(struct hs_journeys *js, const struct hs_event *e)
{
	struct context *c = context_of(js, e, true);

	if (!c)
		return;
	c->nfqueue = e->rec->stage;
	c->nfqueue_skb = ((const struct hs_rec_func *)e->rec)->at.skb;
	c->nfqueue_time = e->time;
}

bool nfqueue_told(struct hs_journeys *js, const struct hs_event *e)
{
	const struct hs_rec_func *rec = (const void *)e->rec;
	const struct context *c = context_of(js, e, false);

	return e->rec->stage == HS_STAGE_NETFILTER && !(int)rec->ret && c &&
	       c->nfqueue == HS_STAGE_NFQUEUE_OUT && c->nfqueue_skb == rec->at.skb;
}

bool nfqueue_is_verdict(const char *function)
{
	const struct hs_stage_info *stage = stage_of_function(function);

	return stage && stage->id == HS_STAGE_NFQUEUE_BACK;
}

/* Is a verdict carried out in this call? Where functions are probed one of them told; else the stack does. */
static bool verdict_is_now(struct hs_journeys *js, const struct hs_event *e)
{
	const struct context *c = context_of(js, e, false);

	if (e->softirq)
		return false;
	for (size_t i = 0; i < e->n_functions; i++)
		if (nfqueue_is_verdict(e->functions[i]))
			return true;
	return !e->n_functions && c && c->nfqueue == HS_STAGE_NFQUEUE_BACK &&
	       !(c->has_call && c->call.e.time > c->nfqueue_time);
}

/* Has what came back been received here, so that a packet that is born now is another? */
static bool is_received_there(const struct hs_event *e)
{
	for (size_t i = 0; i < e->n_functions; i++) {
		const struct hs_stage_info *stage = stage_of_function(e->functions[i]);

		if (stage && (stage->id == HS_STAGE_IP_LOCAL || stage->id == HS_STAGE_LOCAL_IN ||
			      stage->id == HS_STAGE_PROTOCOL))
			return true;
	}
	return false;
}

enum nfqueue_birth nfqueue_born(struct hs_journeys *js, const struct hs_event *e,
				struct node **ret_cause)
{
	const struct hs_rec_birth *birth = (const void *)e->rec;
	const struct context *c = context_of(js, e, false);

	*ret_cause = NULL;
	if (!verdict_is_now(js, e))
		return HS_NFQUEUE_NOT;
	if (c && c->nfqueue == HS_STAGE_NFQUEUE_BACK) {
		if (c->nfqueue_skb == birth->at.skb)
			return HS_NFQUEUE_BACK;
		*ret_cause = node_by_address(js, c->nfqueue_skb);
		return HS_NFQUEUE_MEANWHILE;
	}
	return is_received_there(e) ? HS_NFQUEUE_MEANWHILE : HS_NFQUEUE_BACK;
}
