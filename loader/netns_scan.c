// SPDX-License-Identifier: BSD-2-Clause
#include "netns_scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static void label_set(char ret[HS_NETNS_LABEL], const char *text)
{
	snprintf(ret, HS_NETNS_LABEL, "%s", text);
	for (char *p = ret; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
}

void netns_label_number(char ret[HS_NETNS_LABEL], const char *base, unsigned int n)
{
	char number[16], text[HS_NETNS_LABEL];
	int len = snprintf(number, sizeof(number), "(%u)", n);

	snprintf(text, sizeof(text), "%.*s%s", HS_NETNS_LABEL - 1 - len, base, number);
	memcpy(ret, text, sizeof(text));
}

static struct hs_netns *list_find(const struct hs_netns_list *list, uint32_t inum)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].inum == inum)
			return &list->list[i];
	return NULL;
}

static int list_add(struct hs_netns_list *list, const struct hs_netns *ns)
{
	struct hs_netns *bigger = reallocarray(list->list, list->n + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	list->list = bigger;
	bigger[list->n++] = *ns;
	return 0;
}

/* 0 when `path` is no namespace, or none that can be looked at. */
static uint32_t path_inum(const char *path)
{
	struct statfs fs;
	struct stat st;

	/* a name whose mount is gone is an ordinary file */
	if (statfs(path, &fs) || fs.f_type != NSFS_MAGIC || stat(path, &st))
		return 0;
	return st.st_ino;
}

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len < 0)
		return false;
	buf[len] = '\0';
	return true;
}

/* Name and start of a process: fields 2 and 22 of proc(5)'s stat; the name may hold blanks and ')'.
 */
static bool process_read(unsigned int pid, char comm[32], uint64_t *ret_born)
{
	char path[64], stat[1024], *open, *close, *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (!read_file(path, stat, sizeof(stat)))
		return false;
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || close < open)
		return false;
	*close = '\0';
	snprintf(comm, 32, "%s", open + 1);
	p = close + 1;
	for (int field = 2; field < 22 && *p; field++) {
		p += strspn(p, " ");
		if (field < 21)
			p += strcspn(p, " ");
	}
	*ret_born = strtoull(p, NULL, 10);
	return true;
}

static int scan_host(struct hs_netns_list *list)
{
	struct hs_netns ns = { .label = "host" };
	char comm[32];
	uint64_t born;

	strcpy(ns.path, "/proc/1/ns/net");
	ns.inum = path_inum(ns.path);
	if (!ns.inum && process_read(2, comm, &born) && !strcmp(comm, "kthreadd")) {
		strcpy(ns.path, "/proc/2/ns/net");
		ns.inum = path_inum(ns.path);
	}
	if (!ns.inum) {
		strcpy(ns.path, "/proc/self/ns/net");
		ns.inum = path_inum(ns.path);
	}
	return ns.inum ? list_add(list, &ns) : 0;
}

static int skip_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int scan_directory(struct hs_netns_list *list, const char *dir, const char *prefix)
{
	struct dirent **names;
	int n = scandir(dir, &names, skip_dots, alphasort), err = 0;

	if (n < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < n; i++) {
		struct hs_netns ns = {};
		char label[sizeof(names[i]->d_name) + 16];

		snprintf(ns.path, sizeof(ns.path), "%s/%s", dir, names[i]->d_name);
		snprintf(label, sizeof(label), "%s%s", prefix, names[i]->d_name);
		free(names[i]);
		ns.inum = path_inum(ns.path);
		if (err || !ns.inum || list_find(list, ns.inum))
			continue;
		label_set(ns.label, label);
		err = list_add(list, &ns);
	}
	free(names);
	return err;
}

static int scan_process(struct hs_netns_list *list, unsigned int pid)
{
	char comm[32], label[64];
	struct hs_netns ns = {}, *known;

	snprintf(ns.path, sizeof(ns.path), "/proc/%u/ns/net", pid);
	ns.inum = path_inum(ns.path);
	if (!ns.inum)
		return 0;
	known = list_find(list, ns.inum);
	if (known && !known->born) /* has a better name than that of a process */
		return 0;
	if (!process_read(pid, comm, &ns.born) || (known && known->born <= ns.born))
		return 0;
	snprintf(label, sizeof(label), "net:%s[%u]", comm, pid);
	label_set(ns.label, label);
	if (!known)
		return list_add(list, &ns);
	*known = ns;
	return 0;
}

static int scan_processes(struct hs_netns_list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int err = 0;

	if (!proc)
		return 0;
	while (!err && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]))
			err = scan_process(list, strtoul(e->d_name, NULL, 10));
	closedir(proc);
	return err;
}

static bool label_taken(const struct hs_netns_list *list, size_t before, const char *label)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(list->list[i].label, label))
			return true;
	return false;
}

int netns_list(struct hs_netns_list *ret)
{
	struct hs_netns_list list = {};
	int err = scan_host(&list);

	if (!err)
		err = scan_directory(&list, "/run/netns", "");
	if (!err)
		err = scan_directory(&list, "/run/docker/netns", "docker:");
	if (!err)
		err = scan_processes(&list);
	if (err) {
		netns_list_free(&list);
		return err;
	}
	for (size_t i = 1; i < list.n; i++) {
		char base[HS_NETNS_LABEL];

		memcpy(base, list.list[i].label, sizeof(base));
		for (unsigned int n = 2; label_taken(&list, i, list.list[i].label); n++)
			netns_label_number(list.list[i].label, base, n);
	}
	*ret = list;
	return 0;
}

void netns_list_free(struct hs_netns_list *list)
{
	free(list->list);
	*list = (struct hs_netns_list){};
}

/* What a label of an earlier moment means now, when it is none of today's. */
static const struct hs_netns *find_other(const struct hs_netns_list *list, const char *label)
{
	size_t len = strlen(label), base = len;
	const char *bracket = strrchr(label, '[');
	char path[64], rest;
	unsigned int number;

	if (sscanf(label, "net:%u%c", &number, &rest) == 1)
		return list_find(list, number);
	if (bracket && !strncmp(label, "net:", 4) &&
	    sscanf(bracket, "[%u]%c", &number, &rest) == 1) {
		snprintf(path, sizeof(path), "/proc/%u/ns/net", number);
		return list_find(list, path_inum(path));
	}
	/* "ns_a(2)" was the second ns_a of some run; there is one ns_a now */
	while (base > 0 && label[base - 1] != '(')
		base--;
	if (base < 2 || sscanf(label + base - 1, "(%u)%c", &number, &rest) != 1)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->list[i].label) == base - 1 &&
		    !strncmp(list->list[i].label, label, base - 1))
			return &list->list[i];
	return NULL;
}

int netns_find(const char *label, struct hs_netns *ret, char *err, size_t errlen)
{
	const struct hs_netns *found = NULL;
	struct hs_netns_list all;
	size_t len;

	if (netns_list(&all)) {
		snprintf(err, errlen, "namespace '%s': out of memory", label);
		return -ENOMEM;
	}
	for (size_t i = 0; i < all.n && !found; i++)
		if (!strcmp(all.list[i].label, label))
			found = &all.list[i];
	if (!found)
		found = find_other(&all, label);
	if (found) {
		*ret = *found;
		netns_list_free(&all);
		return 0;
	}
	snprintf(err, errlen, "no network namespace '%s'; there is:", label);
	for (size_t i = 0; i < all.n; i++) {
		len = strlen(err);
		if (len < errlen)
			snprintf(err + len, errlen - len, "%s %s", i ? "," : "", all.list[i].label);
	}
	netns_list_free(&all);
	return -ENOENT;
}
