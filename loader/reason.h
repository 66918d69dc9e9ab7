/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of drop and reset reasons, from the BTF of the running kernel. Live only. What to say about a reason
 * is in reasons.h.
 */
#ifndef HS_REASON_H
#define HS_REASON_H

#include <stddef.h>
#include <stdint.h>

struct hs_reason_names;

/* Negative errno: the kernel's BTF cannot be read; -ENOENT: it has no enum skb_drop_reason (before 5.17). */
int reason_names_load(struct hs_reason_names **ret);

/* NULL is fine. */
void reason_names_free(struct hs_reason_names *names);

/*
 * Writes the name of a reason into buf: "NO_SOCKET" (the kernel's, without SKB_DROP_REASON_).
 * Reasons of a subsystem (enum skb_drop_reason_subsys in the high half) keep the name that the
 * subsystem gave them where the kernel's BTF has it, else "OPENVSWITCH:7"; others are "reason
 * 12345", as all are when `names` is NULL. 0 is NOT_SPECIFIED.
 */
void reason_name(const struct hs_reason_names *names, uint32_t reason, char *buf, size_t len);

/* The same for why an RST is sent: "NO_SOCKET" (enum sk_rst_reason, from 6.10). */
void reason_rst_name(const struct hs_reason_names *names, uint32_t reason, char *buf, size_t len);

#endif
