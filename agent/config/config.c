// SPDX-License-Identifier: Apache-2.0
#include "config/private.h"

#include <errno.h>
#include <limits.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "model/maglev.h"

int config_set_string(char **ret, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*ret);
	*ret = copy;
	return 0;
}

int config_init(struct config *config)
{
	char host[HOST_NAME_MAX + 1] = "";
	int r;

	*config = (struct config){ .source_port_first = 10000,
				   .source_port_last = 29999,
				   .maglev_size = MAGLEV_SIZE_DEFAULT,
				   .vxlan_id = 1,
				   .vxlan_port = 8472,
				   .masquerade = true,
				   .drift_interval_s = 1,
				   .masquerade_ports = {
					   [MASQUERADE_TCP] = { 10000, 20000 },
					   [MASQUERADE_UDP] = { 10000, 20000 },
					   [MASQUERADE_SCTP] = { 10000, 20000 },
					   [MASQUERADE_ECHO] = { 10000, 20000 },
				   },
				   .log_level = LOG_LEVEL_INFO };
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		strcpy(host, "localhost");
	r = config_set_string(&config->node_name, host);
	r = r ?: config_set_string(&config->node_taint, CONFIG_NODE_TAINT_DEFAULT);
	r = r ?: config_set_string(&config->state_dir, "/var/lib/weir");
	r = r ?: config_set_string(&config->run_dir, "/run/weir");
	r = r ?: config_set_string(&config->bpffs, "/sys/fs/bpf/weir");
	if (r < 0)
		config_done(config);
	return r;
}

void config_done(struct config *config)
{
	free(config->manifests);
	free(config->kubeconfig);
	config_clear_list(config, CONFIG_API_SERVER);
	free(config->node_name);
	free(config->node_taint);
	free(config->state_dir);
	free(config->run_dir);
	free(config->bpffs);
	free(config->cni_conf);
	free(config->cgroup);
	config_clear_list(config, CONFIG_UPLINK);
	*config = (struct config){};
}

int config_refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int set_dir(char **ret, const char *value, char *why)
{
	if (value[0] != '/')
		return config_refuse(why, "\"%s\" is not an absolute path", value);
	return config_set_string(ret, value);
}

static int set_cgroup(struct config *config, const char *value, char *why)
{
	return strcmp(value, "auto") ? set_dir(&config->cgroup, value, why) :
				       config_set_string(&config->cgroup, NULL);
}

static int set_socket_services(struct config *config, const char *value, char *why)
{
	for (int i = 0; i < SOCKET_SERVICES_MAX; i++) {
		if (strcmp(value, socket_services_name((enum socket_services)i)))
			continue;
		config->socket_services = (enum socket_services)i;
		return 0;
	}
	return config_refuse(why, "\"%s\" is not host, all or off", value);
}

static int add_api_server(struct config *config, const char *value, char *why)
{
	struct api_config scratch = {};
	char error[API_CONFIG_ERROR_MAX];
	int r = api_config_add_server(&scratch, value, error);

	api_config_done(&scratch);
	if (r == -EINVAL)
		return config_refuse(why, "%.*s", CONFIG_WHY_MAX - 1, error);
	if (!r && config->api_server_count == API_SERVERS_MAX)
		return config_refuse(why, "\"%.128s\" is one too many: at most %d", value, API_SERVERS_MAX);
	return r ?: config_set_string(&config->api_servers[config->api_server_count++], value);
}

bool config_uses_api(const struct config *config)
{
	return config->kubeconfig || config->api_server_count ||
	       (!config->manifests && api_config_in_pod(API_POD_DIR));
}

static int find_table(enum datapath_map *ret, const char *value, size_t length)
{
	const char *name;

	for (int map = 0; map < DATAPATH_MAP_MAX; map++) {
		name = datapath_map_name((enum datapath_map)map);
		if (!datapath_map_size_max((enum datapath_map)map) || strlen(name) != length ||
		    memcmp(name, value, length))
			continue;
		*ret = (enum datapath_map)map;
		return 0;
	}
	return -ENOENT;
}

static int set_table_size(struct config *config, const char *value, char *why)
{
	size_t length = strcspn(value, "=");
	enum datapath_map map;
	uint64_t size = 0;

	if (!value[length])
		return config_refuse(why, "\"%s\" is not like peer4=200000", value);
	if (find_table(&map, value, length) < 0)
		return config_refuse(why, "\"%.*s\" is no table whose size can be chosen", (int)length,
			      value);
	if (parse_u64(&size, value + length + 1, datapath_map_size_max(map)) < 0 || !size)
		return config_refuse(why, "\"%s\": the size must be 1 to %" PRIu32, value,
			      datapath_map_size_max(map));
	if (config->table_sizes[map])
		return config_refuse(why, "\"%s\" is a second size of the same table", value);
	config->table_sizes[map] = (uint32_t)size;
	return 0;
}

