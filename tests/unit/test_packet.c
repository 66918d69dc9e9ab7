// SPDX-License-Identifier: BSD-2-Clause
/* Headers, byte by byte: what is read, what a cut or a lie does, what is noise, what quotes what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>

#include "../../loader/packet.h"

/* A packet under construction. Written by hand in hexadecimal, blanks ignored. */
struct bytes {
	uint8_t data[256];
	size_t len;
};

static struct bytes hex(const char *text)
{
	struct bytes b = { .len = 0 };
	unsigned int byte;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		b.data[b.len++] = byte;
		text++;
	}
	return b;
}

/* The copy ends where the memory ends, so that one byte too far is found. */
static struct hs_packet parse_cut(uint16_t ethertype, uint32_t l3, const struct bytes *b,
				  size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct hs_packet p;

	assert_non_null(copy);
	memset(&p, 0xa5, sizeof(p));
	memcpy(copy, b->data, len);
	assert_int_equal(packet_parse(&p, ethertype, l3, len ? copy : copy + 1, len), 0);
	free(copy);
	return p;
}

static struct hs_packet parse(uint16_t ethertype, const char *text)
{
	struct bytes b = hex(text);

	return parse_cut(ethertype, b.len, &b, b.len);
}

static void assert_addr(const struct hs_endpoint *ep, const char *text)
{
	char buf[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(ep->addr.family, ep->addr.bytes, buf, sizeof(buf)));
	assert_string_equal(buf, text);
}

/* 10.0.2.2:40112 > 10.0.2.1:8080, 4 bytes */
#define UDP4 "4500 0020 1234 4000 40 11 0000 0a000202 0a000201  9cb0 1f90 000c 0000  70696e67"
/* fd00::2:40112 > fd00::1:8080, 4 bytes */
#define ADDRS6 "fd000000000000000000000000000002 fd000000000000000000000000000001"
#define UDP6   "60000000 000c 11 40 " ADDRS6 " 9cb0 1f90 000c 0000 70696e67"
/* SYN with 20 bytes of options */
#define TCP4                                                \
	"4500 003c abcd 4000 3f 06 0000 0a000202 0a000201 " \
	"c350 1f90 01020304 00000000 a002 faf0 0000 0000 020405b40402080a00000000000000000103030a"
/* port unreachable, 10.0.2.1 about UDP4 */
#define ICMP4 "45c0 003c 0007 0000 40 01 0000 0a000201 0a000202 03 03 0000 00000000 " UDP4
/* port unreachable, fd00::1 about UDP6 */
#define ICMP6                                                                                    \
	"60000000 003c 3a 40 fd000000000000000000000000000001 fd000000000000000000000000000002 " \
	"01 04 0000 00000000 " UDP6

static void test_udp4(void **state)
{
	struct hs_packet p = parse(ETH_P_IP, UDP4);

	(void)state;
	assert_int_equal(p.ethertype, ETH_P_IP);
	assert_int_equal(p.version, 4);
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(p.ip_id, 0x1234);
	assert_int_equal(p.length, 32);
	assert_int_equal(p.payload, 4);
	assert_true(p.has_ports);
	assert_addr(&p.src, "10.0.2.2");
	assert_addr(&p.dst, "10.0.2.1");
	assert_int_equal(p.src.port, 40112);
	assert_int_equal(p.dst.port, 8080);
	assert_false(p.fragmented);
	assert_false(p.has_icmp);
	assert_false(p.has_quoted);
}

static void test_udp4_options(void **state)
{
	struct hs_packet p = parse(ETH_P_IP, "4700 0024 0001 0000 40 11 0000 7f000001 7f000001 "
					     "0102030405060708 0035 0036 0008 0000");

	(void)state;
	assert_int_equal(p.src.port, 53);
	assert_int_equal(p.dst.port, 54);
	assert_int_equal(p.length, 36);
	assert_int_equal(p.payload, 0);
}

