/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network namespaces that exist now, and what people call them. Live only. Nothing here keeps a
 * namespace alive, and the calling thread never leaves its own.
 */
#ifndef HS_NETNS_SCAN_H
#define HS_NETNS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define HS_NETNS_LABEL 64 /* with the NUL; as in struct hs_rec_netns */
#define HS_NETNS_PATH  288

struct hs_netns {
	char label[HS_NETNS_LABEL];
	char path[HS_NETNS_PATH]; /* can be opened for setns(), while it lasts */
	uint32_t inum;		  /* inode of the namespace; used again when it is gone */
	uint64_t born;		  /* start, in clock ticks, of the process that names it, else 0 */
};

struct hs_netns_list {
	struct hs_netns *list;
	size_t n;
};

/*
 * All namespaces that have a name or a process: `host` first, then those of /run/netns (by name),
 * of containers ("docker:" and the file in /run/docker/netns), then "net:bash[4711]" after the
 * oldest process. `host` is the namespace of process 1; where that cannot be read, of kthreadd;
 * else the one that this program runs in. No two labels are alike: the second gets "(2)" appended.
 * 0 or -ENOMEM; what cannot be read is left out.
 */
int netns_list(struct hs_netns_list *ret);
void netns_list_free(struct hs_netns_list *list);

/*
 * The namespace that a label means, of those above and any "net:COMM[PID]" or "net:INODE" that was
 * printed earlier. -ENOENT, and `err` lists what there is; -ENOMEM.
 */
int netns_find(const char *label, struct hs_netns *ret, char *err, size_t errlen);

/* The label of the n-th namespace of one name: "ns_a", 2 gives "ns_a(2)". `ret` may be `base`. */
void netns_label_number(char ret[HS_NETNS_LABEL], const char *base, unsigned int n);

#endif
