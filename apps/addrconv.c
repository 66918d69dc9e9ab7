/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addrconv ADDRESS: an address as text, as the kernel wants it, and as text again.
 *
 * People write addresses as text; packets and system calls carry them in binary, in network byte
 * order: the most significant byte first. A machine whose processor stores the least significant
 * byte first (x86, most ARM) sees another number when it loads such bytes as an integer. That is
 * why programs call ntohl() on what they receive and htonl() on what they send.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	unsigned char bytes[sizeof(struct in6_addr)]; /* large enough for either family */
	char text[INET6_ADDRSTRLEN];
	int family;
	size_t length;

	if (argc != 2) {
		fputs("usage: addrconv ADDRESS\n", stderr);
		return 2;
	}

	/* inet_pton() wants to be told the family, so try both. It returns 0 for "not such text".
	 */
	if (inet_pton(AF_INET, argv[1], bytes) == 1) {
		family = AF_INET;
		length = sizeof(struct in_addr);
	} else if (inet_pton(AF_INET6, argv[1], bytes) == 1) {
		family = AF_INET6;
		length = sizeof(struct in6_addr);
	} else {
		errx(1, "inet_pton: '%s' is neither an IPv4 nor an IPv6 address", argv[1]);
	}

	printf("text           %s\n", argv[1]);
	printf("family         %s, %zu bytes\n", family == AF_INET ? "IPv4" : "IPv6", length);

	printf("bytes         ");
	for (size_t i = 0; i < length; i++)
		printf(" %02x", bytes[i]);
	printf("\n");

	/* An IPv4 address is one 32-bit value (in_addr.s_addr); an IPv6 address has four. */
	for (size_t i = 0; i < length; i += sizeof(uint32_t)) {
		uint32_t network;

		/* Not *(uint32_t *)&bytes[i]: an array of char need not be aligned for that. */
		memcpy(&network, &bytes[i], sizeof(network));
		printf("network order  0x%08x = %u\n", network, network);
		printf("host order     0x%08x = %u\n", ntohl(network), ntohl(network));
	}

	if (!inet_ntop(family, bytes, text, sizeof(text)))
		err(1, "inet_ntop");
	printf("text again     %s\n", text);
	return 0;
}