static void test_udp6(void **state)
{
	struct hs_packet p = parse(ETH_P_IPV6, UDP6);

	(void)state;
	assert_int_equal(p.version, 6);
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(p.length, 52);
	assert_int_equal(p.payload, 4);
	assert_addr(&p.src, "fd00::2");
	assert_addr(&p.dst, "fd00::1");
	assert_int_equal(p.dst.port, 8080);
}

static void test_tcp(void **state)
{
	struct hs_packet p = parse(ETH_P_IP, TCP4);

	(void)state;
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_int_equal(p.src.port, 50000);
	assert_int_equal(p.tcp_seq, 0x01020304);
	assert_int_equal(p.tcp_ack, 0);
	assert_int_equal(p.tcp_flags, 2);
	assert_int_equal(p.tcp_window, 0xfaf0);
	assert_int_equal(p.length, 60);
	assert_int_equal(p.payload, 0);
}

static void test_wrong_version_is_not_ip(void **state)
{
	(void)state;
	assert_int_equal(parse(ETH_P_IP, UDP6).version, 0);
	assert_int_equal(parse(ETH_P_IPV6, UDP4).version, 0);
	/* a header of 16 bytes cannot be */
	assert_int_equal(
		parse(ETH_P_IP, "4400 0020 1234 4000 40 11 0000 0a000202 0a000201").version, 0);
	assert_int_equal(parse(0x8847, UDP4).version, 0);
	assert_int_equal(parse(0x8847, UDP4).ethertype, 0x8847);
	assert_int_equal(parse(0x8847, UDP4).length, 32);
}

static void test_length(void **state)
{
	struct bytes b = hex(UDP4);

	(void)state;
	/* nothing known but the header */
	assert_int_equal(parse_cut(ETH_P_IP, 0, &b, b.len).length, 32);
	/* padded to Ethernet's minimum; the datagram stays what it is */
	assert_int_equal(parse_cut(ETH_P_IP, 46, &b, b.len).length, 32);
	assert_int_equal(parse_cut(ETH_P_IP, 46, &b, b.len).payload, 4);
	/* GRO joined more than the header says, and the UDP header's length with it */
	b.data[24] = 0x0b;
	b.data[25] = 0xc0;
	assert_int_equal(parse_cut(ETH_P_IP, 3028, &b, b.len).length, 3028);
	assert_int_equal(parse_cut(ETH_P_IP, 3028, &b, b.len).payload, 3000);
	/* longer than 64 KiB: the field is 0 */
	b.data[2] = b.data[3] = 0;
	b.data[24] = b.data[25] = 0;
	assert_int_equal(parse_cut(ETH_P_IP, 100028, &b, b.len).length, 100028);
	assert_int_equal(parse_cut(ETH_P_IP, 100028, &b, b.len).payload, 100000);
	/* the field promises more than there is */
	b.data[2] = 0xff;
	assert_int_equal(parse_cut(ETH_P_IP, 32, &b, b.len).length, 32);

	b = hex(UDP6);
	assert_int_equal(parse_cut(ETH_P_IPV6, 0, &b, b.len).length, 52);
	b.data[4] = b.data[5] = 0;
	assert_int_equal(parse_cut(ETH_P_IPV6, 90000, &b, b.len).length, 90000);
}

static void test_udp_shorter_than_ip(void **state)
{
	/* UDP says 9 bytes, IP has 12: three bytes belong to nobody */
	struct hs_packet p = parse(ETH_P_IP, "4500 0020 1234 4000 40 11 0000 0a000202 0a000201 "
					     "9cb0 1f90 0009 0000 70696e67");

	(void)state;
	assert_int_equal(p.payload, 1);
}

