// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells about its end before exec. */
struct child_failure {
	int error;
	char what[64];
};

static void child_fail(int fd, const char *what)
{
	struct child_failure failure = { .error = errno };

	snprintf(failure.what, sizeof(failure.what), "%s", what);
	if (write(fd, &failure, sizeof(failure)) != sizeof(failure))
		_exit(125);
	_exit(127);
}

static void child_become(const struct passwd *pw, int fd)
{
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		child_fail(fd, "becoming the user");
	setenv("HOME", pw->pw_dir, 1);
	setenv("USER", pw->pw_name, 1);
	setenv("LOGNAME", pw->pw_name, 1);
}

static void child_run(const struct hs_child_options *opt, const struct passwd *pw, int netns,
		      int go, int failed)
{
	char byte;

	/* End of file: trace has given up. */
	if (read(go, &byte, 1) != 1)
		_exit(125);
	if (netns >= 0 && setns(netns, CLONE_NEWNET))
		child_fail(failed, "entering the namespace");
	if (pw)
		child_become(pw, failed);
	sigaction(SIGPIPE, opt->on_pipe, NULL);
	sigaction(SIGCHLD, opt->on_child, NULL);
	sigprocmask(SIG_SETMASK, opt->mask, NULL);
	execvp(opt->argv[0], opt->argv);
	child_fail(failed, "");
}

int child_start(struct hs_child *child, const struct hs_child_options *opt, char *err,
		size_t err_len)
{
	struct passwd *pw = NULL;
	int go[2], failed[2], netns = -1;
	pid_t pid;

	if (opt->user) {
		errno = 0;
		pw = getpwnam(opt->user);
		if (!pw) {
			snprintf(err, err_len, "--user %s: %s", opt->user,
				 errno ? strerror(errno) : "no such user");
			return -ENOENT;
		}
	}
	if (opt->netns) {
		netns = open(opt->netns, O_RDONLY | O_CLOEXEC);
		if (netns < 0) {
			snprintf(err, err_len, "%s: %s", opt->netns, strerror(errno));
			return -errno;
		}
	}
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC)) {
		snprintf(err, err_len, "pipe: %s", strerror(errno));
		return -errno;
	}
	pid = fork();
	if (pid < 0) {
		snprintf(err, err_len, "fork: %s", strerror(errno));
		return -errno;
	}
	if (!pid) {
		close(go[1]);
		close(failed[0]);
		child_run(opt, pw, netns, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	if (netns >= 0)
		close(netns);
	*child = (struct hs_child){ .pid = pid, .go = go[1], .failed = failed[0] };
	return 0;
}

int child_release(struct hs_child *child, const char *name, char *err, size_t err_len)
{
	struct child_failure failure;
	ssize_t n;

	if (write(child->go, "", 1) != 1) {
		snprintf(err, err_len, "%s: it is gone already", name);
		return 126;
	}
	close(child->go);
	child->go = -1;
	/* exec closes the pipe: end of file is success. */
	do
		n = read(child->failed, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	close(child->failed);
	child->failed = -1;
	if (n != sizeof(failure))
		return 0;
	waitpid(child->pid, NULL, 0);
	snprintf(err, err_len, "%s: %s%s%s", name, failure.what, *failure.what ? ": " : "",
		 failure.error == ENOENT ? "no such program" : strerror(failure.error));
	return failure.error == ENOENT ? 127 : 126;
}

int child_status(struct hs_child *child)
{
	int status;

	if (child->ended)
		return child->status;
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return -EAGAIN;
	child->ended = true;
	child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return child->status;
}

void child_signal(const struct hs_child *child, int signal)
{
	if (!child->ended)
		kill(child->pid, signal);
}

void child_abandon(struct hs_child *child)
{
	if (child->go < 0)
		return;
	close(child->go);
	close(child->failed);
	waitpid(child->pid, NULL, 0);
	child->go = -1;
}
