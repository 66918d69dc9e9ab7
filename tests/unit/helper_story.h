/* SPDX-License-Identifier: BSD-2-Clause */
/* One stream with something of everything, for those who test what goes through, not what it means.
 */
#ifndef HELPER_STORY_H
#define HELPER_STORY_H

#include "helper_stream.h"

/* Names, a dozen packets of several kinds, losses, END. */
void story_tell(struct stream *s);

#endif
