// SPDX-License-Identifier: BSD-2-Clause
#include "packet.h"

#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

/* Not in <netinet/icmp6.h>: MLDv2 (RFC 9777). */
#define ICMP6_MLD2_REPORT 143
/* The least an Ethernet frame carries: 60 bytes without its 14 bytes of header. */
#define ETHERNET_MIN_PAYLOAD (ETH_ZLEN - ETH_HLEN)

/* What is left to read; moves forward only. */
struct cursor {
	const uint8_t *data;
	size_t len;
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* False when the header was cut off. */
static bool cursor_skip(struct cursor *c, size_t n)
{
	if (n > c->len)
		return false;
	c->data += n;
	c->len -= n;
	return true;
}

static void set_addr(struct hs_endpoint *ep, uint8_t family, const uint8_t *bytes)
{
	ep->addr.family = family;
	memcpy(ep->addr.bytes, bytes, family == AF_INET6 ? 16 : 4);
}

static uint32_t plausible_length(uint32_t claimed, uint32_t l3_length)
{
	if (l3_length == 0)
		return claimed;
	if (claimed != 0 && claimed < l3_length && l3_length <= ETHERNET_MIN_PAYLOAD)
		return claimed;
	return l3_length;
}

static uint32_t minus(uint32_t from, uint32_t bytes)
{
	return bytes < from ? from - bytes : 0;
}

/*
 * The network header. Leaves the cursor at the transport header and sets `payload` to what follows
 * the network header. False when there is no transport header to be read.
 */
static bool parse_ipv4(struct hs_packet *p, uint32_t l3_length, struct cursor *c)
{
	const uint8_t *h = c->data;
	uint16_t frag;
	size_t ihl;

	if (c->len < 20 || h[0] >> 4 != 4)
		return false;
	ihl = (h[0] & 0xf) * 4;
	if (ihl < 20)
		return false;
	frag = be16(h + 6);
	p->version = 4;
	p->length = plausible_length(be16(h + 2), l3_length);
	p->payload = minus(p->length, ihl);
	p->ip_options = ihl > 20;
	p->ip_id = be16(h + 4);
	p->frag_offset = (frag & 0x1fff) * 8;
	p->fragmented = frag & 0x3fff;
	p->later_fragment = p->frag_offset != 0;
	p->ttl = h[8];
	p->proto = h[9];
	set_addr(&p->src, AF_INET, h + 12);
	set_addr(&p->dst, AF_INET, h + 16);
	return cursor_skip(c, ihl) && !p->later_fragment;
}

static bool is_extension(uint8_t next)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
		return true;
	default:
		return false;
	}
}

static bool parse_ipv6(struct hs_packet *p, uint32_t l3_length, struct cursor *c)
{
	const uint8_t *h = c->data;
	uint16_t rest;

	if (c->len < 40 || h[0] >> 4 != 6)
		return false;
	rest = be16(h + 4);
	p->version = 6;
	/* a payload length of 0 is a packet longer than 64 KiB (RFC 2675, BIG TCP) */
	p->length = plausible_length(rest ? rest + 40 : 0, l3_length);
	p->payload = minus(p->length, 40);
	p->proto = h[6];
	p->ttl = h[7];
	set_addr(&p->src, AF_INET6, h + 8);
	set_addr(&p->dst, AF_INET6, h + 24);
	cursor_skip(c, 40);

	while (is_extension(p->proto)) {
		size_t size = 8;

		h = c->data;
		if (c->len < 8)
			goto cut_off;
		if (p->proto == IPPROTO_FRAGMENT) {
			uint16_t frag = be16(h + 2);

			p->frag_offset = frag & 0xfff8;
			p->fragmented = frag & 0xfff9;
			p->later_fragment = p->frag_offset != 0;
			p->ip_id = be32(h + 4);
		} else if (p->proto == IPPROTO_AH) {
			size = (h[1] + 2) * 4;
		} else {
			size = (h[1] + 1) * 8;
		}
		if (!cursor_skip(c, size))
			goto cut_off;
		p->payload = minus(p->payload, size);
		p->proto = h[0];
		if (p->later_fragment)
			return false;
	}
	return p->proto != IPPROTO_NONE;

cut_off:
	p->payload = 0;
	return false;
}

