/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of datapath.h: shared by its files. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/datapath.h"
#include "weir/maps.h"
#include "weir/state.h"

/*
 * A mapped array, or a window of it; without memory: another map. Pages that are mapped
 * count as the agent's own memory, so of a large array only a window is.
 */
struct mapped_array {
	char *memory;
	size_t length;
	size_t offset; /* of the window in the array, bytes */
	size_t total; /* bytes of the array */
	uint32_t stride; /* bytes from one element to the next */
};

/* Programs of socket.bpf.o, for the address families 4 and 6 each. */
#define SOCKET_PROGRAM_MAX 8

struct datapath {
	char *bpffs;
	bool clsact;
	uint32_t hz;
	int maps[DATAPATH_MAP_MAX];
	uint32_t entries_max[DATAPATH_MAP_MAX];
	int programs[DATAPATH_PROGRAM_MAX];
	int socket_programs[SOCKET_PROGRAM_MAX];
	char socket_error[DATAPATH_ERROR_MAX]; /* why those are not loaded */
	int xdp_program;
	char xdp_error[DATAPATH_ERROR_MAX];
	struct mapped_array arrays[DATAPATH_MAP_MAX];
};

/* Of the programs that are attached to devices: name, and where by either way. */
struct attach_point {
	const char *name;
	enum bpf_attach_type tcx;
	enum bpf_tc_attach_point clsact;
};

extern const struct attach_point attach_points[DATAPATH_ATTACHED_MAX];

/* Attach by a clsact filter; the device has left. */
int clsact_attach(const struct datapath *dp, uint32_t ifindex, enum datapath_program program);
/* It has the filter that clsact_attach() has left there. */
bool clsact_has(uint32_t ifindex, enum datapath_program program);
void clsact_forget(const struct datapath *dp, uint32_t ifindex);

/*
 * Before @obj is loaded: its maps get the configured size, but one that is pinned in
 * @pins keeps its own, for it is full of what packets need. 0 or a negative errno.
 */
int datapath_size_maps(struct bpf_object *obj, const uint32_t *sizes, const char *pins);

/* Maps the arrays that the agent writes as memory. On failure @failed is the map. */
int datapath_map_arrays(struct datapath *dp, enum datapath_map *failed);
void datapath_unmap_arrays(struct datapath *dp);

/* The maps of a loaded object that are not known yet: size and a descriptor of our own. */
int datapath_keep_maps(struct datapath *dp, struct bpf_object *obj);

/* "WHAT OBJECT: errno (what libbpf complained of)". Returns @r. */
int datapath_fail(char *error, int r, const char *what, const char *object);

/* Before an object is loaded: what its programs shall know of the node. */
void datapath_configure(struct node_config *node, const struct datapath *dp,
			const struct datapath_config *config);

/* The program of the fast path. 0 or a negative errno. */
int datapath_load_xdp(struct datapath *dp, const struct bpf_object_open_opts *opts,
		      const struct datapath_config *config);

/* The programs of the node's own sockets. 0 or a negative errno. */
int datapath_load_sockets(struct datapath *dp, const struct bpf_object_open_opts *opts,
			  const struct datapath_config *config);

/* Finds out how many jiffies make a second. */
int datapath_measure_hz(struct datapath *dp);
