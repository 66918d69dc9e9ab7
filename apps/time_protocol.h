/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TIME_PROTOCOL_H
#define TIME_PROTOCOL_H

/*
 * The time protocol: a client sends one datagram as a request, the server answers with one datagram
 * that carries the current time. Both have the same 24 bytes, each number in network byte order
 * (most significant byte first):
 *
 *	 0       4         6      8          12            16        24
 *	 +-------+---------+------+----------+-------------+---------+
 *	 | magic | version | type | sequence | nanoseconds | seconds |
 *	 +-------+---------+------+----------+-------------+---------+
 *
 * A message comes from the network, so anyone may have written it: both sides pass each one to
 * time_message_check() before they look at anything else in it.
 */

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define TIME_MAGIC   0x54494d45 /* "TIME" in ASCII */
#define TIME_VERSION 1
#define TIME_REQUEST 1
#define TIME_ANSWER  2

/* The last second of the year 9999: a later time does not fit into TIME_TEXT_SIZE. */
#define TIME_SECONDS_MAX 253402300799

/*
 * Every field has a fixed width and lies at a multiple of its width, so the compiler inserts no
 * padding and the structure has the same bytes on every machine.
 */
struct time_message {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t sequence;    /* chosen by the client; the answer repeats it */
	uint32_t nanoseconds; /* 0 in a request */
	uint64_t seconds;     /* since 1970-01-01 00:00:00 UTC; 0 in a request */
};
static_assert(sizeof(struct time_message) == 24, "the message has padding");

static inline void time_message_fill(struct time_message *ret_message, uint16_t type,
				     uint32_t sequence, struct timespec time)
{
	ret_message->magic = htobe32(TIME_MAGIC);
	ret_message->version = htobe16(TIME_VERSION);
	ret_message->type = htobe16(type);
	ret_message->sequence = htobe32(sequence);
	ret_message->nanoseconds = htobe32(time.tv_nsec);
	ret_message->seconds = htobe64(time.tv_sec);
}

/*
 * Says why a received message of `length` bytes is not a valid message of this type; NULL if it is
 * one. The length comes first: only then is it known that the fields were received at all.
 */
static inline const char *time_message_check(const struct time_message *message, size_t length,
					     uint16_t type)
{
	if (length < sizeof(*message))
		return "too short";
	if (length > sizeof(*message))
		return "too long";
	if (be32toh(message->magic) != TIME_MAGIC)
		return "wrong magic";
	if (be16toh(message->version) != TIME_VERSION)
		return "unknown version";
	if (be16toh(message->type) != type)
		return "wrong type";
	if (be32toh(message->nanoseconds) > 999999999)
		return "nanoseconds out of range";
	if (be64toh(message->seconds) > TIME_SECONDS_MAX)
		return "seconds out of range";
	return NULL;
}

/* The time in a message that time_message_check() has accepted. */
static inline struct timespec time_message_time(const struct time_message *message)
{
	return (struct timespec){
		.tv_sec = be64toh(message->seconds),
		.tv_nsec = be32toh(message->nanoseconds),
	};
}

#define TIME_TEXT_SIZE sizeof("9999-12-31 23:59:59.999999999 UTC")

static inline void time_format_utc(struct timespec time, char ret_text[static TIME_TEXT_SIZE])
{
	struct tm tm;
	size_t length;

	gmtime_r(&time.tv_sec, &tm);
	length = strftime(ret_text, TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(ret_text + length, TIME_TEXT_SIZE - length, ".%09ld UTC", time.tv_nsec);
}

#endif
