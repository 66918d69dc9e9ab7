// SPDX-License-Identifier: BSD-2-Clause
#include "source.h"

#include <errno.h>
#include <string.h>

/* 1: a record; 0: end of file; -ENODATA: the file ends inside a record. */
static int recording_next(FILE *file, void *buf, size_t room)
{
	struct hs_hdr *hdr = buf;
	size_t n = fread(hdr, 1, sizeof(*hdr), file);

	if (!n)
		return ferror(file) ? -EIO : 0;
	if (n < sizeof(*hdr) || hdr->size < sizeof(*hdr) || hdr->size > room)
		return -ENODATA;
	n = hdr->size - sizeof(*hdr);
	if (fread(hdr + 1, 1, n, file) < n)
		return ferror(file) ? -EIO : -ENODATA;
	return 1;
}

static int recording_check_start(const struct hs_rec_start *start, char *err, size_t err_len)
{
	if (start->hdr.type != HS_REC_START || start->hdr.size < sizeof(*start) ||
	    memcmp(start->magic, "HOPSCOPE", sizeof(start->magic))) {
		snprintf(err, err_len, "not a recording of trace -w");
		return -EPROTO;
	}
	if (start->abi != HS_ABI_VERSION) {
		snprintf(err, err_len, "recording has format %u, this trace reads format %u",
			 start->abi, HS_ABI_VERSION);
		return -EPROTO;
	}
	return 0;
}

int recording_read(FILE *file, hs_record_fn fn, void *ctx, char *err, size_t err_len)
{
	static _Alignas(8) char buf[UINT16_MAX + 1];
	const struct hs_hdr *hdr = (const struct hs_hdr *)buf;
	bool ended = false;
	int r = recording_next(file, buf, sizeof(buf));

	if (r == -EIO) {
		snprintf(err, err_len, "%s", strerror(errno));
		return r;
	}
	if (r <= 0) {
		snprintf(err, err_len, "not a recording of trace -w");
		return -EPROTO;
	}
	r = recording_check_start((const struct hs_rec_start *)buf, err, err_len);
	if (r)
		return r;
	do {
		r = fn(ctx, hdr);
		if (r)
			return r;
		ended = hdr->type == HS_REC_END;
		r = recording_next(file, buf, sizeof(buf));
	} while (r > 0);
	if (r < 0 || !ended) {
		snprintf(err, err_len,
			 "the recording is cut short: what it says last may be incomplete");
		return -ENODATA;
	}
	return 0;
}
