// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hs_output {
	FILE *file;
	int fd;
	bool own;     /* fd is closed with it */
	bool regular; /* what was cut off can be taken back */
	bool lines;   /* text, so do it */
	off_t whole;  /* bytes up to the end of the last whole line */
	off_t size;
	int error;
};

static ssize_t output_write(void *cookie, const char *data, size_t len)
{
	struct hs_output *out = cookie;
	size_t done = 0;
	const char *end;

	if (out->error)
		return 0;
	while (done < len) {
		ssize_t n = write(out->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			out->error = n < 0 ? -errno : -EIO;
			break;
		}
		done += n;
	}
	end = memrchr(data, '\n', done);
	if (end)
		out->whole = out->size + (end + 1 - data);
	out->size += done;
	if (out->error && out->lines && out->regular && !ftruncate(out->fd, out->whole))
		out->size = out->whole;
	return out->error ? 0 : (ssize_t)len;
}

static int output_make(struct hs_output **ret, int fd, bool own, bool lines)
{
	static const cookie_io_functions_t functions = { .write = output_write };
	struct hs_output *out = calloc(1, sizeof(*out));
	struct stat st;

	if (!out)
		goto fail;
	out->fd = fd;
	out->own = own;
	out->lines = lines;
	out->regular = own && !fstat(fd, &st) && S_ISREG(st.st_mode);
	out->file = fopencookie(out, "w", functions);
	if (!out->file)
		goto fail;
	setvbuf(out->file, NULL, _IOFBF, 1 << 18);
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
	int fd;

	if (!strcmp(path, "-"))
		return output_make(ret, STDOUT_FILENO, false, lines);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	output_give_to_caller(fd);
	return output_make(ret, fd, true, lines);
}

int output_of_fd(struct hs_output **ret, int fd)
{
	return output_make(ret, fd, false, true);
}

FILE *output_file(struct hs_output *out)
{
	return out->file;
}

int output_flush(struct hs_output *out)
{
	fflush(out->file);
	return out->error;
}

int output_close(struct hs_output *out)
{
	int error;

	if (!out)
		return 0;
	fclose(out->file);
	if (out->own && close(out->fd) && !out->error)
		out->error = -errno;
	error = out->error;
	free(out);
	return error;
}
