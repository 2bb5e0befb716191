/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The datapath in the kernel: its programs, pinned maps and pinned links. libbpf
 * stays behind this header.
 *
 *	<bpffs>/v<WEIR_SCHEMA>/maps/<name>	maps
 *	<bpffs>/links/<ifindex>-<program>	links; each keeps its program
 *	<bpffs>/links/cgroup-<program>	the same, of the node's own sockets
 *	<bpffs>/links/<ifindex>-edge-<mode>	the same, of the fast path in XDP
 *	<bpffs>/clsact/<ifindex>	directories: the device has its clsact qdisc from weir
 *
 * What is pinned outlives the agent. datapath_free() forgets it, datapath_remove()
 * takes it away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "weir/reason.h"
#include "weir/state.h"
#include "weir/sweep.h"

struct datapath;

enum datapath_map {
	MAP_STATE,
	MAP_ENDPOINT,
	MAP_PEER4,
	MAP_PEER6,
	MAP_RULESET,
	MAP_POLICY_CLASS,
	MAP_POLICY_PORT,
	MAP_POLICY_CIDR4,
	MAP_POLICY_CIDR6,
	MAP_POLICY_BITS,
	MAP_CT4,
	MAP_CT6,
	MAP_CT4_NEW,
	MAP_CT6_NEW,
	MAP_FRAG,
	MAP_FRONTEND4,
	MAP_FRONTEND6,
	MAP_SERVICE_PORT,
	MAP_BACKEND_SLOT,
	MAP_BACKEND,
	MAP_SERVICE_RANGE4,
	MAP_SERVICE_RANGE6,
	MAP_AFFINITY4,
	MAP_AFFINITY6,
	MAP_SERVICE_HIT,
	MAP_SOCKET_PEER,
	MAP_NODE_CIDR4,
	MAP_NODE_CIDR6,
	MAP_MASQUERADE,
	MAP_UNMASQUERADED4,
	MAP_UNMASQUERADED6,
	MAP_METRIC,
	DATAPATH_MAP_MAX,
};

enum datapath_program {
	PROGRAM_FROM_POD,
	PROGRAM_TO_POD,
	PROGRAM_FROM_WIRE,
	PROGRAM_TO_WIRE,
	PROGRAM_FROM_OVERLAY,
	PROGRAM_TO_OVERLAY,
	DATAPATH_ATTACHED_MAX,
	PROGRAM_SWEEP = DATAPATH_ATTACHED_MAX,
	PROGRAM_CLOCK,
	DATAPATH_PROGRAM_MAX,
};

/* Where the fast path of the uplink runs (docs/decisions/0011). */
enum xdp_mode {
	XDP_MODE_OFF,
	XDP_MODE_NATIVE, /* in the driver */
	XDP_MODE_GENERIC, /* behind it, at the price of a packet that is made and copied before */
	XDP_MODE_MAX,
};

static inline const char *xdp_mode_name(enum xdp_mode mode)
{
	static const char *const names[XDP_MODE_MAX] = {
		[XDP_MODE_OFF] = "off",
		[XDP_MODE_NATIVE] = "native",
		[XDP_MODE_GENERIC] = "generic",
	};

	return names[mode];
}

struct datapath_config {
	const char *bpffs; /* directory of a BPF file system, see datapath_mount() */
	/* Of connections from outside that go on to another node; @source_ports 0: the default. */
	uint16_t source_port, source_ports;
	struct masquerade_ports masquerade_ports[MASQUERADE_KINDS]; /* a count of 0: the default */
	uint32_t sizes[DATAPATH_MAP_MAX]; /* of maps that are made, 0: the default */
	bool direct; /* backends' nodes answer clients outside (docs/decisions/0012) */
	bool xdp; /* load what datapath_attach_xdp() attaches */
	bool clsact; /* attach as before Linux 6.6; otherwise decided by what the kernel takes */
	bool tunnel; /* load what serves a tunnel device, for packets of the network @tunnel_id; */
	uint32_t tunnel_id;
	uint32_t tunnel_flags4, tunnel_flags6; /* weir/state.h */
	bool sockets; /* load what datapath_attach_sockets() attaches, */
	bool sockets_everyone; /* which serves all network namespaces, not the caller's only */
};

/* What libbpf says goes to the debug log from now on, as after datapath_open(). */
void datapath_hush(void);

/* Makes the directory, and mounts a BPF file system where there is none. 0 or a negative errno. */
int datapath_mount(const char *bpffs);

/*
 * Load the programs over the pinned maps, which are adopted if there are some.
 * What is attached stays as it is. 0 or a negative errno; @error (DATAPATH_ERROR_MAX
 * bytes) says what was attempted.
 */
#define DATAPATH_ERROR_MAX 512
int datapath_open(struct datapath **ret, const struct datapath_config *config, char *error);
void datapath_free(struct datapath *dp);
void datapath_freep(struct datapath **dp);

