/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KV_PROTOCOL_H
#define KV_PROTOCOL_H

/*
 * The protocol of kv_store: over one TCP connection the client sends requests, and the server
 * answers each of them, in the same order. Requests and answers look alike: 12 bytes of header,
 * each number in network byte order (most significant byte first), then a key, then a value. Each
 * of the two may be absent: then its length is 0.
 *
 *	 0       4         6      8            10             12
 *	 +-------+---------+------+------------+--------------+-----+-------+
 *	 | magic | version | type | key length | value length | key | value |
 *	 +-------+---------+------+------------+--------------+-----+-------+
 *
 *	request           key  value	answers
 *	KV_SET            yes  yes	KV_OK, KV_FULL
 *	KV_GET            yes  no	KV_OK with the value, KV_NOT_FOUND
 *	KV_DEL            yes  no	KV_OK, KV_NOT_FOUND
 *	KV_LIST           no   no	KV_ENTRY with key and value for each entry, then KV_OK
 *	KV_COUNT          no   no	KV_OK with the number as value, in decimal digits
 *
 * TCP carries bytes, not messages: what was sent by one call may arrive in pieces, or together with
 * the next one. It is the lengths that tell where a message ends. They come from the network, so
 * anyone may have written them: whoever receives a message checks the header before the rest is
 * read. A stream with a wrong header in it is of no more use, since nobody can say where the next
 * message begins, so the receiver closes the connection.
 */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#define KV_MAGIC     0x4b565354 /* "KVST" in ASCII */
#define KV_VERSION   1
#define KV_KEY_MAX   64
#define KV_VALUE_MAX 1024

enum kv_type {
	/* requests */
	KV_SET = 1,
	KV_GET = 2,
	KV_DEL = 3,
	KV_LIST = 4,
	KV_COUNT = 5,
	/* answers */
	KV_OK = 101,
	KV_NOT_FOUND = 102,
	KV_FULL = 103,
	KV_ENTRY = 104,
};
enum kv_kind { KV_REQUEST, KV_ANSWER };

/*
 * Every field has a fixed width and lies at a multiple of its width, so the compiler inserts no
 * padding and the structure has the same bytes on every machine.
 */
struct kv_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint16_t key_length;
	uint16_t value_length;
};
static_assert(sizeof(struct kv_header) == 12, "the header has padding");

/* Has room for the longest message. The value follows the key without a gap. */
struct kv_message {
	struct kv_header header;
	char body[KV_KEY_MAX + KV_VALUE_MAX];
};
static_assert(sizeof(struct kv_message) == 12 + 64 + 1024, "the message has padding");

/* For a message that comes from kv_message_receive() or kv_message_fill(). */
static inline enum kv_type kv_message_type(const struct kv_message *message)
{
	return be16toh(message->header.type);
}

static inline const char *kv_message_key(const struct kv_message *message)
{
	return message->body;
}

static inline size_t kv_message_key_length(const struct kv_message *message)
{
	return be16toh(message->header.key_length);
}

static inline const char *kv_message_value(const struct kv_message *message)
{
	return message->body + be16toh(message->header.key_length);
}

static inline size_t kv_message_value_length(const struct kv_message *message)
{
	return be16toh(message->header.value_length);
}

/* The caller has checked that key and value are within the limits. */
static inline void kv_message_fill(struct kv_message *ret_message, enum kv_type type,
				   const char *key, size_t key_length, const char *value,
				   size_t value_length)
{
	assert(key_length <= KV_KEY_MAX && value_length <= KV_VALUE_MAX);
	ret_message->header = (struct kv_header){
		.magic = htobe32(KV_MAGIC),
		.version = htobe16(KV_VERSION),
		.type = htobe16(type),
		.key_length = htobe16(key_length),
		.value_length = htobe16(value_length),
	};
	memcpy(ret_message->body, key, key_length);
	memcpy(ret_message->body + key_length, value, value_length);
}

/* Says why a received header is not a valid one of a request, or of an answer; NULL if it is. */
static inline const char *kv_header_check(const struct kv_header *header, enum kv_kind kind)
{
	uint16_t type = be16toh(header->type);
	int with_key = 0, with_value = 0;

	if (be32toh(header->magic) != KV_MAGIC)
		return "wrong magic";
	if (be16toh(header->version) != KV_VERSION)
		return "unknown version";
	switch (type) {
	case KV_SET:
	case KV_ENTRY:
		with_key = 1;
		with_value = 1;
		break;
	case KV_GET:
	case KV_DEL:
		with_key = 1;
		break;
	case KV_OK:
		with_value = 1;
		break;
	case KV_LIST:
	case KV_COUNT:
	case KV_NOT_FOUND:
	case KV_FULL:
		break;
	default:
		return "unknown type";
	}
	if (kind != (type < KV_OK ? KV_REQUEST : KV_ANSWER))
		return "wrong type";
	if (be16toh(header->key_length) > KV_KEY_MAX)
		return "key too long";
	if (be16toh(header->value_length) > KV_VALUE_MAX)
		return "value too long";
	if (with_key && header->key_length == 0)
		return "no key";
	if (!with_key && header->key_length != 0)
		return "a key where none belongs";
	if (!with_value && header->value_length != 0)
		return "a value where none belongs";
	return NULL;
}

/*
 * recv() returns what has come so far, so it is called until all is there. Returns less than that
 * if the stream ends first.
 */
static inline ssize_t kv_receive_bytes(int fd, void *ret_bytes, size_t length)
{
	size_t got = 0;

	while (got < length) {
		ssize_t count = recv(fd, (char *)ret_bytes + got, length - got, 0);

		if (count < 0)
			return -1;
		if (count == 0)
			break;
		got += count;
	}
	return got;
}

/*
 * Receives one message. Returns 1 if there is one; 0 if the stream ends, and not within a message;
 * -1 if there is none, and says why.
 */
static inline int kv_message_receive(int fd, enum kv_kind kind, struct kv_message *ret_message,
				     const char **ret_refusal)
{
	struct kv_header *header = &ret_message->header;
	ssize_t count, wanted;

	count = kv_receive_bytes(fd, header, sizeof(*header));
	if (count == 0)
		return 0;
	if (count < 0)
		*ret_refusal = strerror(errno);
	else if (count < (ssize_t)sizeof(*header))
		*ret_refusal = "truncated in the header";
	else
		*ret_refusal = kv_header_check(header, kind);
	if (*ret_refusal)
		return -1;

	/* The lengths have been checked: as much as this fits into the body. */
	wanted = be16toh(header->key_length) + be16toh(header->value_length);
	count = kv_receive_bytes(fd, ret_message->body, wanted);
	if (count < 0)
		*ret_refusal = strerror(errno);
	else if (count < wanted)
		*ret_refusal = "truncated after the header";
	return *ret_refusal ? -1 : 1;
}

/*
 * A send() that had to wait and was interrupted has taken only a part, so it is called until all is
 * sent. As a rule that is once.
 */
static inline int kv_message_send(int fd, const struct kv_message *message, int flags)
{
	const char *bytes = (const char *)message;
	size_t length = sizeof(message->header) + kv_message_key_length(message) +
			kv_message_value_length(message);

	for (size_t sent = 0; sent < length;) {
		ssize_t count = send(fd, bytes + sent, length - sent, flags);

		if (count < 0)
			return -1;
		sent += count;
	}
	return 0;
}

#endif