static bool proto_has_ports(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

static void parse_ports(struct hs_packet *p, const struct cursor *c)
{
	if (!proto_has_ports(p->proto) || c->len < 4)
		return;
	p->has_ports = true;
	p->src.port = be16(c->data);
	p->dst.port = be16(c->data + 2);
}

static void parse_udp(struct hs_packet *p, const struct cursor *c)
{
	uint16_t claimed;

	if (c->len < 8) {
		p->payload = 0;
		return;
	}
	claimed = be16(c->data + 4);
	/* of a fragmented datagram the field means the whole; bytes behind its end are no payload
	 */
	if (!p->fragmented && claimed >= 8 && claimed < p->payload)
		p->payload = claimed;
	p->payload = minus(p->payload, 8);
}

static void parse_tcp(struct hs_packet *p, const struct cursor *c)
{
	const uint8_t *h = c->data;

	if (c->len >= 8)
		p->tcp_seq = be32(h + 4);
	if (c->len >= 12)
		p->tcp_ack = be32(h + 8);
	if (c->len >= 16)
		p->tcp_window = be16(h + 14);
	if (c->len >= 14) {
		p->tcp_flags = h[13];
		p->payload = minus(p->payload, (h[12] >> 4) * 4);
	} else {
		p->payload = 0;
	}
}

static bool icmp_is_error(const struct hs_packet *p)
{
	/* RFC 4443 section 2.1 */
	if (p->version == 6)
		return p->icmp_type < 128;
	/* RFC 1122 section 3.2.2 */
	switch (p->icmp_type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	default:
		return false;
	}
}

static bool icmp_is_echo(const struct hs_packet *p)
{
	if (p->version == 6)
		return p->icmp_type == ICMP6_ECHO_REQUEST || p->icmp_type == ICMP6_ECHO_REPLY;
	return p->icmp_type == ICMP_ECHO || p->icmp_type == ICMP_ECHOREPLY;
}

static void parse_quote(struct hs_packet *p, struct cursor *c)
{
	struct hs_packet inner = {};
	bool more;

	more = p->version == 6 ? parse_ipv6(&inner, 0, c) : parse_ipv4(&inner, 0, c);
	if (!inner.version)
		return;
	if (more)
		parse_ports(&inner, c);
	p->has_quoted = true;
	p->quoted_proto = inner.proto;
	p->quoted_src = inner.src;
	p->quoted_dst = inner.dst;
	p->quoted_ip_id = inner.ip_id;
}

static void parse_icmp(struct hs_packet *p, struct cursor *c)
{
	const uint8_t *h = c->data;

	p->payload = minus(p->payload, 8);
	if (c->len < 2)
		return;
	p->has_icmp = true;
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	p->icmp_error = icmp_is_error(p);
	if (!cursor_skip(c, 8))
		return;
	p->icmp_info = be32(h + 4);
	if (icmp_is_echo(p)) {
		p->echo_id = be16(h + 4);
		p->echo_seq = be16(h + 6);
	}
	if (!p->icmp_error)
		return;
	if (p->version == 4 && p->icmp_type == ICMP_DEST_UNREACH &&
	    p->icmp_code == ICMP_FRAG_NEEDED)
		p->icmp_info &= 0xffff;
	parse_quote(p, c);
}

static void parse_transport(struct hs_packet *p, struct cursor *c)
{
	parse_ports(p, c);
	switch (p->proto) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		parse_udp(p, c);
		break;
	case IPPROTO_TCP:
		parse_tcp(p, c);
		break;
	case IPPROTO_ICMP:
		if (p->version == 4)
			parse_icmp(p, c);
		break;
	case IPPROTO_ICMPV6:
		if (p->version == 6)
			parse_icmp(p, c);
		break;
	}
}