static void test_fragments4(void **state)
{
	struct hs_packet first = parse(ETH_P_IP, "4500 0024 1234 2000 40 11 0000 0a000202 0a000201 "
						 "9cb0 1f90 0bc0 0000 7069 6e67 0000 0000");
	struct hs_packet later = parse(ETH_P_IP, "4500 0020 1234 0002 40 11 0000 0a000202 0a000201 "
						 "9cb0 1f90 000c 0000 70696e67");

	(void)state;
	assert_true(first.fragmented);
	assert_false(first.later_fragment);
	assert_true(first.has_ports);
	assert_int_equal(first.frag_offset, 0);
	assert_int_equal(first.payload, 8);

	assert_true(later.fragmented);
	assert_true(later.later_fragment);
	assert_false(later.has_ports);
	assert_int_equal(later.frag_offset, 16);
	assert_int_equal(later.payload, 12);
	assert_int_equal(later.proto, IPPROTO_UDP);
	assert_int_equal(later.src.port, 0);
}

/* struct frag_v4_compare_key, frag_v6_compare_key (include/net/inet_frag.h) */
static void test_same_datagram(void **state)
{
	struct hs_packet first = { .version = 4,
				   .fragmented = true,
				   .ip_id = 7,
				   .proto = 17,
				   .src.addr = { .family = 2, .bytes = { 10, 0, 1, 2 } },
				   .dst.addr = { .family = 2, .bytes = { 10, 0, 2, 2 } } };
	struct hs_packet last = first, other;

	(void)state;
	last.frag_offset = 1480;
	last.length = 548;
	assert_true(packet_same_datagram(&first, &last));
	other = last;
	other.ip_id = 8;
	assert_false(packet_same_datagram(&first, &other));
	other = last;
	other.src.addr.bytes[3] = 3;
	assert_false(packet_same_datagram(&first, &other));
	other = last;
	other.dst.addr.bytes[3] = 3;
	assert_false(packet_same_datagram(&first, &other));
	other = last;
	other.fragmented = false;
	assert_false(packet_same_datagram(&first, &other));
	other = last;
	other.proto = 1;
	assert_false(packet_same_datagram(&first, &other));
	first.version = other.version = 6;
	assert_true(packet_same_datagram(&first, &other));
	assert_false(packet_same_datagram(&first, &last));
}

static void test_fragments6(void **state)
{
	struct hs_packet first = parse(ETH_P_IPV6, "60000000 0018 2c 40 " ADDRS6
						   " 11 00 0001 deadbeef 9cb0 1f90 0400 0000 "
						   "0102030405060708");
	struct hs_packet later = parse(ETH_P_IPV6, "60000000 0010 2c 40 " ADDRS6
						   " 11 00 0010 deadbeef 9cb0 1f90 0400 0000");
	struct hs_packet atomic = parse(ETH_P_IPV6, "60000000 0010 2c 40 " ADDRS6
						    " 11 00 0000 deadbeef 9cb0 1f90 0008 0000");

	(void)state;
	assert_true(first.fragmented);
	assert_false(first.later_fragment);
	assert_int_equal(first.ip_id, 0xdeadbeef);
	assert_int_equal(first.src.port, 40112);
	assert_int_equal(first.payload, 8);

	assert_true(later.fragmented);
	assert_true(later.later_fragment);
	assert_int_equal(later.frag_offset, 16);
	assert_int_equal(later.proto, IPPROTO_UDP);
	assert_false(later.has_ports);
	assert_int_equal(later.payload, 8);

	assert_false(atomic.fragmented);
	assert_true(atomic.has_ports);
}

static void test_extension_headers(void **state)
{
	struct hs_packet p;

	(void)state;
	/* hop-by-hop (8), destination options (16), routing (8), UDP */
	p = parse(ETH_P_IPV6, "60000000 0028 00 40 " ADDRS6 " 3c00010400000000 "
			      "2b01010c000000000000000000000000 1100000000000000 "
			      "0035 0036 0008 0000");
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_int_equal(p.src.port, 53);
	assert_int_equal(p.length, 80);
	assert_int_equal(p.payload, 0);
	/* authentication header counts in words of four bytes, less two */
	p = parse(ETH_P_IPV6, "60000000 0014 33 40 " ADDRS6 " 3b01 0000 00000001 00000001 "
			      "0000000000000000");
	assert_int_equal(p.proto, IPPROTO_NONE);
	/* one that runs past the end of what was captured */
	p = parse(ETH_P_IPV6, "60000000 0010 00 40 " ADDRS6 " 11ff000000000000 0035003600080000");
	assert_int_equal(p.version, 6);
	assert_int_equal(p.proto, IPPROTO_HOPOPTS);
	assert_false(p.has_ports);
	assert_int_equal(p.payload, 0);
}

