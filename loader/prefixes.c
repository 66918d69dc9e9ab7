// SPDX-License-Identifier: BSD-2-Clause
#include "prefixes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netns_enter.h"
#include "rtnl.h"

#define IPV4_LEN   4
#define IPV4_BITS  32

#define HOPS_MAX   1024
#define TABLES_MAX 8
#define EVERY	   20000000ull /* ns: between two looks at a table */
#define SOON	   1000000ull  /* ns: the same, when none of its routes led there */

struct table {
	uint32_t netns, number;
	uint64_t asked; /* time of the last look, 0 none */
	struct hs_prefix *hops;
	size_t n;
};

struct hs_prefixes {
	struct table tables[TABLES_MAX];
	size_t next; /* to be replaced */
};

struct hs_prefixes *prefixes_new(void)
{
	return calloc(1, sizeof(struct hs_prefixes));
}

void prefixes_free(struct hs_prefixes *prefixes)
{
	for (size_t i = 0; prefixes && i < TABLES_MAX; i++)
		free(prefixes->tables[i].hops);
	free(prefixes);
}

/* ---- reading one ---- */

/* Where one next hop leads: an mnl_attr_cb_t over the route's attributes, or those of one of several. */
static int on_next_hop(const struct nlattr *attr, void *ctx)
{
	size_t len = mnl_attr_get_payload_len(attr);
	struct hs_prefix *ret = ctx;
	const struct rtvia *via;

	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (len == sizeof(ret->oif))
			ret->oif = mnl_attr_get_u32(attr);
		break;
	case RTA_GATEWAY:
		if (len != IPV4_LEN)
			break;
		ret->via.family = AF_INET;
		memcpy(ret->via.addr, mnl_attr_get_payload(attr), len);
		break;
	case RTA_VIA:
		via = mnl_attr_get_payload(attr);
		if (len < sizeof(*via) || len - sizeof(*via) > sizeof(ret->via.addr))
			break;
		ret->via.family = via->rtvia_family;
		memcpy(ret->via.addr, via->rtvia_addr, len - sizeof(*via));
		break;
	}
	return MNL_CB_OK;
}

static int add(struct table *table, const struct hs_prefix *hop)
{
	if (table->n == HOPS_MAX) {
		errno = E2BIG;
		return MNL_CB_ERROR;
	}
	table->hops[table->n++] = *hop;
	return MNL_CB_OK;
}

/* RTA_MULTIPATH: one struct rtnexthop after the other, each with its attributes. */
static int add_each(struct table *table, const struct hs_prefix *of, const struct nlattr *attr)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	int left = mnl_attr_get_payload_len(attr), r = MNL_CB_OK;

	while (r == MNL_CB_OK && RTNH_OK(hop, left)) {
		struct hs_prefix prefix = *of;

		prefix.oif = (uint32_t)hop->rtnh_ifindex;
		mnl_attr_parse_payload(RTNH_DATA(hop), hop->rtnh_len - RTNH_LENGTH(0), on_next_hop,
				       &prefix);
		r = add(table, &prefix);
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return r;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *several = NULL;
	struct hs_prefix prefix = { .plen = rtm->rtm_dst_len };

	/* The event tells of a local address that it is one; what is cached is no route. */
	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_family != AF_INET ||
	    rtm->rtm_dst_len > IPV4_BITS || rtm->rtm_type == RTN_LOCAL ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
			several = attr;
		else if (mnl_attr_get_type(attr) == RTA_DST &&
			 mnl_attr_get_payload_len(attr) == IPV4_LEN)
			prefix.addr = ntohl(mnl_attr_get_u32(attr));
	}
	if (several)
		return add_each(ctx, &prefix, several);
	mnl_attr_parse(nlh, sizeof(*rtm), on_next_hop, &prefix);
	return add(ctx, &prefix);
}

static int read_routes(struct mnl_socket *nl, uint32_t number, struct table *ret)
{
	struct {
		struct rtmsg rtm;
		struct nlattr attr;
		uint32_t table;
	} ask = {
		.rtm.rtm_family = AF_INET,
		.attr = { .nla_len = sizeof(ask.attr) + sizeof(ask.table), .nla_type = RTA_TABLE },
		.table = number,
	};

	return rtnl_dump(nl, RTM_GETROUTE, &ask, sizeof(ask), on_route, ret);
}

/* Called in the namespace. One event stands for "main" and "local", fib_lookup() (include/net/ip_fib.h). */
static int run_read(void *ctx)
{
	struct table *table = ctx;
	struct mnl_socket *nl = rtnl_open();
	int err;

	if (!nl)
		return -errno;
	err = read_routes(nl, table->number, table);
	if (!err && table->number == RT_TABLE_MAIN)
		err = read_routes(nl, RT_TABLE_LOCAL, table);
	mnl_socket_close(nl);
	return err;
}

static void read_table(struct table *table, const char *path, uint32_t inum, uint64_t now)
{
	table->asked = now;
	table->n = 0;
	table->hops = table->hops ?: malloc(HOPS_MAX * sizeof(*table->hops));
	if (!table->hops || netns_run(path, inum, run_read, table))
		table->n = 0; /* what is read in part tells nothing */
}

/* ---- finding ---- */

static bool has_address(const struct hs_prefix *prefix, uint32_t addr)
{
	return !prefix->plen || !((prefix->addr ^ addr) >> (IPV4_BITS - prefix->plen));
}

static bool leads_there(const struct hs_prefix *prefix, const struct hs_rec_route *rec)
{
	size_t len = rec->via.family == AF_INET6 ? sizeof(rec->via.addr) : IPV4_LEN;

	return prefix->oif == rec->oif && prefix->via.family == rec->via.family &&
	       (!rec->via.family || !memcmp(prefix->via.addr, rec->via.addr, len));
}

int prefix_longest(const struct hs_prefix *list, size_t n, const struct hs_rec_route *rec)
{
	uint32_t addr;
	int best = -1;

	memcpy(&addr, rec->dst.addr, sizeof(addr));
	addr = ntohl(addr);
	for (size_t i = 0; i < n; i++)
		if (list[i].plen > best && has_address(&list[i], addr) &&
		    leads_there(&list[i], rec))
			best = list[i].plen;
	return best;
}

static struct table *table_of(struct hs_prefixes *prefixes, const struct hs_rec_route *rec)
{
	struct table *t;

	for (t = prefixes->tables; t < prefixes->tables + TABLES_MAX; t++)
		if (t->netns == rec->at.netns && t->number == rec->table)
			return t;
	t = &prefixes->tables[prefixes->next++ % TABLES_MAX];
	*t = (struct table){ .netns = rec->at.netns, .number = rec->table, .hops = t->hops };
	return t;
}

int prefixes_find(struct hs_prefixes *prefixes, const char *path, uint32_t inum,
		  const struct hs_rec_route *rec)
{
	struct table *t = table_of(prefixes, rec);
	int plen = prefix_longest(t->hops, t->n, rec);

	if (t->asked && rec->hdr.time < t->asked + (plen < 0 ? SOON : EVERY))
		return plen;
	read_table(t, path, inum, rec->hdr.time);
	return prefix_longest(t->hops, t->n, rec);
}
