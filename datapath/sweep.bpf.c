// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that the agent runs through BPF_PROG_TEST_RUN; they are attached
 * nowhere.
 *
 *	sweep	deletes expired flows (weir/sweep.h), with the datapath's own clock
 *	clock	returns that clock: jiffies, low 32 bits
 */
#include "lib/ct_table.h"
#include "weir/sweep.h"

struct sweep {
	struct __sk_buff *skb;
	__u32 table;
	__u32 now;
	__u32 deleted;
};

static __always_inline _Bool is_dead(const struct ct_entry *entry, __u32 now)
{
	return entry && ct_is_expired(entry, now);
}

static __always_inline long sweep4(struct sweep *sweep, __u32 index)
{
	__u32 offset = SWEEP_OFFSET + sizeof(struct sweep_request) + index * sizeof(struct ct4_key);
	struct ct4_key key;
	long r;

	if (bpf_skb_load_bytes(sweep->skb, offset, &key, sizeof(key)))
		return 1;
	if (sweep->table == CT_TABLE_4) {
		if (!is_dead(bpf_map_lookup_elem(&ct4, &key), sweep->now))
			return 0;
		r = bpf_map_delete_elem(&ct4, &key);
	} else {
		if (!is_dead(bpf_map_lookup_elem(&ct4_new, &key), sweep->now))
			return 0;
		r = bpf_map_delete_elem(&ct4_new, &key);
	}
	sweep->deleted += !r;
	return 0;
}

static __always_inline long sweep6(struct sweep *sweep, __u32 index)
{
	__u32 offset = SWEEP_OFFSET + sizeof(struct sweep_request) + index * sizeof(struct ct6_key);
	struct ct6_key key;
	long r;

	if (bpf_skb_load_bytes(sweep->skb, offset, &key, sizeof(key)))
		return 1;
	if (sweep->table == CT_TABLE_6) {
		if (!is_dead(bpf_map_lookup_elem(&ct6, &key), sweep->now))
			return 0;
		r = bpf_map_delete_elem(&ct6, &key);
	} else {
		if (!is_dead(bpf_map_lookup_elem(&ct6_new, &key), sweep->now))
			return 0;
		r = bpf_map_delete_elem(&ct6_new, &key);
	}
	sweep->deleted += !r;
	return 0;
}

/* Callback for each key; 1 ends the sweep. */
static long sweep_key(__u32 index, void *ctx)
{
	struct sweep *sweep = ctx;

	if (sweep->table == CT_TABLE_4 || sweep->table == CT_TABLE_4_NEW)
		return sweep4(sweep, index);
	if (sweep->table == CT_TABLE_6 || sweep->table == CT_TABLE_6_NEW)
		return sweep6(sweep, index);
	return 1;
}

SEC("tc")
int sweep(struct __sk_buff *skb)
{
	struct sweep_request request;
	struct sweep sweep = { .skb = skb, .now = (__u32)bpf_jiffies64() };

	if (bpf_skb_load_bytes(skb, SWEEP_OFFSET, &request, sizeof(request)))
		return 0;
	sweep.table = request.table;
	if (request.count > SWEEP_KEYS_MAX)
		request.count = SWEEP_KEYS_MAX;
	bpf_loop(request.count, sweep_key, &sweep, 0);
	return sweep.deleted;
}

SEC("tc")
int clock(struct __sk_buff *skb)
{
	return (int)bpf_jiffies64();
}

char license_name[] SEC("license") = "Dual BSD/GPL";