#define MLD2_REPORT                                                                              \
	"60000000 0024 00 01 fe800000000000000000000000000001 ff020000000000000000000000000016 " \
	"3a00050200000100 8f 00 0000 00000001 04000000 ff0200000000000000000001ff000001"

static void test_mld_behind_hop_by_hop(void **state)
{
	struct hs_packet p = parse(ETH_P_IPV6, MLD2_REPORT);

	(void)state;
	assert_int_equal(p.proto, IPPROTO_ICMPV6);
	assert_true(p.has_icmp);
	assert_int_equal(p.icmp_type, 143);
	assert_false(p.icmp_error);
	assert_int_equal(packet_noise(&p), HS_NOISE_MLD);
}

static void test_icmp4_error(void **state)
{
	struct hs_packet p = parse(ETH_P_IP, ICMP4);

	(void)state;
	assert_true(p.has_icmp);
	assert_true(p.icmp_error);
	assert_false(p.has_ports);
	assert_int_equal(p.icmp_type, 3);
	assert_int_equal(p.icmp_code, 3);
	assert_int_equal(p.payload, 32);
	assert_true(p.has_quoted);
	assert_int_equal(p.quoted_proto, IPPROTO_UDP);
	assert_addr(&p.quoted_src, "10.0.2.2");
	assert_addr(&p.quoted_dst, "10.0.2.1");
	assert_int_equal(p.quoted_src.port, 40112);
	assert_int_equal(p.quoted_dst.port, 8080);
	assert_int_equal(p.quoted_ip_id, 0x1234);
}

static void test_icmp6_error(void **state)
{
	struct bytes b = hex(ICMP6);
	struct hs_packet p = parse(ETH_P_IPV6, ICMP6);

	(void)state;
	assert_true(p.icmp_error);
	assert_int_equal(p.icmp_type, 1);
	assert_int_equal(p.icmp_code, 4);
	assert_true(p.has_quoted);
	assert_int_equal(p.quoted_proto, IPPROTO_UDP);
	assert_addr(&p.quoted_src, "fd00::2");
	assert_addr(&p.quoted_dst, "fd00::1");
	assert_int_equal(p.quoted_src.port, 40112);
	assert_int_equal(p.quoted_dst.port, 8080);

	/* a capture of 64 bytes ends inside the quoted addresses: no quote rather than half of one
	 */
	p = parse_cut(ETH_P_IPV6, b.len, &b, HS_HEADERS_SHORT);
	assert_true(p.icmp_error);
	assert_false(p.has_quoted);
	assert_int_equal(p.length, b.len);
}

