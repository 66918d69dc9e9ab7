// SPDX-License-Identifier: BSD-2-Clause
#include "refusals.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "rtnl.h"

static struct hs_rec_refusal *refusal_add(struct hs_refusals *all, enum hs_refusal_what what,
					  uint8_t family, uint8_t type)
{
	struct hs_rec_refusal *rec;

	if (all->n == HS_REFUSALS_MAX)
		return NULL;
	rec = &all->list[all->n++];
	*rec = (struct hs_rec_refusal){ .what = what, .type = type };
	rec->dst.family = rec->src.family = family;
	return rec;
}

static void refusal_address(struct hs_sa *sa, const struct nlattr *attr)
{
	size_t len = sa->family == AF_INET6 ? 16 : 4;

	if (mnl_attr_get_payload_len(attr) == len)
		memcpy(sa->addr, mnl_attr_get_payload(attr), len);
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct hs_rec_refusal *rec;

	/* Before 4.20 the kernel does not filter. */
	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_type < RTN_BLACKHOLE ||
	    rtm->rtm_type > RTN_THROW)
		return MNL_CB_OK;
	rec = refusal_add(ctx, HS_REFUSAL_ROUTE, rtm->rtm_family, rtm->rtm_type);
	if (!rec)
		return MNL_CB_OK;
	rec->dst_plen = rtm->rtm_dst_len;
	rec->number = rtm->rtm_table;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_DST)
			refusal_address(&rec->dst, attr);
		else if (mnl_attr_get_type(attr) == RTA_TABLE)
			rec->number = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	bool inverted = rule->flags & FIB_RULE_INVERT;
	const struct nlattr *attr;
	struct hs_rec_refusal *rec;

	if (nlh->nlmsg_type != RTM_NEWRULE || rule->action < FR_ACT_BLACKHOLE ||
	    rule->action > FR_ACT_PROHIBIT)
		return MNL_CB_OK;
	rec = refusal_add(ctx, HS_REFUSAL_RULE, rule->family, rule->action);
	if (!rec)
		return MNL_CB_OK;
	rec->dst_plen = inverted ? 0 : rule->dst_len;
	rec->src_plen = inverted ? 0 : rule->src_len;
	mnl_attr_for_each(attr, nlh, sizeof(*rule))
	{
		if (mnl_attr_get_type(attr) == FRA_DST)
			refusal_address(&rec->dst, attr);
		else if (mnl_attr_get_type(attr) == FRA_SRC)
			refusal_address(&rec->src, attr);
		else if (mnl_attr_get_type(attr) == FRA_PRIORITY)
			rec->number = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

/* A type at a time: the kernel of a router with a million routes does not send them all. */
static int read_routes(struct mnl_socket *nl, struct hs_refusals *ret)
{
	int err = 0;

	for (uint8_t type = RTN_BLACKHOLE; !err && type <= RTN_THROW; type++) {
		struct rtmsg ask = { .rtm_family = AF_INET, .rtm_type = type };

		err = rtnl_dump(nl, RTM_GETROUTE, &ask, sizeof(ask), on_route, ret);
	}
	return err;
}

static int read_rules(struct mnl_socket *nl, uint8_t family, struct hs_refusals *ret)
{
	struct fib_rule_hdr ask = { .family = family };
	int err = rtnl_dump(nl, RTM_GETRULE, &ask, sizeof(ask), on_rule, ret);

	/* A kernel without rules, or without IPv6. */
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

int refusals_read(struct hs_refusals *ret)
{
	struct mnl_socket *nl = rtnl_open();
	int err;

	if (!nl)
		return -errno;
	ret->n = 0;
	err = read_routes(nl, ret);
	if (!err)
		err = read_rules(nl, AF_INET, ret);
	if (!err)
		err = read_rules(nl, AF_INET6, ret);
	mnl_socket_close(nl);
	return err;
}
