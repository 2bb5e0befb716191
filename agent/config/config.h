/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration of weir-agent: one table of options; each is a key of the YAML
 * file under the same name without the dashes, and a command line option. The
 * command line wins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "datapath/datapath.h"
#include "model/node_routes.h"
#include "source/api_config.h"

#define CONFIG_FILE "/etc/weir/weir.yaml"
#define CONFIG_NODE_TAINT_DEFAULT "weir/agent-not-ready"
#define CONFIG_CIDRS_MAX 2 /* one per family */
#define CONFIG_NODE_PORT_CIDRS_MAX 16
#define CONFIG_SERVICE_CIDRS_MAX SERVICE_CIDRS_MAX
#define CONFIG_UNMASQUERADED_MAX 64
#define CONFIG_UPLINKS_MAX 8
#define CONFIG_MTU_MIN 1280 /* what IPv6 needs */
#define CONFIG_MTU_MAX 65535
#define CONFIG_WHY_MAX 256 /* what is wrong with one value */
#define CONFIG_ERROR_MAX 768 /* the same, with the place */

/* Whose sockets use services without a packet being translated. */
enum socket_services {
	SOCKET_SERVICES_HOST, /* those of the agent's network namespace */
	SOCKET_SERVICES_ALL, /* the pods' as well */
	SOCKET_SERVICES_OFF,
	SOCKET_SERVICES_MAX,
};

/* As it is configured. */
static inline const char *socket_services_name(enum socket_services services)
{
	static const char *const names[SOCKET_SERVICES_MAX] = {
		[SOCKET_SERVICES_HOST] = "host",
		[SOCKET_SERVICES_ALL] = "all",
		[SOCKET_SERVICES_OFF] = "off",
	};

	return names[services];
}

/* Whether the fast path in XDP is wanted. */
enum xdp_wanted {
	XDP_WANTED_OFF,
	XDP_WANTED_AUTO, /* where the driver can */
	XDP_WANTED_NATIVE, /* the same, and where it cannot it is a problem */
	XDP_WANTED_GENERIC,
	XDP_WANTED_MAX,
};

/* As it is configured. */
static inline const char *xdp_wanted_name(enum xdp_wanted wanted)
{
	static const char *const names[XDP_WANTED_MAX] = {
		[XDP_WANTED_OFF] = "off",
		[XDP_WANTED_AUTO] = "auto",
		[XDP_WANTED_NATIVE] = "native",
		[XDP_WANTED_GENERIC] = "generic",
	};

	return names[wanted];
}

/* Whether the UDP packets around those in a tunnel have a checksum. */
enum vxlan_checksum {
	VXLAN_CHECKSUM_AUTO, /* between IPv6 addresses only, where it is due */
	VXLAN_CHECKSUM_YES,
	VXLAN_CHECKSUM_NO,
	VXLAN_CHECKSUM_MAX,
};

