/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which journeys are shown. The selection travels in the recording (HS_REC_START) as words:
 *   followed           sockets of followed processes select
 *   netns NAME         a namespace's label; repeatable, any of them
 *   dev NAME           a device's name; repeatable, any of them
 *   filter EXPR        pcap-filter(7), at the packet's birth
 *   all                noise is shown too
 *   without A P A P    leave out TCP between these two endpoints (the terminal's own connection)
 * The kinds combine: a journey has to satisfy each that is given. Pure.
 */
#ifndef HS_SELECT_H
#define HS_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "filter.h"
#include "model.h"

struct hs_words {
	char **word;
	size_t n;
};

struct hs_select {
	bool followed;
	bool all;
	struct hs_words netns;
	struct hs_words devs;
	struct hs_words filter_text;
	struct hs_filter **filters; /* one for each of filter_text: all have to match */
	bool has_without;
	struct hs_endpoint without[2];
	uint32_t
		tables; /* packets and connections that are remembered at once, 0: as many as are usual */
};

int words_add(struct hs_words *words, const char *word);
bool words_have(const struct hs_words *words, const char *word);
void words_free(struct hs_words *words);

/* Adds the words of a recording to `select`. -EINVAL and `err` for a word that is not understood.
 */
int select_add_spec(struct hs_select *select, const char *spec, size_t len, char *err,
		    size_t err_len);
/* -EINVAL and `err` for an expression that does not compile. */
int select_add_filter(struct hs_select *select, const char *expr, char *err, size_t err_len);
/* The selection as words; *ret is to be freed. */
int select_spec(const struct hs_select *select, char **ret, size_t *ret_len);
void select_free(struct hs_select *select);

/* Do all filters match a packet whose captured headers are `data`? True without filters. */
bool select_filters_match(const struct hs_select *select, uint16_t ethertype, uint32_t l3_length,
			  const uint8_t *data, size_t len);
/* Is it the connection that is left out? */
bool select_is_without(const struct hs_select *select, const struct hs_packet *packet);

#endif
