// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "datapath/private.h"
#include "overlay.skel.h"
#include "pod.skel.h"
#include "sweep.skel.h"
#include "uplink.skel.h"

int datapath_map_fd(const struct datapath *dp, enum datapath_map map)
{
	return dp->maps[map];
}

uint32_t datapath_map_entries_max(const struct datapath *dp, enum datapath_map map)
{
	return dp->entries_max[map];
}

void datapath_free(struct datapath *dp)
{
	if (!dp)
		return;
	datapath_unmap_arrays(dp);
	for (int i = 0; i < DATAPATH_PROGRAM_MAX; i++)
		closep(&dp->programs[i]);
	for (int i = 0; i < SOCKET_PROGRAM_MAX; i++)
		closep(&dp->socket_programs[i]);
	closep(&dp->xdp_program);
	for (int i = 0; i < DATAPATH_MAP_MAX; i++)
		closep(&dp->maps[i]);
	free(dp->bpffs);
	free(dp);
}

void datapath_freep(struct datapath **dp)
{
	datapath_free(*dp);
}

/* What libbpf said first about the object that is being loaded; libbpf has one voice for all. */
static char complaint[160];

/* Its first warning names the culprit, later ones the consequences. */
static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	if (level == LIBBPF_DEBUG || (complaint[0] && !log_enabled(LOG_LEVEL_DEBUG)))
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	if (level == LIBBPF_WARN && !complaint[0])
		snprintf(complaint, sizeof(complaint), "%.159s", line);
	return 0;
}

void datapath_hush(void)
{
	libbpf_set_print(on_libbpf);
}

static int duplicate(int *ret, int fd)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *ret < 0 ? -errno : 0;
}

/* Keep file descriptors only: an open object costs a megabyte. */
int datapath_keep_maps(struct datapath *dp, struct bpf_object *obj)
{
	struct bpf_map *map;
	int r;

	for (int i = 0; i < DATAPATH_MAP_MAX; i++) {
		map = bpf_object__find_map_by_name(obj, datapath_map_name((enum datapath_map)i));
		if (!map || dp->maps[i] >= 0)
			continue;
		dp->entries_max[i] = bpf_map__max_entries(map);
		r = duplicate(&dp->maps[i], bpf_map__fd(map));
		if (r < 0)
			return r;
	}
	return 0;
}

static int keep_program(struct datapath *dp, enum datapath_program which,
			const struct bpf_program *program)
{
	return duplicate(&dp->programs[which], bpf_program__fd(program));
}

void datapath_configure(struct node_config *node, const struct datapath *dp,
			const struct datapath_config *config)
{
	node->endpoint_slots = ENDPOINT_SLOTS;
	node->hz = dp->hz;
	node->direct = config->direct;
	if (config->source_ports) {
		node->source_port = config->source_port;
		node->source_ports = config->source_ports;
	}
	for (int i = 0; i < MASQUERADE_KINDS; i++)
		if (config->masquerade_ports[i].count)
			node->masquerade_ports[i] = config->masquerade_ports[i];
}

static int load_sweep(struct datapath *dp, const struct bpf_object_open_opts *opts,
		      const struct datapath_config *config)
{
	struct sweep *skel = sweep__open_opts(opts);
	int r;

	if (!skel)
		return -errno;
	r = datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: sweep__load(skel);
	r = r ?: datapath_keep_maps(dp, skel->obj);
	r = r ?: keep_program(dp, PROGRAM_SWEEP, skel->progs.sweep);
	r = r ?: keep_program(dp, PROGRAM_CLOCK, skel->progs.clock);
	sweep__destroy(skel);
	return r;
}

static int load_pod(struct datapath *dp, const struct bpf_object_open_opts *opts,
		    const struct datapath_config *config)
{
	struct pod *skel = pod__open_opts(opts);
	int r;

	if (!skel)
		return -errno;
	datapath_configure((struct node_config *)&skel->rodata->config, dp, config);
	r = datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: pod__load(skel);
	r = r ?: datapath_keep_maps(dp, skel->obj);
	r = r ?: keep_program(dp, PROGRAM_FROM_POD, skel->progs.from_pod);
	r = r ?: keep_program(dp, PROGRAM_TO_POD, skel->progs.to_pod);
	pod__destroy(skel);
	return r;
}

