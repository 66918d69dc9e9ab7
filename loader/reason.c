// SPDX-License-Identifier: BSD-2-Clause
#include "reason.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <linux/btf.h>

/* SKB_DROP_REASON_SUBSYS_SHIFT of include/net/dropreason.h */
#define SUBSYS_SHIFT 16

struct named {
	uint32_t value;
	char *name;
};

struct table {
	struct named *list;
	size_t n;
};

struct hs_reason_names {
	struct table reasons;	 /* of the core and of subsystems */
	struct table subsystems; /* enum skb_drop_reason_subsys */
	struct table resets;	 /* enum sk_rst_reason */
};

static void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->list[i].name);
	free(table->list);
}

static int table_add(struct table *table, uint32_t value, const char *name)
{
	struct named *bigger = reallocarray(table->list, table->n + 1, sizeof(*bigger));
	char *copy = strdup(name);

	if (bigger)
		table->list = bigger;
	if (!bigger || !copy) {
		free(copy);
		return -ENOMEM;
	}
	table->list[table->n++] = (struct named){ value, copy };
	return 0;
}

static const char *table_find(const struct table *table, uint32_t value)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->list[i].value == value)
			return table->list[i].name;
	return NULL;
}

static const char *without(const char *prefix, const char *name)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) ? name : name + len;
}

/* Not reasons but bounds and masks. */
static bool is_marker(const char *name)
{
	return !strcmp(name, "SKB_DROP_REASON_MAX") ||
	       !strcmp(name, "SKB_DROP_REASON_SUBSYS_MASK") ||
	       !strcmp(name, "SKB_DROP_REASON_SUBSYS_NUM") || !strncmp(name, "__", 2);
}

static int add_enum(struct table *table, const struct btf *btf, const struct btf_type *t,
		    const char *prefix, bool subsystem)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;

	for (size_t i = 0; i < btf_vlen(t); i++) {
		uint32_t value = wide ? btf_enum64(t)[i].val_lo32 : (uint32_t)btf_enum(t)[i].val;
		const char *name = btf__name_by_offset(btf, wide ? btf_enum64(t)[i].name_off
								 : btf_enum(t)[i].name_off);
		int err;

		if (!name || is_marker(name) || (subsystem && value >> SUBSYS_SHIFT == 0))
			continue;
		err = table_add(table, value, without("SKB_", without(prefix, name)));
		if (err)
			return err;
	}
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static int read_enums(struct hs_reason_names *names, const struct btf *btf)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name;
		int err = 0;

		if (!btf_is_any_enum(t))
			continue;
		name = btf__name_by_offset(btf, t->name_off);
		if (!name)
			continue;
		if (!strcmp(name, "skb_drop_reason"))
			err = add_enum(&names->reasons, btf, t, "SKB_DROP_REASON_", false);
		else if (!strcmp(name, "skb_drop_reason_subsys"))
			err = add_enum(&names->subsystems, btf, t, "SKB_DROP_REASON_SUBSYS_",
				       false);
		else if (!strcmp(name, "sk_rst_reason"))
			err = add_enum(&names->resets, btf, t, "SK_RST_REASON_", false);
		else if (ends_with(name, "drop_reason")) /* mac80211_, ovs_, qdisc_ */
			err = add_enum(&names->reasons, btf, t, "", true);
		if (err)
			return err;
	}
	return names->reasons.n ? 0 : -ENOENT;
}

int reason_names_load(struct hs_reason_names **ret)
{
	struct hs_reason_names *names;
	struct btf *btf = btf__load_vmlinux_btf();
	int err;

	if (!btf)
		return errno && errno != ENOENT ? -errno : -EINVAL; /* ENOENT: see reason.h */
	names = calloc(1, sizeof(*names));
	err = names ? read_enums(names, btf) : -ENOMEM;
	btf__free(btf);
	if (err) {
		reason_names_free(names);
		return err;
	}
	*ret = names;
	return 0;
}

void reason_names_free(struct hs_reason_names *names)
{
	if (!names)
		return;
	table_free(&names->reasons);
	table_free(&names->subsystems);
	table_free(&names->resets);
	free(names);
}

void reason_name(const struct hs_reason_names *names, uint32_t reason, char *buf, size_t len)
{
	const char *name = names ? table_find(&names->reasons, reason) : NULL;
	uint32_t subsystem = reason >> SUBSYS_SHIFT;

	if (!reason)
		name = "NOT_SPECIFIED"; /* 0 is no reason: the tracepoint had none to tell, before 5.17 */
	if (name) {
		snprintf(buf, len, "%s", name);
		return;
	}
	name = names && subsystem ? table_find(&names->subsystems, subsystem) : NULL;
	if (name)
		snprintf(buf, len, "%s:%u", name, reason & ((1u << SUBSYS_SHIFT) - 1));
	else
		snprintf(buf, len, "reason %u", reason);
}

void reason_rst_name(const struct hs_reason_names *names, uint32_t reason, char *buf, size_t len)
{
	const char *name = names ? table_find(&names->resets, reason) : NULL;

	if (name)
		snprintf(buf, len, "%s", name);
	else
		snprintf(buf, len, "reason %u", reason);
}