static void test_icmp_fields(void **state)
{
	struct hs_packet p;

	(void)state;
	p = parse(ETH_P_IP, "4500 0020 0000 4000 40 01 0000 0a000202 0a000201 "
			    "08 00 0000 0102 0003 00000000");
	assert_false(p.icmp_error);
	assert_int_equal(p.echo_id, 0x0102);
	assert_int_equal(p.echo_seq, 3);
	assert_int_equal(p.payload, 4);

	p = parse(ETH_P_IPV6, "60000000 0008 3a 40 " ADDRS6 " 81 00 0000 0203 0004");
	assert_int_equal(p.echo_id, 0x0203);
	assert_int_equal(p.echo_seq, 4);

	/* fragmentation needed: MTU 1400 beside the length of RFC 4884 */
	p = parse(ETH_P_IP, "4500 003c 0000 4000 40 01 0000 0a000201 0a000202 "
			    "03 04 0000 0008 0578 " UDP4);
	assert_int_equal(p.icmp_info, 1400);
	assert_true(p.has_quoted);

	/* packet too big: 1280 */
	p = parse(ETH_P_IPV6, "60000000 003c 3a 40 " ADDRS6 " 02 00 0000 00000500 " UDP6);
	assert_true(p.icmp_error);
	assert_int_equal(p.icmp_info, 1280);
	assert_true(p.has_quoted);

	/* redirect: the gateway */
	p = parse(ETH_P_IP, "4500 003c 0000 4000 40 01 0000 0a000201 0a000202 "
			    "05 01 0000 0a0002fe " UDP4);
	assert_true(p.icmp_error);
	assert_int_equal(p.icmp_info, 0x0a0002fe);

	/* ICMP in IPv6 and ICMPv6 in IPv4 are just unknown protocols */
	p = parse(ETH_P_IP, "4500 001c 0000 4000 40 3a 0000 0a000201 0a000202 01 04 0000 00000000");
	assert_false(p.has_icmp);
	p = parse(ETH_P_IPV6, "60000000 0008 01 40 " ADDRS6 " 03 03 0000 00000000");
	assert_false(p.has_icmp);
}

static void test_quotes(void **state)
{
	struct hs_packet udp4 = parse(ETH_P_IP, UDP4), udp6 = parse(ETH_P_IPV6, UDP6);
	struct hs_packet icmp4 = parse(ETH_P_IP, ICMP4), icmp6 = parse(ETH_P_IPV6, ICMP6);
	struct hs_packet tcp4 = parse(ETH_P_IP, TCP4), other;

	(void)state;
	assert_true(packet_quotes(&icmp4, &udp4));
	assert_true(packet_quotes(&icmp6, &udp6));
	assert_false(packet_quotes(&icmp4, &udp6));
	assert_false(packet_quotes(&icmp6, &udp4));
	assert_false(packet_quotes(&icmp4, &tcp4));
	assert_false(packet_quotes(&udp4, &udp4));
	assert_false(packet_quotes(&icmp4, &icmp4));

	other = udp4;
	other.ip_id++;
	assert_false(packet_quotes(&icmp4, &other));
	other = udp4;
	other.dst.port++;
	assert_false(packet_quotes(&icmp4, &other));
	other = udp4;
	other.src.addr.bytes[3]++;
	assert_false(packet_quotes(&icmp4, &other));
	other = udp4;
	other.later_fragment = true;
	assert_false(packet_quotes(&icmp4, &other));
	/* the TTL went down on the way */
	other = udp4;
	other.ttl = 1;
	assert_true(packet_quotes(&icmp4, &other));
}

static void test_quote_too_short_for_ports(void **state)
{
	struct bytes b = hex(ICMP4);
	struct hs_packet udp4 = parse(ETH_P_IP, UDP4);
	struct hs_packet p = parse_cut(ETH_P_IP, b.len, &b, 20 + 8 + 20 + 3);

	(void)state;
	assert_true(p.has_quoted);
	assert_int_equal(p.quoted_src.port, 0);
	assert_int_equal(p.quoted_dst.port, 0);
	assert_true(packet_quotes(&p, &udp4));
}

static void test_quoted_fragment_has_no_ports(void **state)
{
	struct bytes b = hex(ICMP4);

	(void)state;
	b.data[20 + 8 + 7] = 2; /* offset 16 */
	assert_true(parse_cut(ETH_P_IP, b.len, &b, b.len).has_quoted);
	assert_int_equal(parse_cut(ETH_P_IP, b.len, &b, b.len).quoted_dst.port, 0);
}

#define ARP_REQUEST "0001 0800 06 04 0001 020000000001 0a000201 000000000000 0a000202"

