// SPDX-License-Identifier: BSD-2-Clause
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>

#include "../bpf/abi.h"

#define EXAMPLE	    "'udp port 8080 and host 10.0.2.1'"
#define NO_MAC	    "is about MAC addresses, which are not captured; use IP addresses: " EXAMPLE
#define MAX_NESTING 32
#define MAX_KEYWORD 40

struct hs_filter {
	struct bpf_program program;
};

/* What libpcap would take a word for that has no meaning of its own. */
enum expect { EXPECT_HOST, EXPECT_SERVICE };

enum word_kind {
	WORD_PLAIN,   /* leaves the expectation alone */
	WORD_RESETS,  /* begins a new primitive: what follows is a host unless said otherwise */
	WORD_SERVICE, /* what follows is a port or a protocol, which may have a name */
	WORD_ETHER,   /* fine before `proto` only */
	WORD_MAC,     /* fine after `ip` or `ip6` only */
	WORD_GATEWAY,
	WORD_DEVICE,
	WORD_VLAN,
};

/* pcap-filter(7), less the link types that no packet has above its network header. */
static const struct {
	enum word_kind kind;
	const char *words; /* a blank before and after each */
} vocabulary[] = {
	{ WORD_PLAIN,
	  " and or not len length tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece "
	  "tcp-cwr icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect "
	  "icmp-echo icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp "
	  "icmp-tstampreply icmp-ireq icmp-ireqreply icmp-maskreq icmp-maskreply icmp6type "
	  "icmp6code icmp6-destinationunreach icmp6-packettoobig icmp6-timeexceeded "
	  "icmp6-parameterproblem icmp6-echo icmp6-echoreply icmp6-multicastlistenerquery "
	  "icmp6-multicastlistenerreportv1 icmp6-multicastlistenerdone icmp6-routersolicit "
	  "icmp6-routeradvert icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect "
	  "icmp6-multicastlistenerreportv2 " },
	{ WORD_RESETS,
	  " src dst host net mask ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah "
	  "esp stp iso esis es-is isis is-is clnp mpls pppoed pppoes geneve less greater llc atalk "
	  "aarp decnet lat moprc mopdl sca ipx netbeui " },
	{ WORD_SERVICE, " port portrange proto protochain " },
	{ WORD_ETHER, " ether link ppp slip fddi tr wlan " },
	{ WORD_MAC, " broadcast multicast " },
	{ WORD_GATEWAY, " gateway " },
	{ WORD_DEVICE, " ifname on ifindex inbound outbound " },
	{ WORD_VLAN, " vlan " },
};

struct scan {
	const char *expr;
	char *err;
	size_t errlen;
	enum expect expect;
	enum expect outer[MAX_NESTING]; /* that held before each open parenthesis */
	size_t depth;
	bool ether;    /* `ether` came, `proto` is due */
	bool after_ip; /* the word before was `ip` or `ip6` */
};

static int refuse(const struct scan *s, const char *word, size_t len, const char *why)
{
	snprintf(s->err, s->errlen, "filter '%.80s': '%.*s' %s", s->expr, (int)len, word, why);
	return -EINVAL;
}

static bool is_keyword(const char *word, size_t len, enum word_kind *ret_kind)
{
	char padded[MAX_KEYWORD];

	if (len > sizeof(padded) - 3)
		return false;
	snprintf(padded, sizeof(padded), " %.*s ", (int)len, word);
	for (size_t i = 0; i < sizeof(vocabulary) / sizeof(vocabulary[0]); i++) {
		if (strstr(vocabulary[i].words, padded)) {
			*ret_kind = vocabulary[i].kind;
			return true;
		}
	}
	return false;
}

/* One to four numbers with a dot between: 53, 0x35, 10.0, 192.168.1.1. */
static bool is_number(const char *word, size_t len)
{
	const char *p = word, *end = word + len;

	for (int part = 0; part < 4; part++) {
		bool hex = end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
		const char *digits;

		p += hex ? 2 : 0;
		digits = p;
		while (p < end && (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p)))
			p++;
		if (p == digits)
			return false;
		if (p == end)
			return true;
		if (*p++ != '.')
			return false;
	}
	return false;
}