/* RFC 826: hardware and protocol type, the lengths of their addresses, op, then four addresses. */
static void parse_arp(struct hs_packet *p, const struct cursor *c)
{
	const uint8_t *h = c->data;
	size_t hlen, plen = 4;

	if (c->len < 8 || be16(h + 2) != ETH_P_IP || h[5] != plen)
		return;
	hlen = h[4];
	p->arp_op = be16(h + 6);
	p->length = 8 + 2 * (hlen + plen);
	if (c->len >= 8 + hlen + plen)
		set_addr(&p->src, AF_INET, h + 8 + hlen);
	if (c->len >= p->length)
		set_addr(&p->dst, AF_INET, h + 8 + hlen + plen + hlen);
}

static bool gre_key(struct cursor *c, uint32_t *ret_id)
{
	bool checksum = c->len && c->data[0] & 0x80, key = c->len && c->data[0] & 0x20;

	if (!key || !cursor_skip(c, checksum ? 8 : 4) || c->len < 4)
		return false;
	*ret_id = be32(c->data);
	return true;
}

static bool udp_network(struct cursor *c, uint32_t *ret_id)
{
	if (!cursor_skip(c, 8) || c->len < 8)
		return false;
	*ret_id = be32(c->data + 4) >> 8;
	return true;
}

bool packet_tunnel_id(const uint8_t *data, size_t len, uint32_t *ret_id)
{
	struct hs_packet p = {};
	struct cursor c = { data, len };

	if (!parse_ipv4(&p, 0, &c) && (p.version || !parse_ipv6(&p, 0, &c)))
		return false;
	switch (p.proto) {
	case IPPROTO_GRE:
		return gre_key(&c, ret_id);
	case IPPROTO_UDP:
		return udp_network(&c, ret_id);
	default:
		return false;
	}
}

int packet_parse(struct hs_packet *ret_packet, uint16_t ethertype, uint32_t l3_length,
		 const uint8_t *data, size_t len)
{
	struct hs_packet p = { .ethertype = ethertype, .length = l3_length };
	struct cursor c = { data, len };

	switch (ethertype) {
	case ETH_P_IP:
		if (parse_ipv4(&p, l3_length, &c))
			parse_transport(&p, &c);
		break;
	case ETH_P_IPV6:
		if (parse_ipv6(&p, l3_length, &c))
			parse_transport(&p, &c);
		break;
	case ETH_P_ARP:
		parse_arp(&p, &c);
		break;
	}
	*ret_packet = p;
	return 0;
}

uint32_t packet_label(const uint8_t *data)
{
	return be32(data) >> 12;
}

size_t packet_skip_labels(uint16_t *ethertype, const uint8_t *data, size_t len)
{
	size_t labels = 0;
	bool last = false;

	if (*ethertype != ETH_P_MPLS_UC)
		return 0;
	for (; !last && labels + 4 < len; labels += 4)
		last = data[labels + 2] & 1; /* bottom of stack */
	if (!last || (data[labels] >> 4 != 4 && data[labels] >> 4 != 6))
		return 0;
	*ethertype = data[labels] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	return labels;
}

static enum hs_noise icmp6_noise(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
	case ND_ROUTER_ADVERT:
		return HS_NOISE_RS;
	case ND_NEIGHBOR_SOLICIT:
	case ND_NEIGHBOR_ADVERT:
		return HS_NOISE_ND;
	case MLD_LISTENER_QUERY:
	case MLD_LISTENER_REPORT:
	case MLD_LISTENER_REDUCTION:
	case ICMP6_MLD2_REPORT:
		return HS_NOISE_MLD;
	default:
		return HS_NOISE_NO;
	}
}

