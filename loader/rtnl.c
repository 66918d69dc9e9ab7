// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "rtnl.h"

#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

struct mnl_socket *rtnl_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int yes = 1, err;

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
		err = errno;
		mnl_socket_close(nl);
		errno = err;
		return NULL;
	}
	mnl_socket_setsockopt(nl, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes));
	return nl;
}

int rtnl_dump(struct mnl_socket *nl, uint16_t type, const void *header, size_t len, mnl_cb_t fn,
	      void *ctx)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int more = MNL_CB_OK;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), header, len);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		more = got > 0 ? mnl_cb_run(buf, (size_t)got, 1, mnl_socket_get_portid(nl), fn, ctx)
			       : got;
	}
	return more < 0 ? -errno : 0;
}