static int load_uplink(struct datapath *dp, const struct bpf_object_open_opts *opts,
		       const struct datapath_config *config)
{
	struct uplink *skel = uplink__open_opts(opts);
	int r;

	if (!skel)
		return -errno;
	datapath_configure((struct node_config *)&skel->rodata->config, dp, config);
	r = datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: uplink__load(skel);
	r = r ?: datapath_keep_maps(dp, skel->obj);
	r = r ?: keep_program(dp, PROGRAM_FROM_WIRE, skel->progs.from_wire);
	r = r ?: keep_program(dp, PROGRAM_TO_WIRE, skel->progs.to_wire);
	uplink__destroy(skel);
	return r;
}

static int load_overlay(struct datapath *dp, const struct bpf_object_open_opts *opts,
			const struct datapath_config *config)
{
	struct overlay *skel = overlay__open_opts(opts);
	struct node_config *node;
	int r;

	if (!skel)
		return -errno;
	node = (struct node_config *)&skel->rodata->config;
	datapath_configure(node, dp, config);
	node->tunnel_id = config->tunnel_id;
	node->tunnel_flags4 = config->tunnel_flags4;
	node->tunnel_flags6 = config->tunnel_flags6;
	r = datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: overlay__load(skel);
	r = r ?: keep_program(dp, PROGRAM_FROM_OVERLAY, skel->progs.from_overlay);
	r = r ?: keep_program(dp, PROGRAM_TO_OVERLAY, skel->progs.to_overlay);
	overlay__destroy(skel);
	return r;
}

int datapath_fail(char *error, int r, const char *what, const char *object)
{
	snprintf(error, DATAPATH_ERROR_MAX, "%.60s %.120s: %.60s%s%.159s%s", what, object,
		 strerror(-r), complaint[0] ? " (" : "", complaint, complaint[0] ? ")" : "");
	complaint[0] = '\0';
	return r;
}

int datapath_open(struct datapath **ret, const struct datapath_config *config, char *error)
{
	cleanup(datapath_freep) struct datapath *dp = calloc(1, sizeof(*dp));
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	enum datapath_map map = MAP_STATE;
	char pins[PATH_MAX];
	int r;

	if (!dp)
		return datapath_fail(error, -ENOMEM, "loading", "datapath");
	memset(dp->maps, 0xff, sizeof(dp->maps));
	memset(dp->programs, 0xff, sizeof(dp->programs));
	memset(dp->socket_programs, 0xff, sizeof(dp->socket_programs));
	dp->xdp_program = -1;
	dp->clsact = config->clsact;
	dp->bpffs = strdup(config->bpffs);
	snprintf(pins, sizeof(pins), "%s/v%d/maps", config->bpffs, WEIR_SCHEMA);
	opts.pin_root_path = pins;
	datapath_hush();
	complaint[0] = '\0';

	r = dp->bpffs ? file_make_dirs(pins, 0700) : -ENOMEM;
	if (r < 0)
		return datapath_fail(error, r, "making", pins);
	r = load_sweep(dp, &opts, config);
	r = r ?: datapath_measure_hz(dp);
	if (r < 0)
		return datapath_fail(error, r, "loading", "sweep.bpf.o");
	r = load_pod(dp, &opts, config);
	if (r < 0)
		return datapath_fail(error, r, "loading", "pod.bpf.o");
	r = load_uplink(dp, &opts, config);
	if (r < 0)
		return datapath_fail(error, r, "loading", "uplink.bpf.o");
	r = config->tunnel ? load_overlay(dp, &opts, config) : 0;
	if (r < 0)
		return datapath_fail(error, r, "loading", "overlay.bpf.o");
	r = config->sockets ? datapath_load_sockets(dp, &opts, config) : 0;
	/* Pods need nothing of it: datapath_attach_sockets() tells. */
	if (r < 0)
		datapath_fail(dp->socket_error, r, "loading", "socket.bpf.o");
	/* Nor of this: it is the same path, sooner. */
	r = config->xdp ? datapath_load_xdp(dp, &opts, config) : 0;
	if (r < 0)
		datapath_fail(dp->xdp_error, r, "loading", "edge_xdp.bpf.o");
	r = datapath_map_arrays(dp, &map);
	if (r < 0)
		return datapath_fail(error, r, "mapping", datapath_map_name(map));
	*ret = take_ptr(&dp);
	return 0;
}
