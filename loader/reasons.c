// SPDX-License-Identifier: BSD-2-Clause
#include "reasons.h"

#include <string.h>

static const struct hs_reason_info reasons[] = {
#define HS_REASON(name, sentence, remedy) { name, sentence, remedy },
#include "reasons.def"
#undef HS_REASON
};

#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

const struct hs_reason_info *reasons_all(size_t *ret_n)
{
	*ret_n = N_REASONS;
	return reasons;
}

const struct hs_reason_info *reason_info(const char *name)
{
	for (size_t i = 0; i < N_REASONS; i++)
		if (!strcmp(reasons[i].name, name))
			return &reasons[i];
	return NULL;
}

static bool is_among(const char *function, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

bool reason_may_be_no_socket(const char *function)
{
	static const char *const names[] = { "__udp4_lib_rcv", "__udp6_lib_rcv", "tcp_v4_rcv",
					     "tcp_v6_rcv" };

	return is_among(function, names, sizeof(names) / sizeof(names[0]));
}

/* br_handle_frame(): what its prerouting drops, nf_hook_bridge_pre(), before 6.7. */
bool reason_may_be_rule(const char *function)
{
	static const char *const names[] = { "nf_hook_slow", "br_handle_frame" };

	return is_among(function, names, sizeof(names) / sizeof(names[0]));
}

/* ip_error(); ip6_rt_init_dst_reject() has the others, which end in _out for what is sent; or what they call. */
bool reason_is_no_route(const char *function)
{
	static const char *const names[] = { "ip_error", "ip6_pkt_discard", "ip6_pkt_prohibit",
					     "ip6_pkt_drop", "dst_discard" };
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if (!strncmp(function, names[i], len) &&
		    (!function[len] || !strcmp(function + len, "_out")))
			return true;
	}
	return false;
}
