/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names learned from the stream, and the store that owns every string of the model.
 * Pure: fed by records only (decode.c), never by the system; knows no clock and no file.
 */
#ifndef HS_NAMES_H
#define HS_NAMES_H

#include <stdint.h>

#include "model.h"

struct hs_names;

struct hs_device {
	const char *name; /* "" unknown */
	const char *kind; /* "veth", "loopback", "" physical or unknown */
	uint32_t mtu;
};

/* NULL when out of memory. */
struct hs_names *names_new(void);
void names_free(struct hs_names *names);

/* The one copy of `s` (at most `len` bytes, ends at a NUL); lives as long as the store. */
const char *names_intern(struct hs_names *names, const char *s, size_t len);
const char *names_internf(struct hs_names *names, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Learn. A later record replaces an earlier one. 0 or -ENOMEM. */
int names_learn_netns(struct hs_names *names, const struct hs_rec_netns *rec);
int names_learn_device(struct hs_names *names, const struct hs_rec_dev *rec);
int names_learn_qdisc(struct hs_names *names, const struct hs_rec_qdisc *rec);
int names_learn_symbol(struct hs_names *names, uint64_t addr, const char *text);
int names_learn_reason(struct hs_names *names, uint64_t reason, const char *text);
int names_learn_rst_reason(struct hs_names *names, uint64_t reason, const char *text);
int names_learn_function(struct hs_names *names, uint32_t fn, enum hs_backend backend,
			 const char *text);
int names_learn_task(struct hs_names *names, const struct hs_rec_task *rec);

/* Look up. Never NULL: an unknown namespace is "net:?", others "". */
const char *names_netns(struct hs_names *names, uint32_t netns);
struct hs_device names_device(struct hs_names *names, uint32_t netns, uint32_t ifindex);
/* The kind of a device's queueing discipline, "netem". */
const char *names_qdisc(struct hs_names *names, uint32_t netns, uint32_t ifindex);
const char *names_symbol(struct hs_names *names, uint64_t addr);
/* Of a probed function, by its number in HS_REC_FUNC; *ret_backend HS_BY_STACK: unknown. */
const char *names_function(struct hs_names *names, uint32_t fn, enum hs_backend *ret_backend);
const char *names_rst_reason(struct hs_names *names, uint32_t reason);
const char *names_reason(struct hs_names *names, uint32_t reason);
struct hs_task names_task(struct hs_names *names, uint32_t pid, uint32_t tid);

#endif