static int set_bool(bool *ret, const char *value, char *why)
{
	if (!strcmp(value, "yes") || !strcmp(value, "true"))
		*ret = true;
	else if (!strcmp(value, "no") || !strcmp(value, "false"))
		*ret = false;
	else
		return config_refuse(why, "\"%s\" is neither yes nor no", value);
	return 0;
}

int config_set(struct config *config, enum config_key key, const char *value, char *why)
{
	switch (key) {
	case CONFIG_MANIFESTS:
		return set_dir(&config->manifests, value, why);
	case CONFIG_KUBECONFIG:
		return set_dir(&config->kubeconfig, value, why);
	case CONFIG_API_SERVER:
		return add_api_server(config, value, why);
	case CONFIG_NODE_NAME:
		return config_set_node_name(config, value, why);
	case CONFIG_NODE_TAINT:
		return config_set_node_taint(config, value, why);
	case CONFIG_POD_CIDR:
		return config_add_pod_cidr(config, value, why);
	case CONFIG_STATE_DIR:
		return set_dir(&config->state_dir, value, why);
	case CONFIG_RUN_DIR:
		return set_dir(&config->run_dir, value, why);
	case CONFIG_BPFFS:
		return set_dir(&config->bpffs, value, why);
	case CONFIG_CNI_CONF:
		return set_dir(&config->cni_conf, value, why);
	case CONFIG_CGROUP:
		return set_cgroup(config, value, why);
	case CONFIG_SOCKET_SERVICES:
		return set_socket_services(config, value, why);
	case CONFIG_FORWARDING:
		return config_set_forwarding(config, value, why);
	case CONFIG_SOURCE_PORTS:
		return config_set_source_ports(config, value, why);
	case CONFIG_MAGLEV_SIZE:
		return config_set_maglev_size(config, value, why);
	case CONFIG_SERVICE_CIDR:
		return config_add_service_cidr(config, value, why);
	case CONFIG_NODE_PORT_CIDR:
		return config_add_node_port_cidr(config, value, why);
	case CONFIG_HEALTH_ADDRESS:
		return config_set_health_address(config, value, why);
	case CONFIG_ROUTING_MODE:
		return config_set_routing_mode(config, value, why);
	case CONFIG_VXLAN_ID:
		return config_set_vxlan_id(config, value, why);
	case CONFIG_VXLAN_PORT:
		return config_set_vxlan_port(config, value, why);
	case CONFIG_VXLAN_CHECKSUM:
		return config_set_vxlan_checksum(config, value, why);
	case CONFIG_UPLINK:
		return config_add_uplink(config, value, why);
	case CONFIG_XDP:
		return config_set_xdp(config, value, why);
	case CONFIG_MTU:
		return config_set_mtu(config, value, why);
	case CONFIG_MASQUERADE:
		return set_bool(&config->masquerade, value, why);
	case CONFIG_MASQUERADE_PORTS:
		return config_set_masquerade_ports(config, value, why);
	case CONFIG_UNMASQUERADED:
		return config_add_unmasqueraded(config, value, why);
	case CONFIG_TABLE_SIZE:
		return set_table_size(config, value, why);
	case CONFIG_DRIFT_INTERVAL:
		return config_set_drift_interval(config, value, why);
	case CONFIG_LOG_LEVEL:
		if (log_level_parse(&config->log_level, value) < 0)
			return config_refuse(why, "\"%s\" is not error, warn, info or debug", value);
		return 0;
	case CONFIG_KEY_MAX:
		break;
	}
	return config_refuse(why, "no such option");
}

void config_clear_list(struct config *config, enum config_key key)
{
	if (key == CONFIG_API_SERVER)
		while (config->api_server_count)
			config_set_string(&config->api_servers[--config->api_server_count], NULL);
	else if (key == CONFIG_UPLINK)
		while (config->uplink_count)
			config_set_string(&config->uplinks[--config->uplink_count], NULL);
	else if (key == CONFIG_POD_CIDR)
		config->pod_cidr_count = 0;
	else if (key == CONFIG_SERVICE_CIDR)
		config->service_cidr_count = 0;
	else if (key == CONFIG_NODE_PORT_CIDR)
		config->node_port_cidr_count = 0;
	else if (key == CONFIG_UNMASQUERADED)
		config->unmasqueraded_count = 0;
	else if (key == CONFIG_TABLE_SIZE)
		memset(config->table_sizes, 0, sizeof(config->table_sizes));
}
