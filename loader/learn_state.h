/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of learning (learn.h): what its files share. learn.c takes each record and learns names of functions and
 * reasons; learn_netns.c namespaces and what is bound in them; learn_tables.c firewall rules and routes.
 *
 * All that emit return 0, -ENOMEM, or what `emit` returned; `out->time` is the time of the record that asked. What
 * cannot be read is left out.
 */
#ifndef HS_LEARN_STATE_H
#define HS_LEARN_STATE_H

#include <stdbool.h>

/* Out of memory: the element is left out of the table and `tbl` NULL says so. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "learn.h"
#include "netns_scan.h"
#include "prefixes.h"
#include "procnet.h"
#include "reason.h"
#include "symbols.h"

struct seen {
	uint64_t key;
	UT_hash_handle hh;
};

/* Where the counters of a namespace stood before tracing. */
struct learn_before {
	uint64_t cookie;
	uint64_t global, host, host6;
};

struct learn_netns {
	uint32_t id;
	uint32_t inum;
	char label[HS_NETNS_LABEL]; /* "" as long as it was not found */
	char path[HS_NETNS_PATH];   /* "" when there is no way in */
	bool skipped;		    /* a snapshot was put off */
	uint64_t snapshot;	    /* time of the last one, 0 none */
	uint64_t rules_asked;	    /* time of the last look at its firewall rules, 0 none */
	uint32_t generation;	    /* of these rules, 0 unknown */
	uint64_t refusals_asked;    /* time of the last look at the routes that refuse, 0 none */
	UT_hash_handle hh;
};

#define SEEN_MAX 8

/* The packets that a CPU saw last: their frees tell no namespace, and an answer may have come between. */
struct seen_packets {
	struct hs_where last[SEEN_MAX];
	size_t next; /* to be replaced */
};

struct hs_learn {
	uint64_t now; /* the latest time seen */
	uint64_t due; /* when a snapshot that was put off may be taken; 0 none */
	struct seen *addresses;
	struct seen *reasons, *rst_reasons;
	struct learn_netns *netns;
	struct learn_before *before;
	size_t n_before;
	bool cookies; /* the kernel tells them */
	struct hs_symbols *symbols;
	uint64_t symbols_loaded; /* when; 0 never */
	struct hs_reason_names *names;
	bool names_loaded;
	uint32_t no_socket;	      /* the reason that asks for snapshots; 0 not met yet */
	uint32_t netfilter;	      /* the one that asks for firewall rules; 0 not met yet */
	struct hs_procnet procnet;    /* of the snapshot being taken */
	bool nft;		      /* nf_tables was found in the kernel */
	uint64_t mini_asked;	      /* time of the last look for a minisocket */
	struct hs_prefixes *prefixes; /* NULL: none was asked for yet */
	struct seen_packets seen[HS_MAX_CPUS];
	const char *warning;
};

struct learn_out {
	hs_emit_fn emit;
	void *ctx;
	uint64_t time;
};

static inline struct hs_hdr learn_header(const struct learn_out *out, uint8_t type, size_t size)
{
	return (struct hs_hdr){ .type = type, .size = size, .time = out->time };
}

/* Where the counters stand now, in every namespace that can be entered. 0 or -ENOMEM. */
int learn_before_tracing(struct hs_learn *learn);

/* NULL: no record told of it yet. */
struct learn_netns *learn_find_netns(struct hs_learn *learn, uint32_t id);

/* Names the namespace, unless it is done. `inum` and `cookie` are 0 when the record has only the id. */
int learn_netns(struct hs_learn *learn, uint32_t id, uint32_t inum, uint64_t cookie,
		const struct learn_out *out);

/* No socket took a packet there: what is bound is told, now or when it is due. */
int learn_snapshot(struct hs_learn *learn, uint32_t id, const struct learn_out *out);

/* Takes what was put off and may be taken at `out->time`; all of it when `force`. */
int learn_snapshots_due(struct hs_learn *learn, bool force, const struct learn_out *out);

/* Whether a TCP socket that closes leaves a minisocket is looked up, as tcp_time_wait() has no event. */
int learn_mini(struct hs_learn *learn, const struct hs_rec_tcp *rec, const struct learn_out *out);

/* Netfilter dropped a packet there: by which rule is concluded from them all. */
int learn_rules(struct hs_learn *learn, uint32_t id, const struct learn_out *out);

/* A call or a packet found no route there. */
int learn_refusals(struct hs_learn *learn, uint32_t id, const struct learn_out *out);

/* An IPv4 table answered with a route: by which prefix is told just before that. */
int learn_prefix(struct hs_learn *learn, const struct hs_rec_route *rec,
		 const struct learn_out *out);

#endif