struct config {
	char *manifests; /* directory, NULL: none */
	char *kubeconfig; /* file, NULL: none */
	char *api_servers[API_SERVERS_MAX]; /* URLs */
	size_t api_server_count;
	char *node_name;
	char *node_taint; /* key; "": none */
	struct prefix pod_cidrs[CONFIG_CIDRS_MAX];
	size_t pod_cidr_count;
	char *state_dir;
	char *run_dir;
	char *bpffs;
	char *cni_conf; /* file, NULL: somebody else writes it */
	char *cgroup; /* NULL: where cgroup v2 is usually mounted */
	enum socket_services socket_services;
	/* Of connections from outside to a service that go on to another node. */
	uint16_t source_port_first, source_port_last;
	bool direct; /* service-forwarding is dsr: their backend's node answers them */
	enum xdp_wanted xdp;
	uint32_t maglev_size; /* entries of a Maglev table (model/maglev.h) */
	struct prefix node_port_cidrs[CONFIG_NODE_PORT_CIDRS_MAX]; /* where NodePorts answer, */
	size_t node_port_cidr_count; /* 0: see nodeaddr.h */
	struct prefix service_cidrs[CONFIG_SERVICE_CIDRS_MAX]; /* of services, or nobody's */
	size_t service_cidr_count;
	struct ip_addr health_ip;
	uint16_t health_port; /* 0: nobody is told of this node's health */
	enum routing_mode routing_mode;
	uint32_t vxlan_id; /* VXLAN network identifier */
	uint16_t vxlan_port; /* UDP */
	enum vxlan_checksum vxlan_checksum;
	char *uplinks[CONFIG_UPLINKS_MAX];
	size_t uplink_count; /* 0: one, found by the default route */
	unsigned int mtu; /* 0: the uplink's */
	bool masquerade;
	struct masquerade_ports masquerade_ports[MASQUERADE_KINDS];
	struct prefix unmasqueraded[CONFIG_UNMASQUERADED_MAX]; /* to where pods keep their address */
	size_t unmasqueraded_count;
	uint32_t table_sizes[DATAPATH_MAP_MAX]; /* 0: the default */
	unsigned int drift_interval_s; /* between two rounds of the patrol; 0: there is none */
	enum log_level log_level;
	bool cleanup; /* remove everything and end; command line only */
};

enum config_key {
	CONFIG_MANIFESTS,
	CONFIG_KUBECONFIG,
	CONFIG_API_SERVER,
	CONFIG_NODE_NAME,
	CONFIG_NODE_TAINT,
	CONFIG_POD_CIDR,
	CONFIG_STATE_DIR,
	CONFIG_RUN_DIR,
	CONFIG_BPFFS,
	CONFIG_CNI_CONF,
	CONFIG_CGROUP,
	CONFIG_SOCKET_SERVICES,
	CONFIG_FORWARDING,
	CONFIG_SOURCE_PORTS,
	CONFIG_MAGLEV_SIZE,
	CONFIG_SERVICE_CIDR,
	CONFIG_NODE_PORT_CIDR,
	CONFIG_HEALTH_ADDRESS,
	CONFIG_ROUTING_MODE,
	CONFIG_VXLAN_ID,
	CONFIG_VXLAN_PORT,
	CONFIG_VXLAN_CHECKSUM,
	CONFIG_UPLINK,
	CONFIG_XDP,
	CONFIG_MTU,
	CONFIG_MASQUERADE,
	CONFIG_MASQUERADE_PORTS,
	CONFIG_UNMASQUERADED,
	CONFIG_TABLE_SIZE,
	CONFIG_DRIFT_INTERVAL,
	CONFIG_LOG_LEVEL,
	CONFIG_KEY_MAX,
};

struct config_option {
	const char *name;
	const char *value; /* what to call its argument */
	const char *help;
	bool list; /* may be repeated; a sequence in YAML */
};

extern const struct config_option config_options[CONFIG_KEY_MAX];

/* Fills in defaults. 0 or -ENOMEM. */
int config_init(struct config *config);
void config_done(struct config *config);

/*
 * Set one key. 0, -ENOMEM, or -EINVAL with a sentence about the value in @why
 * (CONFIG_WHY_MAX bytes).
 */
int config_set(struct config *config, enum config_key key, const char *value, char *why);

/* Before the values of a list are set: forget those of a weaker source. */
void config_clear_list(struct config *config, enum config_key key);

/* Objects come from API servers: they are named, or this is a pod and no directory is. */
bool config_uses_api(const struct config *config);

/*
 * Read a YAML file. 0, -ENOENT and other errors of open(2), or -EINVAL; @error
 * (CONFIG_ERROR_MAX bytes) then names file, line and key.
 */
int config_read_file(struct config *config, const char *path, char *error);

/*
 * The whole way: defaults, file, command line, and what must fit together. 0, or
 * a negative errno with @error filled. Ends the process for --help and --version.
 */
int config_load(struct config *config, int argc, char **argv, char *error);
