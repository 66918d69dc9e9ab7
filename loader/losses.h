/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every way to lose information has a counter, losses.def. Those of the kernel come as HS_REC_LOSS records,
 * those of trace's own tables are counted by the journey engine. Pure.
 */
#ifndef HS_LOSSES_H
#define HS_LOSSES_H

#include "text.h"

/* The member of "losses" in JSON. */
const char *loss_name(enum hs_loss loss);

/* Takes over what a record tells, which is cumulative; fields that it does not have stay as they are. */
void losses_learn(struct hs_losses *losses, const struct hs_rec_loss *rec);

/* The table: a row each, its widths by its contents, wrapped to the style's; one line when nothing was lost. */
void losses_tell(const struct hs_losses *losses, struct text *t);

#endif
