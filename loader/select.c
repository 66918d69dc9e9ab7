// SPDX-License-Identifier: BSD-2-Clause
#include "select.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int words_add(struct hs_words *words, const char *word)
{
	char **grown = realloc(words->word, (words->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	words->word = grown;
	grown[words->n] = strdup(word);
	if (!grown[words->n])
		return -ENOMEM;
	words->n++;
	return 0;
}

bool words_have(const struct hs_words *words, const char *word)
{
	for (size_t i = 0; i < words->n; i++)
		if (!strcmp(words->word[i], word))
			return true;
	return false;
}

void words_free(struct hs_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct hs_words){ 0 };
}

int select_add_filter(struct hs_select *select, const char *expr, char *err, size_t err_len)
{
	struct hs_filter **grown;
	struct hs_filter *filter;
	int r = filter_compile(&filter, expr, err, err_len);

	if (r)
		return r;
	grown = realloc(select->filters, (select->filter_text.n + 1) * sizeof(*grown));
	if (!grown) {
		filter_free(filter);
		return -ENOMEM;
	}
	select->filters = grown;
	grown[select->filter_text.n] = filter;
	r = words_add(&select->filter_text, expr);
	if (r)
		filter_free(filter);
	return r;
}

static int select_endpoint(struct hs_endpoint *ret, const char *addr, const char *port)
{
	struct hs_endpoint ep = { 0 };

	if (inet_pton(AF_INET, addr, ep.addr.bytes) == 1)
		ep.addr.family = AF_INET;
	else if (inet_pton(AF_INET6, addr, ep.addr.bytes) == 1)
		ep.addr.family = AF_INET6;
	else
		return -EINVAL;
	ep.port = strtoul(port, NULL, 10);
	*ret = ep;
	return 0;
}

/* How many arguments follow a word, -1 for an unknown one. */
static int select_arguments(const char *word)
{
	if (!strcmp(word, "followed") || !strcmp(word, "all"))
		return 0;
	if (!strcmp(word, "netns") || !strcmp(word, "dev") || !strcmp(word, "filter") ||
	    !strcmp(word, "tables"))
		return 1;
	return strcmp(word, "without") ? -1 : 4;
}

int select_add_spec(struct hs_select *select, const char *spec, size_t len, char *err,
		    size_t err_len)
{
	const char *end = spec + len;

	if (len && spec[len - 1])
		goto bad;
	while (spec < end) {
		const char *word = spec, *arg[4];
		int n = select_arguments(word), r = 0;

		spec += strlen(spec) + 1;
		if (n < 0)
			goto bad;
		for (int i = 0; i < n; i++) {
			if (spec >= end)
				goto bad;
			arg[i] = spec;
			spec += strlen(spec) + 1;
		}
		if (!strcmp(word, "followed")) {
			select->followed = true;
		} else if (!strcmp(word, "all")) {
			select->all = true;
		} else if (!strcmp(word, "netns")) {
			r = words_add(&select->netns, arg[0]);
		} else if (!strcmp(word, "dev")) {
			r = words_add(&select->devs, arg[0]);
		} else if (!strcmp(word, "tables")) {
			select->tables = strtoul(arg[0], NULL, 10);
		} else if (!strcmp(word, "filter")) {
			r = select_add_filter(select, arg[0], err, err_len);
		} else {
			if (select_endpoint(&select->without[0], arg[0], arg[1]) ||
			    select_endpoint(&select->without[1], arg[2], arg[3]))
				goto bad;
			select->has_without = true;
		}
		if (r)
			return r;
	}
	return 0;
bad:
	snprintf(err, err_len, "the selection in the recording is not understood");
	return -EINVAL;
}

static void select_word(FILE *f, const char *word)
{
	fwrite(word, strlen(word) + 1, 1, f);
}

static void select_words(FILE *f, const char *kind, const struct hs_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		select_word(f, kind);
		select_word(f, words->word[i]);
	}
}

int select_spec(const struct hs_select *select, char **ret, size_t *ret_len)
{
	char *spec = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&spec, &len);

	if (!f)
		return -ENOMEM;
	if (select->followed)
		select_word(f, "followed");
	if (select->all)
		select_word(f, "all");
	if (select->tables) {
		char text[16];

		snprintf(text, sizeof(text), "%u", select->tables);
		select_word(f, "tables");
		select_word(f, text);
	}
	select_words(f, "netns", &select->netns);
	select_words(f, "dev", &select->devs);
	select_words(f, "filter", &select->filter_text);
	if (select->has_without) {
		select_word(f, "without");
		for (int i = 0; i < 2; i++) {
			const struct hs_endpoint *ep = &select->without[i];
			char text[INET6_ADDRSTRLEN];

			inet_ntop(ep->addr.family, ep->addr.bytes, text, sizeof(text));
			select_word(f, text);
			snprintf(text, sizeof(text), "%u", ep->port);
			select_word(f, text);
		}
	}
	if (fclose(f)) {
		free(spec);
		return -ENOMEM;
	}
	*ret = spec;
	*ret_len = len;
	return 0;
}

void select_free(struct hs_select *select)
{
	for (size_t i = 0; i < select->filter_text.n; i++)
		filter_free(select->filters[i]);
	free(select->filters);
	words_free(&select->netns);
	words_free(&select->devs);
	words_free(&select->filter_text);
}

bool select_filters_match(const struct hs_select *select, uint16_t ethertype, uint32_t l3_length,
			  const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < select->filter_text.n; i++)
		if (!filter_match(select->filters[i], ethertype, l3_length, data, len))
			return false;
	return true;
}

bool select_is_without(const struct hs_select *select, const struct hs_packet *packet)
{
	const struct hs_endpoint *w = select->without;

	if (!select->has_without || packet->proto != IPPROTO_TCP)
		return false;
	return (packet_same_endpoint(&packet->src, &w[0]) &&
		packet_same_endpoint(&packet->dst, &w[1])) ||
	       (packet_same_endpoint(&packet->src, &w[1]) &&
		packet_same_endpoint(&packet->dst, &w[0]));
}
