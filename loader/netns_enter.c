// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "netns_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

struct visit {
	const char *path;
	uint32_t inum;
	int (*fn)(void *ctx);
	void *ctx;
	int result;
};

static int enter(const char *path, uint32_t inum)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat there, here;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &there))
		err = -errno;
	else if (there.st_ino != inum)
		err = -ESTALE;
	else if (stat("/proc/thread-self/ns/net", &here) || here.st_ino != there.st_ino ||
		 here.st_dev != there.st_dev)
		err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

static void *visit(void *arg)
{
	struct visit *v = arg;

	v->result = enter(v->path, v->inum);
	if (!v->result)
		v->result = v->fn(v->ctx);
	return NULL;
}

int netns_run(const char *path, uint32_t inum, int (*fn)(void *ctx), void *ctx)
{
	struct visit v = { path, inum, fn, ctx, 0 };
	sigset_t all, old;
	pthread_t thread;
	int err;

	/* signals stay with the caller's thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, NULL, visit, &v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return v.result;
}

int netns_cookie(uint64_t *ret)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	socklen_t len = sizeof(*ret);
	uint64_t cookie;

	if (fd < 0)
		return -errno;
	err = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) ? -errno : 0;
	close(fd);
	if (!err)
		*ret = cookie;
	return err;
}
