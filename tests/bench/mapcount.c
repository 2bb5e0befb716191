// SPDX-License-Identifier: Apache-2.0
#include "mapcount.h"

#include <bpf/bpf.h>

static struct mapcount count;

struct mapcount mapcount_take(void)
{
	struct mapcount taken = count;

	count = (struct mapcount){};
	return taken;
}

int __real_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	count.calls++;
	count.entries++;
	return __real_bpf_map_update_elem(fd, key, value, flags);
}

int __real_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	count.calls++;
	count.entries++;
	return __real_bpf_map_delete_elem(fd, key);
}

int __real_bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *n,
				const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *n,
				const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *n,
				const struct bpf_map_batch_opts *opts)
{
	int r = __real_bpf_map_update_batch(fd, keys, values, n, opts);

	count.calls++;
	count.entries += *n;
	return r;
}

int __real_bpf_map_delete_batch(int fd, const void *keys, __u32 *n,
				const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_delete_batch(int fd, const void *keys, __u32 *n,
				const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_delete_batch(int fd, const void *keys, __u32 *n,
				const struct bpf_map_batch_opts *opts)
{
	int r = __real_bpf_map_delete_batch(fd, keys, n, opts);

	count.calls++;
	count.entries += *n;
	return r;
}