static void test_arp(void **state)
{
	struct bytes b = hex(ARP_REQUEST);
	struct hs_packet p = parse(ETH_P_ARP, ARP_REQUEST);

	(void)state;
	assert_int_equal(p.version, 0);
	assert_int_equal(p.arp_op, 1);
	assert_addr(&p.src, "10.0.2.1");
	assert_addr(&p.dst, "10.0.2.2");
	assert_int_equal(p.length, 28);
	assert_int_equal(parse_cut(ETH_P_ARP, 46, &b, b.len).length, 28);
	assert_int_equal(parse_cut(ETH_P_ARP, 28, &b, 27).dst.addr.family, 0);
	assert_int_equal(parse_cut(ETH_P_ARP, 28, &b, 17).src.addr.family, 0);
	/* for another protocol than IPv4 */
	assert_int_equal(parse(ETH_P_ARP, "0001 86dd 06 10 0001 0200").arp_op, 0);
	/* hardware addresses of 255 bytes that are not there */
	b.data[4] = 255;
	assert_int_equal(parse_cut(ETH_P_ARP, 28, &b, b.len).src.addr.family, 0);
}

static enum hs_noise noise_of(uint16_t ethertype, const char *text)
{
	struct hs_packet p = parse(ethertype, text);

	return packet_noise(&p);
}

static enum hs_noise noise_of_icmp6(uint8_t type)
{
	struct bytes b = hex("60000000 0008 3a ff " ADDRS6 " 00 00 0000 00000000");
	struct hs_packet p;

	b.data[40] = type;
	p = parse_cut(ETH_P_IPV6, b.len, &b, b.len);
	return packet_noise(&p);
}

static enum hs_noise noise_of_udp(uint16_t src, uint16_t dst)
{
	struct bytes b = hex(UDP4);
	struct hs_packet p;

	b.data[20] = src >> 8;
	b.data[21] = src & 0xff;
	b.data[22] = dst >> 8;
	b.data[23] = dst & 0xff;
	p = parse_cut(ETH_P_IP, b.len, &b, b.len);
	return packet_noise(&p);
}

static void test_noise(void **state)
{
	(void)state;
	assert_int_equal(noise_of(ETH_P_ARP, ARP_REQUEST), HS_NOISE_ARP);
	assert_int_equal(noise_of(0x88cc, "0207"), HS_NOISE_LLDP);
	assert_int_equal(noise_of(ETH_P_802_2, "424203"), HS_NOISE_STP);
	assert_int_equal(
		noise_of(ETH_P_IP, "4600 0020 0000 4000 01 02 0000 0a000202 e0000016 94040000"),
		HS_NOISE_IGMP);
	assert_int_equal(noise_of_icmp6(133), HS_NOISE_RS);
	assert_int_equal(noise_of_icmp6(134), HS_NOISE_RS);
	assert_int_equal(noise_of_icmp6(135), HS_NOISE_ND);
	assert_int_equal(noise_of_icmp6(136), HS_NOISE_ND);
	assert_int_equal(noise_of_icmp6(130), HS_NOISE_MLD);
	assert_int_equal(noise_of_icmp6(131), HS_NOISE_MLD);
	assert_int_equal(noise_of_icmp6(132), HS_NOISE_MLD);
	assert_int_equal(noise_of_icmp6(143), HS_NOISE_MLD);
	assert_int_equal(noise_of_icmp6(128), HS_NOISE_NO);
	assert_int_equal(noise_of_icmp6(1), HS_NOISE_NO);
	assert_int_equal(noise_of_udp(5353, 5353), HS_NOISE_MDNS);
	assert_int_equal(noise_of_udp(40000, 5355), HS_NOISE_LLMNR);
	assert_int_equal(noise_of_udp(5355, 40000), HS_NOISE_LLMNR);
	assert_int_equal(noise_of_udp(40000, 1900), HS_NOISE_SSDP);
	assert_int_equal(noise_of_udp(40000, 53), HS_NOISE_NO);
	assert_int_equal(noise_of(ETH_P_IP, TCP4), HS_NOISE_NO);
	assert_int_equal(noise_of(ETH_P_IP, ICMP4), HS_NOISE_NO);
}

