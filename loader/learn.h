/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Learning names while tracing: sees every record of the kernel before it is passed on, and emits
 * the records of user space that decode will need for it. Live only: this is the one place where
 * the running system is asked, so that a recording holds all that a live view knew. It emits
 *
 * - HS_REC_SYM for each new address: frames of stacks, locations of frees. Nothing for an address
 *   in no function. All are return addresses, so the function is that of the byte before.
 * - HS_REC_REASON for each new reason of a drop.
 * - HS_REC_NETNS for each new namespace, when a DEV, SOCK or CALL record brings it. The key is the
 *   id in the record (of the cookie). Inode numbers are used again, so each new id is looked for
 *   anew and, where the kernel tells cookies (5.14), compared. The label is kept for the run and no
 *   two namespaces share one, see netns_scan.h; "net:4026532000" when it is gone already.
 * - HS_REC_COUNTER with it, the state before the first packet: from before tracing for a namespace
 *   that existed, zeros for one that came later.
 * - HS_REC_BOUND and HS_REC_COUNTER, a snapshot, near each drop for NO_SOCKET. All records of one
 *   snapshot have one time, the COUNTER last; what is not in it is not bound any more. At most one
 *   a namespace in 20 ms; what was put off is caught up on with the next record or tick.
 *
 * Emitted records have seq 0 and the time of the record that asked.
 */
#ifndef HS_LEARN_H
#define HS_LEARN_H

#include "../bpf/abi.h"

struct hs_learn;

/* Takes one record, valid during the call only. Negative errno ends it. */
typedef int (*hs_emit_fn)(void *ctx, const struct hs_hdr *rec);

/* To be called before tracing starts: reads where the counters stand. 0 or -ENOMEM. */
int learn_new(struct hs_learn **ret);
void learn_free(struct hs_learn *learn);

/*
 * A record of the kernel, or a tick. 0, -ENOMEM, or what `emit` returned. What cannot be found out
 * is no error; see learn_warning().
 */
int learn_record(struct hs_learn *learn, const struct hs_hdr *rec, hs_emit_fn emit, void *ctx);

/* Takes the snapshots that were put off, with the time of the last record. */
int learn_flush(struct hs_learn *learn, hs_emit_fn emit, void *ctx);

/* One sentence about names that will be missing and what to do; NULL when all is well so far. */
const char *learn_warning(const struct hs_learn *learn);

#endif