static bool is_ipv6(const char *word, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (len >= sizeof(text))
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* Six bytes in hexadecimal: 2:0:0:0:0:1, 02-00-00-00-00-01, 0200.0000.0001, 0200000000aa. */
static bool is_mac(const char *word, size_t len)
{
	size_t digits = 0, separators = 0;
	char separator = '\0';

	for (size_t i = 0; i < len; i++) {
		if (isxdigit((unsigned char)word[i])) {
			digits++;
			continue;
		}
		if (!strchr(":-.", word[i]) || (separator && word[i] != separator))
			return false;
		separator = word[i];
		separators++;
	}
	if (digits > 12 || is_number(word, len))
		return false;
	return separators == 5	 ? digits >= 6
	       : separators == 2 ? digits == 12 && separator == '.'
				 : separators == 0 && digits == 12;
}

static int scan_keyword(struct scan *s, const char *word, size_t len, enum word_kind kind)
{
	switch (kind) {
	case WORD_PLAIN:
		break;
	case WORD_RESETS:
		s->expect = EXPECT_HOST;
		break;
	case WORD_SERVICE:
		s->expect = EXPECT_SERVICE;
		break;
	case WORD_ETHER:
		s->ether = true;
		s->expect = EXPECT_HOST;
		break;
	case WORD_MAC:
		if (!s->after_ip)
			return refuse(s, word, len,
				      "is about MAC addresses, which are not captured; "
				      "by IP address: 'ip multicast', 'ip6 multicast', "
				      "'dst 255.255.255.255'");
		break;
	case WORD_GATEWAY:
		return refuse(s, word, len, NO_MAC);
	case WORD_DEVICE:
		return refuse(s, word, len,
			      "is about a device, which a packet's headers do not tell; "
			      "choose devices with -i DEV");
	case WORD_VLAN:
		return refuse(s, word, len,
			      "tags are not captured, only what is behind them; choose "
			      "the VLAN's device with -i DEV");
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word, size_t len, bool escaped)
{
	enum word_kind kind = WORD_PLAIN;
	bool keyword = !escaped && is_keyword(word, len, &kind);
	int err;

	if (is_mac(word, len))
		return refuse(s, word, len, NO_MAC);
	if (s->ether && !(keyword && len == 5 && !memcmp(word, "proto", 5)))
		return refuse(s, "ether", 5, NO_MAC);
	s->ether = false;
	if (!keyword && s->expect == EXPECT_HOST && (escaped || !is_number(word, len)))
		return refuse(s, word, len,
			      "is neither a keyword known here nor an address; names of "
			      "hosts are not looked up (no DNS), write the address: " EXAMPLE);
	err = keyword ? scan_keyword(s, word, len, kind) : 0;
	s->after_ip = keyword && (len == 2 || len == 3) && !memcmp(word, "ip6", len);
	return err;
}

static int scan_punctuation(struct scan *s, char c)
{
	if (s->ether && !isspace((unsigned char)c))
		return refuse(s, "ether", 5, NO_MAC);
	if (c == '(') {
		if (s->depth == MAX_NESTING)
			return refuse(s, "(", 1, "is nested too deeply");
		s->outer[s->depth++] = s->expect;
	} else if (c == ')' && s->depth > 0) {
		s->expect = s->outer[--s->depth];
	}
	return 0;
}

/* How many characters from `p` on libpcap's scanner would make one word of; 0 when none. */
static size_t word_length(const char *p, bool escaped)
{
	size_t len = 0, with_colons;

	if (escaped)
		return strcspn(p, " !()\n\t");
	with_colons = strspn(p, "0123456789abcdefABCDEF:.");
	if (memchr(p, ':', with_colons) && (is_ipv6(p, with_colons) || is_mac(p, with_colons)))
		return with_colons;
	if (!isalnum((unsigned char)*p))
		return 0;
	while (isalnum((unsigned char)p[len]) || (p[len] && strchr("-_.", p[len])))
		len++;
	while (p[len - 1] == '-' || p[len - 1] == '_')
		len--;
	return len;
}

/*
 * Goes over the words as libpcap's scanner and grammar would and refuses those that it would look
 * up in DNS. That has to be done first: pcap_compile() asks as soon as it has read the word.
 */
static int scan_expression(struct scan *s)
{
	const char *p = s->expr;
	int err = 0;

	while (*p && !err) {
		bool escaped = *p == '\\';
		size_t len = word_length(p + escaped, escaped);

		p += escaped;
		if (len > 0) {
			if (escaped || !is_ipv6(p, len) || s->ether)
				err = scan_word(s, p, len, escaped);
			p += len;
		} else if (*p) {
			err = scan_punctuation(s, *p);
			/* in brackets stand numbers and constants only, never names */
			p += *p == '[' ? strcspn(p, "]") : 1;
		}
	}
	if (!err && s->ether)
		return refuse(s, "ether", 5, NO_MAC);
	return err;
}

int filter_compile(struct hs_filter **ret, const char *expr, char *err, size_t errlen)
{
	struct scan scan = { .expr = expr, .err = err, .errlen = errlen };
	struct hs_filter *filter;
	pcap_t *pcap;
	int result;

	result = scan_expression(&scan);
	if (result)
		return result;
	filter = calloc(1, sizeof(*filter));
	pcap = pcap_open_dead(DLT_EN10MB, 65535);
	if (!filter || !pcap) {
		snprintf(err, errlen, "filter '%.80s': out of memory", expr);
		result = -ENOMEM;
	} else if (pcap_compile(pcap, &filter->program, expr, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(err, errlen, "filter '%.80s': %s; an example that works: %s", expr,
			 pcap_geterr(pcap), EXAMPLE);
		result = -EINVAL;
	}
	if (pcap)
		pcap_close(pcap);
	if (result) {
		free(filter);
		return result;
	}
	*ret = filter;
	return 0;
}

bool filter_match(const struct hs_filter *filter, uint16_t ethertype, uint32_t l3_length,
		  const uint8_t *l3, size_t len)
{
	uint8_t frame[ETH_HLEN + HS_HEADERS_LONG] = {};
	struct pcap_pkthdr hdr = {};

	if (len > HS_HEADERS_LONG)
		len = HS_HEADERS_LONG;
	frame[ETH_HLEN - 2] = ethertype >> 8;
	frame[ETH_HLEN - 1] = ethertype & 0xff;
	if (len)
		memcpy(frame + ETH_HLEN, l3, len);
	hdr.caplen = ETH_HLEN + len;
	hdr.len = ETH_HLEN + (l3_length > len ? l3_length : len);
	return pcap_offline_filter(&filter->program, &hdr, frame) != 0;
}

void filter_free(struct hs_filter *filter)
{
	if (!filter)
		return;
	pcap_freecode(&filter->program);
	free(filter);
}