/* Every packet, cut at every length, with every idea of how long it is: no byte too far. */
static void test_cut_at_every_length(void **state)
{
	static const struct {
		uint16_t ethertype;
		const char *text;
	} packets[] = {
		{ ETH_P_IP, UDP4 },	     { ETH_P_IPV6, UDP6 },  { ETH_P_IP, TCP4 },
		{ ETH_P_IP, ICMP4 },	     { ETH_P_IPV6, ICMP6 }, { ETH_P_ARP, ARP_REQUEST },
		{ ETH_P_IPV6, MLD2_REPORT },
	};
	static const uint32_t lengths[] = { 0, 1, 20, 46, 64, 1500, 100000, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct bytes b = hex(packets[i].text);

		for (size_t len = 0; len <= b.len; len++) {
			struct hs_packet p;

			for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++)
				parse_cut(packets[i].ethertype, lengths[j], &b, len);
			p = parse_cut(packets[i].ethertype, b.len, &b, len);
			assert_int_equal(p.ethertype, packets[i].ethertype);
			if (packets[i].ethertype == ETH_P_IP)
				assert_int_equal(p.version, len < 20 ? 0 : 4);
			if (packets[i].ethertype == ETH_P_IPV6)
				assert_int_equal(p.version, len < 40 ? 0 : 6);
			assert_int_equal(p.length, b.len);
			packet_noise(&p);
		}
	}
}

static void test_cut_transport(void **state)
{
	struct bytes b = hex(TCP4);
	struct hs_packet p;

	(void)state;
	p = parse_cut(ETH_P_IP, b.len, &b, 23);
	assert_false(p.has_ports);
	p = parse_cut(ETH_P_IP, b.len, &b, 24);
	assert_true(p.has_ports);
	assert_int_equal(p.tcp_seq, 0);
	p = parse_cut(ETH_P_IP, b.len, &b, 28);
	assert_int_equal(p.tcp_seq, 0x01020304);
	assert_int_equal(p.payload, 0);
	p = parse_cut(ETH_P_IP, 160, &b, 34);
	assert_int_equal(p.tcp_flags, 2);
	assert_int_equal(p.payload, 100);

	b = hex(UDP4);
	p = parse_cut(ETH_P_IP, b.len, &b, 27);
	assert_true(p.has_ports);
	assert_int_equal(p.payload, 0);
}

/* RFC 3032, section 2.1: label 100, then 5 at the bottom of the stack. */
static void test_labels(void **state)
{
	struct bytes b = hex("00064040 00005140 45000020");
	uint16_t type = ETH_P_MPLS_UC;

	(void)state;
	assert_int_equal(packet_skip_labels(&type, b.data, b.len), 8);
	assert_int_equal(type, ETH_P_IP);
	assert_int_equal(packet_label(b.data), 100);
	assert_int_equal(packet_label(b.data + 4), 5);
	b.data[8] = 0x60;
	type = ETH_P_MPLS_UC;
	assert_int_equal(packet_skip_labels(&type, b.data, b.len), 8);
	assert_int_equal(type, ETH_P_IPV6);
	/* cut off, no IP behind it, no label at all */
	for (size_t len = 0; len <= 8; len++) {
		uint8_t *copy = malloc(len ? len : 1);

		assert_non_null(copy);
		memcpy(copy, b.data, len);
		type = ETH_P_MPLS_UC;
		assert_int_equal(packet_skip_labels(&type, len ? copy : copy + 1, len), 0);
		assert_int_equal(type, ETH_P_MPLS_UC);
		free(copy);
	}
	b.data[8] = 0x00;
	assert_int_equal(packet_skip_labels(&type, b.data, b.len), 0);
	assert_int_equal(type, ETH_P_MPLS_UC);
	type = ETH_P_IP;
	assert_int_equal(packet_skip_labels(&type, b.data, b.len), 0);
}