/* Borrowed. */
int datapath_map_fd(const struct datapath *dp, enum datapath_map map);
const char *datapath_map_name(enum datapath_map map);

/* A map that was adopted has the size that it was made with, whatever is configured. */
uint32_t datapath_map_entries_max(const struct datapath *dp, enum datapath_map map);

/* The largest size that may be configured; 0: it is fixed. */
uint32_t datapath_map_size_max(enum datapath_map map);

/* The mapped `state`: a store to it is seen by the next packet. */
volatile struct node_state *datapath_state(struct datapath *dp);

/*
 * Element @index of a mapped array: MAP_SERVICE_PORT, MAP_BACKEND_SLOT or MAP_BACKEND.
 * A store to it is seen by the next packet. Good until another element of the same
 * array is asked for, which may map another part of it. NULL: the array ends before.
 */
volatile void *datapath_element(struct datapath *dp, enum datapath_map map, uint32_t index);

/* The datapath's clock: jiffies, and how many of them make a second. */
int datapath_clock(uint32_t *ret, struct datapath *dp);
uint32_t datapath_hz(const struct datapath *dp);

/*
 * Delete those of @count keys (at most SWEEP_KEYS_MAX) whose flow has expired.
 * Returns how many, or a negative errno.
 */
int datapath_sweep(struct datapath *dp, enum ct_table table, const void *keys, uint32_t count);

/* All packet counters, by metric_index(). 0 or a negative errno. */
int datapath_metrics(struct datapath *dp, struct metric ret[static METRIC_MAX]);

/* One of the programs on a device, replacing what a former agent attached there. */
int datapath_attach(struct datapath *dp, uint32_t ifindex, enum datapath_program program);

/*
 * Both programs of a pod, as fast as the kernel allows: by clsact, because a TCX
 * attachment waits for an RCU grace period (10 ms) under the lock over all links.
 * TCX links of a former agent take the new programs.
 */
int datapath_attach_pod(struct datapath *dp, uint32_t ifindex);

/*
 * The same programs by pinned TCX links, which run in front of the clsact ones and
 * instead of them. Slow. May be called from another thread. -EOPNOTSUPP: the
 * kernel has no TCX; what is attached serves.
 */
int datapath_promote_pod(struct datapath *dp, uint32_t ifindex);

/*
 * Take the links of a device away: only when it is gone or down, for otherwise
 * its packets pass by all policy.
 */
void datapath_detach(struct datapath *dp, uint32_t ifindex);

/*
 * Services for sockets: the programs at @cgroup, a directory of cgroup v2; NULL: where it
 * is usually mounted. They replace what a former agent attached. Beside those of others:
 * each agent serves its own network namespace. 0 or a negative errno; @error
 * (DATAPATH_ERROR_MAX bytes) says what is missing, and nothing else depends on it.
 */
int datapath_attach_sockets(struct datapath *dp, const char *cgroup, char *error);
void datapath_detach_sockets(struct datapath *dp);

/*
 * The fast path at a device that has from_wire and to_wire already. It replaces what a former
 * agent attached there, and its other mode. 0 or a negative errno; @error (DATAPATH_ERROR_MAX
 * bytes) says what is missing, and nothing else depends on it.
 */
int datapath_attach_xdp(struct datapath *dp, uint32_t ifindex, enum xdp_mode mode, char *error);
/* At once. Nothing happens where there is none. */
void datapath_detach_xdp(struct datapath *dp, uint32_t ifindex);

/* By what a program of this agent gets the packets of a device, the better way last. */
enum datapath_guard {
	GUARD_NONE,
	GUARD_CLSACT,
	GUARD_TCX,
};

/* Of one program. -ENODEV: the device is gone. May take 50 microseconds without TCX, 1 with it. */
int datapath_guard_of(struct datapath *dp, uint32_t ifindex, enum datapath_program program);

/* The device has the filters that datapath_attach_pod() leaves there. */
bool datapath_guards_pod(uint32_t ifindex);

/*
 * Take the clsact filters away from a device that stays without weir. Whether the
 * qdisc that held them was made for them.
 */
bool datapath_unfilter(const char *bpffs, uint32_t ifindex);

/* Calls @fn for each device that has something of this datapath, perhaps several times. */
int datapath_each_device(struct datapath *dp, void (*fn)(uint32_t ifindex, void *arg), void *arg);

/*
 * Unpin the maps of other schemas, which an agent of another version left. Once
 * programs of this one are attached everywhere nobody uses them. 0 or a negative errno.
 */
int datapath_remove_former(const char *bpffs);

/*
 * Unpin everything below @bpffs, of all schemas; the file system that
 * datapath_mount() mounted goes as well, if it is empty then. 0 or a negative errno.
 */
int datapath_remove(const char *bpffs);