static enum hs_noise udp_noise(uint16_t port)
{
	switch (port) {
	case 5353:
		return HS_NOISE_MDNS;
	case 5355:
		return HS_NOISE_LLMNR;
	case 1900:
		return HS_NOISE_SSDP;
	default:
		return HS_NOISE_NO;
	}
}

enum hs_noise packet_noise(const struct hs_packet *packet)
{
	enum hs_noise noise = HS_NOISE_NO;

	switch (packet->ethertype) {
	case ETH_P_ARP:
		return HS_NOISE_ARP;
	case ETH_P_LLDP:
		return HS_NOISE_LLDP;
	case ETH_P_802_2:
		return HS_NOISE_STP;
	}
	if (packet->version == 4 && packet->proto == IPPROTO_IGMP)
		return HS_NOISE_IGMP;
	if (packet->version == 6 && packet->has_icmp)
		return icmp6_noise(packet->icmp_type);
	if (packet->version && packet->proto == IPPROTO_UDP && packet->has_ports) {
		noise = udp_noise(packet->dst.port);
		if (noise == HS_NOISE_NO)
			noise = udp_noise(packet->src.port);
	}
	return noise;
}

static bool same_addr(const struct hs_addr *a, const struct hs_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool packet_same_endpoint(const struct hs_endpoint *a, const struct hs_endpoint *b)
{
	return a->port == b->port && same_addr(&a->addr, &b->addr);
}

bool packet_same_datagram(const struct hs_packet *a, const struct hs_packet *b)
{
	return a->fragmented && b->fragmented && a->version == b->version && a->ip_id == b->ip_id &&
	       (a->version == 6 || a->proto == b->proto) && same_addr(&a->src.addr, &b->src.addr) &&
	       same_addr(&a->dst.addr, &b->dst.addr);
}

bool packet_is_same(const struct hs_packet *a, const struct hs_packet *b)
{
	return a->version == b->version && a->ethertype == b->ethertype && a->proto == b->proto &&
	       a->length == b->length && a->ip_id == b->ip_id && a->frag_offset == b->frag_offset &&
	       a->tcp_seq == b->tcp_seq && a->tcp_flags == b->tcp_flags &&
	       packet_same_endpoint(&a->src, &b->src) && packet_same_endpoint(&a->dst, &b->dst);
}

bool packet_quotes(const struct hs_packet *error, const struct hs_packet *original)
{
	bool quoted_ports = error->quoted_src.port || error->quoted_dst.port;

	if (!error->has_quoted || !original->version || original->later_fragment)
		return false;
	if (error->quoted_proto != original->proto ||
	    !same_addr(&error->quoted_src.addr, &original->src.addr) ||
	    !same_addr(&error->quoted_dst.addr, &original->dst.addr))
		return false;
	if (original->version == 4 && error->quoted_ip_id != original->ip_id)
		return false;
	if (!original->has_ports || !quoted_ports)
		return true;
	return error->quoted_src.port == original->src.port &&
	       error->quoted_dst.port == original->dst.port;
}

bool packet_is_unreachable_host(const struct hs_packet *p)
{
	if (!p->icmp_error)
		return false;
	if (p->version == 6)
		return p->icmp_type == ICMP6_DST_UNREACH && p->icmp_code == ICMP6_DST_UNREACH_ADDR;
	return p->icmp_type == ICMP_DEST_UNREACH && p->icmp_code == ICMP_HOST_UNREACH;
}

bool packet_is_too_big(const struct hs_packet *p)
{
	if (p->version == 6)
		return p->icmp_error && p->icmp_type == ICMP6_PACKET_TOO_BIG;
	return p->icmp_error && p->icmp_type == ICMP_DEST_UNREACH &&
	       p->icmp_code == ICMP_FRAG_NEEDED;
}

bool packet_is_address_answer(const struct hs_packet *packet)
{
	if (packet->ethertype == ETH_P_ARP)
		return packet->arp_op == 2;
	return packet->version == 6 && packet->has_icmp && packet->icmp_type == ND_NEIGHBOR_ADVERT;
}
