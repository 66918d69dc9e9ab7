/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes of a packet, where the user asked for them. */
#ifndef HS_PAYLOAD_BPF_H
#define HS_PAYLOAD_BPF_H

/* Bytes from the network header on, at most HS_SNAP_MAX; 0: none. Fixed before load. */
const volatile __u32 hs_snap = 0;

/* For tracepoints from 6.12 on; user space does not ask for payload where it is missing. */
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags,
			       struct bpf_dynptr *ptr) __ksym __weak;

/* A packet's bytes may lie in pages of their own, which only the kernel's own function finds. */
static __always_inline void hs_emit_payload(struct sk_buff *skb, __u32 l3, __u32 len)
{
	__u64 data = (__u64)skb->data - (__u64)skb->head;
	struct hs_rec_payload *rec;
	struct bpf_dynptr ptr;

	barrier_var(data);
	if (len > hs_snap)
		len = hs_snap;
	if (bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &ptr)) {
		hs_count_lost(HS_LOST_PAYLOAD);
		return;
	}
	rec = hs_begin(HS_REC_PAYLOAD, 0, sizeof(*rec) + hs_snap, false);
	if (!rec)
		return;
	rec->skb = (__u64)skb;
	rec->pad = 0;
	rec->len = bpf_dynptr_read(rec->data, len, &ptr, l3 - (__u32)data, 0) ? 0 : len;
	if (rec->len != len)
		hs_count_lost(HS_LOST_PAYLOAD);
	rec->hdr.size = sizeof(*rec) + rec->len;
	hs_submit(rec);
}

#endif
