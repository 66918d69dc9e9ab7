/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet's headers tell. Pure.
 */
#ifndef HS_PACKET_H
#define HS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/*
 * Reads the `len` captured bytes from the network header on; `l3_length` is how many the packet
 * really has, 0 when that is unknown. Understands IPv4 (RFC 791), IPv6 with its extension headers
 * (RFC 8200), UDP (768), UDP-Lite, TCP (9293), SCTP and DCCP (ports only), ICMP (792), ICMPv6
 * (4443) with the packet that an error quotes, and ARP for IPv4 (826).
 *
 * Always 0: what is cut off, malformed or of another protocol is simply not set; `version` is 0
 * unless a whole IP header was there. Of a cut transport header as many fields are set as came.
 *
 * - length: the IP header's own field where it is plausible. A packet with segmentation offload
 *   (GSO, GRO) has it 0 (longer than 64 KiB) or too small: then it is `l3_length`, as it is where
 *   the field promises more than there is. A frame padded to 60 bytes keeps the field's value.
 * - proto: after the extension headers; that of the extension header where it was cut off.
 * - payload: after the transport header, or after the IP header for other protocols; 0 where the
 *   header that ends it was cut off. Of a fragment: its own bytes only.
 * - icmp_info: the second word of the ICMP header in host order: the MTU of "packet too big", the
 *   gateway of a redirect. In "fragmentation needed" only its low half, which is the MTU.
 * - fragmented: false for an atomic IPv6 fragment (RFC 6946), which is whole.
 */
int packet_parse(struct hs_packet *ret_packet, uint16_t ethertype, uint32_t l3_length,
		 const uint8_t *data, size_t len);

/*
 * How many bytes of MPLS labels (RFC 3032) come first; `ethertype` becomes that of what they are
 * before, if that is IP. 0: none, or not all of them were captured.
 */
size_t packet_skip_labels(uint16_t *ethertype, const uint8_t *data, size_t len);
/* The label that begins there, 4 bytes. */
uint32_t packet_label(const uint8_t *data);

/*
 * Of the header that a tunnel put before a packet, by its first bytes: the key of GRE (RFC 2890), or the
 * network identifier behind a UDP header, which VXLAN (RFC 7348) and Geneve (RFC 8926) have in the same
 * place. False: none is there, or it was not captured.
 */
bool packet_tunnel_id(const uint8_t *data, size_t len, uint32_t *ret_id);

/*
 * What kind of background traffic this is, HS_NOISE_NO for none. STP is any frame with an LLC
 * header (ETH_P_802_2), which is all that the kernel says of it above the link layer.
 */
enum hs_noise packet_noise(const struct hs_packet *packet);

/* An ICMP or ICMPv6 error that says: the next hop does not answer, or the host behind it. */
bool packet_is_unreachable_host(const struct hs_packet *p);

/* An ICMP or ICMPv6 error that says: longer than the next device's MTU, icmp_info. */
bool packet_is_too_big(const struct hs_packet *p);

/* An ARP reply, or a neighbour advertisement (RFC 4861, 4.4). */
bool packet_is_address_answer(const struct hs_packet *packet);

bool packet_same_endpoint(const struct hs_endpoint *a, const struct hs_endpoint *b);

/* Two fragments of one datagram, unless its sender uses the number again (RFC 791, 3.2; RFC 8200, 4.5). */
bool packet_same_datagram(const struct hs_packet *a, const struct hs_packet *b);

/* Two headers that say the same: of one packet, and of a copy of it. */
bool packet_is_same(const struct hs_packet *a, const struct hs_packet *b);

/*
 * Is `error` an ICMP or ICMPv6 error about `original`? Compares protocol, addresses, the ports
 * where both know them, and for IPv4 the identification. A later fragment is never reported on.
 */
bool packet_quotes(const struct hs_packet *error, const struct hs_packet *original);

#endif
