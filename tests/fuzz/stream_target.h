/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is fuzzed: a recording, as a file of unknown origin, through every view. The first two bytes
 * choose how it is shown, the rest is the file.
 */
#ifndef STREAM_TARGET_H
#define STREAM_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../loader/only.h"
#include "../../loader/pipeline.h"
#include "../../loader/source.h"

static inline void stream_target(const uint8_t *data, size_t size)
{
	static char *no_reason[] = { "NO_SOCKET" };
	static const char expected[] =
		"call as $c; drop id=$c as $d; icmp cause=$d; { read; unread; told }; no refused;"
		"journey text~x via~x passes~x stage!~x; state x9+; socket x9+; signal x9+; blocked x9+;"
		"flow x9+; reset x9+; retransmission x9+; queued x9+";
	struct hs_show show = { 0 };
	struct hs_pipeline *p;
	FILE *in, *out;
	char err[256];

	if (size < 3)
		return;
	show.view = data[0] & 3;
	show.render.verbose = data[0] >> 2 & 3;
	show.render.ascii = data[0] >> 4 & 1;
	show.render.plain = data[0] >> 5 & 1;
	show.render.color = data[0] >> 6 & 1;
	show.render.json_hops = data[0] >> 7;
	show.render.time = data[1] & 3;
	show.only = data[1] >> 2 & 0x3f & (HS_ONLY_DROPPED | HS_ONLY_UNREAD | HS_ONLY_UNKNOWN);
	if (show.only & HS_ONLY_UNREAD)
		show.reasons = (struct hs_words){ .word = no_reason, .n = 1 };
	show.render.width = data[1] >> 2;
	if (data[1] & 1 && expect_add(&show.expect, expected, err, sizeof(err)))
		abort();
	in = fmemopen((void *)(data + 2), size - 2, "r");
	out = fopen("/dev/null", "we");
	if (!in || !out || pipeline_new(&p, out, &show, NULL))
		abort();
	recording_read(in, pipeline_record, p, err, sizeof(err));
	if (show.expect.n) {
		const struct text_style style = { .ascii = show.render.ascii };
		struct text report;

		text_init(&report, &style);
		pipeline_verdict(p, &report);
		text_free(&report);
	}
	pipeline_free(p);
	expectations_free(&show.expect);
	fclose(in);
	fclose(out);
}

#endif
