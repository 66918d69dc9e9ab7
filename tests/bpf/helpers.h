/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done with a packet of a test run: helpers.bpf.c, helpers.c. */
#ifndef HELPERS_H
#define HELPERS_H

enum t_what {
	T_BIRTH,
	T_BIRTH_FROM_DATA, /* the network header is where the data begins */
	T_STAGE,
	T_ICMP,
	T_FUNCTION, /* t_cookie: which */
	T_LEADS_OUTSIDE,
};

#endif