/* Bytes of any value: lengths that lie must not be believed. */
static void test_any_bytes(void **state)
{
	static const uint16_t types[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_ARP };
	uint32_t random = 12345;

	(void)state;
	for (int round = 0; round < 30000; round++) {
		struct bytes b = { .len = 128 };
		uint16_t type = types[round % 3];

		for (size_t i = 0; i < b.len; i++) {
			random = random * 1103515245 + 12345;
			b.data[i] = random >> 16;
		}
		if (type == ETH_P_IP)
			b.data[0] = 0x40 | (b.data[0] & 7);
		if (type == ETH_P_IPV6) {
			b.data[0] = 0x60;
			b.data[6] = (const uint8_t[]){ 0, 43, 44, 51, 58, 60 }[round / 3 % 6];
		}
		parse_cut(type, random >> 20, &b, random % 129);
	}
}

/* ---- tunnels ---- */

/* Its memory ends where the bytes end. */
static bool tunnel_id(const char *text, uint32_t *ret)
{
	struct bytes b = hex(text);
	uint8_t *copy = malloc(b.len);
	bool found;

	assert_non_null(copy);
	memcpy(copy, b.data, b.len);
	found = packet_tunnel_id(copy, b.len, ret);
	free(copy);
	return found;
}

#define OUTER4(proto) "45000054 00000000 40" proto "0000 0a000002 0a000001"
#define OUTER6(next) \
	"60000000 0020" next "40 fd000000000000000000000000000002 fd000000000000000000000000000001"

static void test_tunnel_ids(void **state)
{
	uint32_t id = 9;

	(void)state;
	/* RFC 7348, 5; of Geneve (RFC 8926, 3.4) the number is in the same place. */
	assert_true(tunnel_id(OUTER4("11") "1388 12b5 0040 0000  08000000 00002a00", &id));
	assert_int_equal(id, 42);
	assert_true(tunnel_id(OUTER6("11") "1388 12b5 0040 0000  08000000 ffffff00", &id));
	assert_int_equal(id, 0xffffff);
	/* RFC 2890, 2: with a checksum, that comes first */
	assert_true(tunnel_id(OUTER4("2f") "20000800 00000007", &id));
	assert_int_equal(id, 7);
	assert_true(tunnel_id(OUTER4("2f") "a0000800 12340000 00000008", &id));
	assert_int_equal(id, 8);
	/* An extension header: the limit of encapsulation (RFC 2473, 4.1.1). */
	assert_true(tunnel_id(OUTER6("3c") "2f00 040104 010100  20000800 00000009", &id));
	assert_int_equal(id, 9);
}

static void test_no_tunnel_id(void **state)
{
	uint32_t id = 9;

	(void)state;
	assert_false(tunnel_id(OUTER4("2f") "00000800 45000000", &id)); /* no key */
	assert_false(tunnel_id(OUTER4("2f") "20000800 000000", &id));	/* cut off */
	assert_false(tunnel_id(OUTER4("2f") "a0000800 12340000", &id));
	assert_false(tunnel_id(OUTER4("2f"), &id));
	assert_false(tunnel_id(OUTER4("11") "1388 12b5 0040 0000  08000000 00002a", &id));
	assert_false(tunnel_id(OUTER4("04") "4500001c 00000000 40110000", &id));
	assert_false(tunnel_id("45000054", &id));
	assert_int_equal(id, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp4),
		cmocka_unit_test(test_udp4_options),
		cmocka_unit_test(test_udp6),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_wrong_version_is_not_ip),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_udp_shorter_than_ip),
		cmocka_unit_test(test_fragments4),
		cmocka_unit_test(test_fragments6),
		cmocka_unit_test(test_same_datagram),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_mld_behind_hop_by_hop),
		cmocka_unit_test(test_icmp4_error),
		cmocka_unit_test(test_icmp6_error),
		cmocka_unit_test(test_icmp_fields),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_quote_too_short_for_ports),
		cmocka_unit_test(test_quoted_fragment_has_no_ports),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_cut_at_every_length),
		cmocka_unit_test(test_cut_transport),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_tunnel_ids),
		cmocka_unit_test(test_no_tunnel_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
