/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RANDOM_PROTOCOL_H
#define RANDOM_PROTOCOL_H

/*
 * The request of a random_client: 16 bytes, each number in network byte order (most significant
 * byte first). The server answers with as many bytes as were asked for and closes the connection.
 *
 *	 0       4         6       8       16
 *	 +-------+---------+-------+-------+
 *	 | magic | version | pause | bytes |
 *	 +-------+---------+-------+-------+
 */

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#define RANDOM_MAGIC	 0x52414e44 /* "RAND" in ASCII */
#define RANDOM_VERSION	 1
#define RANDOM_BYTES_MAX 1000000000000
#define RANDOM_PAUSE_MAX 60000

/*
 * Every field has a fixed width and lies at a multiple of its width, so the compiler inserts no
 * padding and the structure has the same bytes on every machine.
 */
struct random_request {
	uint32_t magic;
	uint16_t version;
	uint16_t pause; /* after each chunk that the server sends, in ms */
	uint64_t bytes;
};
static_assert(sizeof(struct random_request) == 16, "the request has padding");

/*
 * Says why a received request is not a valid one; NULL if it is. `length` is how much of it came
 * before the stream ended.
 */
static inline const char *random_request_check(const struct random_request *request, size_t length)
{
	if (length < sizeof(*request))
		return "too short";
	if (be32toh(request->magic) != RANDOM_MAGIC)
		return "wrong magic";
	if (be16toh(request->version) != RANDOM_VERSION)
		return "unknown version";
	if (be16toh(request->pause) > RANDOM_PAUSE_MAX)
		return "pause too long";
	if (be64toh(request->bytes) < 1 || be64toh(request->bytes) > RANDOM_BYTES_MAX)
		return "number of bytes out of range";
	return NULL;
}

#endif
