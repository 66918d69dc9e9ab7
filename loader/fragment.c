// SPDX-License-Identifier: BSD-2-Clause
/* A fragment that was received is kept until the others of its datagram are there, or given up. */
#include <string.h>

#include "engine.h"
#include "packet.h"

#define WAIT_NS 61000000000ull /* IPV6_FRAG_TIMEOUT; ipfrag_time may be set longer */
#define DEPTH	1000	       /* the others are born soon before or after it */

bool fragment_waits(const struct hs_journeys *js, const struct node *n, uint64_t now)
{
	/* Where it was is another packet (address 0): its data was moved to one of the others. */
	return n->j.packet.fragmented && node_is_open(n) &&
	       node_timed_stage(n) == HS_STAGE_RECEIVE && !n->whole && n->address &&
	       js->lost.total == n->lost_before && now < n->last + WAIT_NS;
}

bool fragment_is_given_up(const struct node *n, const char *function)
{
	return n->j.packet.fragmented && (!strcmp(function, "inet_frag_rbtree_purge") ||
					  !strcmp(function, "inet_frag_destroy"));
}

void fragment_is_whole(struct hs_journeys *js, const struct node *n)
{
	struct node *other = js->open;

	if (!n->j.packet.fragmented)
		return;
	/* utlist: the head's prev is the tail */
	for (int depth = 0; other && depth < DEPTH; depth++) {
		other = other->prev;
		if (other->netns == n->netns &&
		    packet_same_datagram(&other->j.packet, &n->j.packet))
			other->whole = true;
		if (other == js->open)
			break;
	}
}

void fragment_consumed(struct hs_journeys *js, const struct node *n, const char *function)
{
	/* The first is freed when the last has taken its place; before 6.3 nothing says where. */
	if (!strcmp(function, "inet_frag_reasm_prepare") || !strstr(function, "frag"))
		fragment_is_whole(js, n);
}
