// SPDX-License-Identifier: BSD-2-Clause
#include "ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>

#include "json_get.h"

static int ruleset_add(struct hs_ruleset *rules, const char *item)
{
	char **items = realloc(rules->items, (rules->n + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	rules->items = items;
	items[rules->n] = strdup(item);
	if (!items[rules->n])
		return -ENOMEM;
	rules->n++;
	return 0;
}

void ruleset_free(struct hs_ruleset *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		free(rules->items[i]);
	free(rules->items);
	*rules = (struct hs_ruleset){ 0 };
}

/* ---- words ---- */

/* Where the reader of `nft -a list ruleset` is: "table inet filter {", "chain output {", rules. */
struct listing {
	char family[16], table[128], chain[128];
	char *rule; /* so far; a long one has several lines */
	size_t len;
};

static int listing_append(struct listing *l, const char *line, size_t len)
{
	size_t room = l->len + len + 2;
	char *rule = realloc(l->rule, room);

	if (!rule)
		return -ENOMEM;
	l->rule = rule;
	if (l->len)
		rule[l->len++] = ' ';
	memcpy(rule + l->len, line, len);
	l->len += len;
	rule[l->len] = '\0';
	return 0;
}

/* The rule of that handle gets its words. */
static void listing_give(const struct listing *l, struct json_object *all, uint64_t handle)
{
	for (size_t i = 0; i < json_get_length(all); i++) {
		struct json_object *rule = json_get(json_object_array_get_idx(all, i), "rule");

		if (rule && (uint64_t)json_object_get_int64(json_get(rule, "handle")) == handle &&
		    !strcmp(json_get_word(rule, "family"), l->family) &&
		    !strcmp(json_get_word(rule, "table"), l->table) &&
		    !strcmp(json_get_word(rule, "chain"), l->chain)) {
			json_object_object_add(rule, "text", json_object_new_string(l->rule));
			return;
		}
	}
}

static int listing_line(struct listing *l, struct json_object *all, const char *line, size_t len)
{
	static const char mark[] = " # handle ";
	const char *handle = NULL;
	char word[512];
	int err = 0;

	while (len && strchr("\t ", *line))
		line++, len--;
	snprintf(word, sizeof(word), "%.*s", (int)len, line);
	if (sscanf(word, "table %15s %127s {", l->family, l->table) == 2)
		return 0;
	if (sscanf(word, "chain %127s {", l->chain) == 1) {
		l->len = 0;
		return 0;
	}
	if (!strcmp(word, "}")) {
		l->chain[0] = '\0';
		return 0;
	}
	if (!*l->chain ||
	    (!l->len && (!strncmp(word, "type ", 5) || !strncmp(word, "comment ", 8))))
		return 0;
	for (size_t i = 0; i + strlen(mark) < len; i++)
		if (!strncmp(line + i, mark, strlen(mark)))
			handle = line + i;
	err = listing_append(l, line, handle ? (size_t)(handle - line) : len);
	if (!err && handle) {
		listing_give(l, all, strtoull(handle + strlen(mark), NULL, 10));
		l->len = 0;
	}
	return err;
}

static int listing_read(struct json_object *all, const char *text)
{
	struct listing l = { .chain = "" };
	int err = 0;

	while (!err && *text) {
		size_t len = strcspn(text, "\n");

		err = listing_line(&l, all, text, len);
		text += len + (text[len] == '\n');
	}
	free(l.rule);
	return err;
}

int ruleset_parse(struct hs_ruleset *ret, const char *json, const char *text)
{
	struct json_object *root = json_tokener_parse(json), *all = json_get(root, "nftables");
	int err = all && json_object_is_type(all, json_type_array) ? listing_read(all, text)
								   : -EPROTO;

	for (size_t i = 0; !err && i < json_get_length(all); i++) {
		struct json_object *item = json_object_array_get_idx(all, i);

		if (json_get(item, "chain") || json_get(item, "rule") || json_get(item, "set") ||
		    json_get(item, "map"))
			err = ruleset_add(
				ret, json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN));
	}
	json_object_put(root);
	return err;
}

/* ---- the kernel ---- */

static int generation_attr(const struct nlattr *attr, void *data)
{
	uint32_t *generation = data;

	if (mnl_attr_get_type(attr) == NFTA_GEN_ID && !mnl_attr_validate(attr, MNL_TYPE_U32))
		*generation = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int generation_message(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), generation_attr, data);
}

static const char legacy4[] = "/proc/thread-self/net/ip_tables_names";
static const char legacy6[] = "/proc/thread-self/net/ip6_tables_names";

static unsigned int count_words(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0;
	char word[64];

	while (f && fscanf(f, "%63s", word) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

int ruleset_generation(uint32_t *ret)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;
	uint32_t generation = 0;
	ssize_t len;
	int err = -EIO;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		err = len > 0 && mnl_cb_run(buf, (size_t)len, 1, mnl_socket_get_portid(nl),
					    generation_message, &generation) >= 0
			      ? 0
			      : -errno;
	}
	mnl_socket_close(nl);
	if (!err)
		*ret = generation + (count_words(legacy4) << 28) + (count_words(legacy6) << 24);
	return err;
}

/* What the command prints; NULL: it failed, and `error` says why. */
static const char *run(struct nft_ctx *nft, unsigned int flags, char *error, size_t error_len)
{
	nft_ctx_output_set_flags(nft, flags);
	if (!nft_run_cmd_from_buffer(nft, "list ruleset"))
		return nft_ctx_get_output_buffer(nft);
	snprintf(error, error_len, "%s", nft_ctx_get_error_buffer(nft));
	error[strcspn(error, "\n")] = '\0';
	return NULL;
}

static int read_nft(struct hs_ruleset *rules)
{
	struct nft_ctx *nft;
	const char *text;
	char *json = NULL;
	int err = 0;

	if (ruleset_generation(&rules->generation))
		return 0; /* there is no nf_tables */
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return -ENOMEM;
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	text = run(nft, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_ALL, rules->error,
		   sizeof(rules->error));
	json = text ? strdup(text) : NULL;
	text = json ? run(nft, NFT_CTX_OUTPUT_HANDLE, rules->error, sizeof(rules->error)) : NULL;
	if (text)
		err = ruleset_parse(rules, json, text);
	if (err == -EPROTO) {
		snprintf(rules->error, sizeof(rules->error), "libnftables lists no JSON");
		err = 0;
	}
	free(json);
	nft_ctx_free(nft);
	return err;
}

static int read_legacy(struct hs_ruleset *rules, const char *family, const char *path)
{
	FILE *f = fopen(path, "re");
	char table[64], item[160];
	int err = 0;

	while (f && !err && fscanf(f, "%63s", table) == 1) {
		snprintf(item, sizeof(item), "{\"legacy\":{\"family\":\"%s\",\"table\":\"%s\"}}",
			 family, table);
		err = ruleset_add(rules, item);
	}
	if (f)
		fclose(f);
	return err;
}

int ruleset_read(struct hs_ruleset *ret, bool nft)
{
	struct hs_ruleset rules = { 0 };
	int err = read_legacy(&rules, "ip", legacy4);

	if (!err)
		err = read_legacy(&rules, "ip6", legacy6);
	if (!err && (!rules.n || nft))
		err = read_nft(&rules);
	if (err) {
		ruleset_free(&rules);
		return err;
	}
	*ret = rules;
	return 0;
}
