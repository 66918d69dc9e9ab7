// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hs_output {
	FILE *file; /* unbuffered: what is written with one call is not torn by the buffer below */
	int fd;
	bool own;   /* fd is closed with it */
	bool lines; /* text: what was cut off is taken back */
	off_t half; /* bytes written behind the last newline */
	int error;
	size_t used;
	char buf[1 << 18];
};

/* A full disk leaves half a line: it is taken back, unless somebody has written behind it. */
static void output_take_back(struct hs_output *out)
{
	off_t end = lseek(out->fd, 0, SEEK_CUR);
	struct stat st;

	if (end < out->half || fstat(out->fd, &st) || !S_ISREG(st.st_mode) || st.st_size != end)
		return;
	if (!ftruncate(out->fd, end - out->half))
		lseek(out->fd, end - out->half, SEEK_SET);
	out->half = 0;
}

static void output_drain(struct hs_output *out)
{
	size_t done = 0;
	const char *end;

	while (done < out->used && !out->error) {
		ssize_t n = write(out->fd, out->buf + done, out->used - done);

		if (n >= 0)
			done += n;
		else if (errno == EAGAIN) /* somebody made the terminal or pipe non-blocking */
			poll(&(struct pollfd){ .fd = out->fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			out->error = -errno;
	}
	end = memrchr(out->buf, '\n', done);
	out->half = end ? out->buf + done - (end + 1) : out->half + (off_t)done;
	out->used = 0;
	if (out->error && out->lines)
		output_take_back(out);
}

int output_put(struct hs_output *out, const void *data, size_t len)
{
	if (out->used + len > sizeof(out->buf))
		output_drain(out);
	for (size_t done = 0, n; done < len && !out->error; done += n) {
		n = len - done < sizeof(out->buf) ? len - done : sizeof(out->buf);
		memcpy(out->buf + out->used, (const char *)data + done, n);
		out->used += n;
		if (out->used == sizeof(out->buf))
			output_drain(out);
	}
	return out->error;
}

static ssize_t output_write(void *cookie, const char *data, size_t len)
{
	return output_put(cookie, data, len) ? 0 : (ssize_t)len;
}

static int output_make(struct hs_output **ret, int fd, bool own, bool lines)
{
	static const cookie_io_functions_t functions = { .write = output_write };
	struct hs_output *out = calloc(1, sizeof(*out));

	if (!out)
		goto fail;
	out->fd = fd;
	out->own = own;
	out->lines = lines;
	out->file = fopencookie(out, "w", functions);
	if (!out->file)
		goto fail;
	setvbuf(out->file, NULL, _IONBF, 0);
	*ret = out;
	return 0;
fail:
	free(out);
	if (own)
		close(fd);
	return -ENOMEM;
}

/* The owner of what is created: whoever called sudo. */
static void output_give_to_caller(int fd)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (uid && gid && !geteuid() && fchown(fd, strtoul(uid, NULL, 10), strtoul(gid, NULL, 10)))
		return; /* a file system without owners: the file is still good */
}

int output_open(struct hs_output **ret, const char *path, bool lines)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC, fd;

	if (!strcmp(path, "-"))
		return output_make(ret, STDOUT_FILENO, false, lines);
	fd = open(path, flags | O_EXCL, 0644);
	if (fd >= 0)
		output_give_to_caller(fd);
	else if (errno == EEXIST) /* it keeps its owner: it may be /dev/null */
		fd = open(path, flags | O_TRUNC, 0644);
	return fd < 0 ? -errno : output_make(ret, fd, true, lines);
}

int output_of_fd(struct hs_output **ret, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	return output_make(ret, fd, false, true);
}

FILE *output_file(struct hs_output *out)
{
	return out->file;
}

int output_flush(struct hs_output *out)
{
	output_drain(out);
	return out->error;
}

int output_close(struct hs_output *out)
{
	int error;

	if (!out)
		return 0;
	output_drain(out);
	fclose(out->file);
	if (out->own && close(out->fd) && !out->error)
		out->error = -errno;
	error = out->error;
	free(out);
	return error;
}
