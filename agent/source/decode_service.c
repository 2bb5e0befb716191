// SPDX-License-Identifier: Apache-2.0
/*
 * Service. What an API server would refuse is refused as a whole, and what was said of
 * the Service before stays in force. An address that cannot be meant is left out of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"
#include "source/names.h"
#include "source/schema.h"

#define PORT_MAX 65535
#define FAMILIES 2
#define AFFINITY_SECONDS_MAX 86400
#define AFFINITY_SECONDS_DEFAULT 10800

/* Their presence counts, whatever their value. */
#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define FOREIGN_LABEL "service.kubernetes.io/service-proxy-name"

static const char *const affinities[] = { "None", "ClientIP", NULL };
static const char *const families[] = { "IPv4", "IPv6", NULL };
static const char *const family_policies[] = { "SingleStack", "PreferDualStack",
					       "RequireDualStack", NULL };
static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
/* Indexed by enum service_type. */
static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
				     NULL };
static const char *const traffic_policies[] = { "Cluster", "Local", NULL };

static const struct schema any_string = { .type = SCHEMA_STRING };
static const struct schema family = { .type = SCHEMA_STRING, .values = families };

static const struct schema metadata_fields[] = {
	{ "labels", SCHEMA_STRING_MAP },
	{},
};

static const struct schema port_fields[] = {
	{ "name", SCHEMA_STRING },
	{ "protocol", SCHEMA_STRING, .values = protocols },
	{ "port", SCHEMA_INT, .required = true, .min = 1, .max = PORT_MAX },
	{ "targetPort", SCHEMA_INT_OR_STRING, .max = PORT_MAX },
	{ "nodePort", SCHEMA_INT, .max = PORT_MAX },
	{ "appProtocol", SCHEMA_STRING },
	{},
};
static const struct schema port_schema = { .fields = port_fields };

static const struct schema client_ip_fields[] = {
	{ "timeoutSeconds", SCHEMA_INT, .min = 1, .max = AFFINITY_SECONDS_MAX },
	{},
};
static const struct schema affinity_fields[] = {
	{ "clientIP", .fields = client_ip_fields },
	{},
};

static const struct schema spec_fields[] = {
	{ "allocateLoadBalancerNodePorts", SCHEMA_BOOL },
	{ "clusterIP", SCHEMA_STRING },
	{ "clusterIPs", SCHEMA_LIST, .max = FAMILIES, .element = &any_string },
	{ "externalIPs", SCHEMA_LIST, .element = &any_string },
	{ "externalName", SCHEMA_STRING },
	{ "externalTrafficPolicy", SCHEMA_STRING, .values = traffic_policies },
	{ "healthCheckNodePort", SCHEMA_INT, .max = PORT_MAX },
	{ "internalTrafficPolicy", SCHEMA_STRING, .values = traffic_policies },
	{ "ipFamilies", SCHEMA_LIST, .element = &family },
	{ "ipFamilyPolicy", SCHEMA_STRING, .values = family_policies },
	{ "loadBalancerClass", SCHEMA_STRING },
	{ "loadBalancerIP", SCHEMA_STRING },
	{ "loadBalancerSourceRanges", SCHEMA_LIST, .element = &any_string },
	{ "ports", SCHEMA_LIST, .element = &port_schema },
	{ "publishNotReadyAddresses", SCHEMA_BOOL },
	{ "selector", SCHEMA_STRING_MAP },
	{ "sessionAffinity", SCHEMA_STRING, .values = affinities },
	{ "sessionAffinityConfig", .fields = affinity_fields },
	{ "trafficDistribution", SCHEMA_STRING },
	{ "type", SCHEMA_STRING, .values = types },
	{},
};

static const struct schema ingress_fields[] = {
	{ "ip", SCHEMA_STRING },
	{ "ipMode", SCHEMA_STRING },
	{},
};
static const struct schema ingress_schema = { .fields = ingress_fields };
static const struct schema balancer_fields[] = {
	{ "ingress", SCHEMA_LIST, .element = &ingress_schema },
	{},
};
static const struct schema status_fields[] = {
	{ "loadBalancer", .fields = balancer_fields },
	{},
};
static const struct schema service_fields[] = {
	{ "metadata", .fields = metadata_fields },
	{ "spec", .fields = spec_fields },
	{ "status", .fields = status_fields },
	{},
};
static const struct schema service_schema = { .fields = service_fields };

static int decode_port(struct service_spec_port *ret, const struct field *field, bool is_only)
{
	struct field name = field_get(field, "name");
	struct field protocol = field_get(field, "protocol");
	struct field port = field_get(field, "port");
	struct field node_port = field_get(field, "nodePort");
	int64_t number = 0, node_number = 0;
	const char *text = "";
	int r;

	r = field_string(&text, &name) ?: decode_proto(&ret->proto, &protocol) ?:
	    field_int(&number, &port, 1, PORT_MAX) ?:
	    field_int(&node_number, &node_port, 0, PORT_MAX);
	if (r < 0)
		return r;
	if (!*text && !is_only)
		return field_error(&name, "is required where there are several ports");
	if (*text && !name_is_label(text))
		return field_error(&name, "must be a lower case name, not \"%s\"", text);
	ret->port = (uint16_t)number;
	ret->node_port = (uint16_t)node_number;
	ret->name = strdup(text);
	return ret->name ? 0 : -ENOMEM;
}

/* Names; ports, and node ports, of the same protocol. */
static int check_unique(const struct service *service, const struct field *list)
{
	cleanup(freep) struct schema_key *keys = calloc(service->port_count + 1, sizeof(*keys));
	const struct service_spec_port *ports = service->ports;
	size_t count = service->port_count, node_ports = 0;
	int r;

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct schema_key){ ports[i].name, 0, i };
	r = schema_check_unique(keys, count, list, "name");
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct schema_key){ "", ports[i].proto << 16 | ports[i].port, i };
	r = schema_check_unique(keys, count, list, "port") ?: r;
	for (size_t i = 0; i < count; i++)
		if (ports[i].node_port)
			keys[node_ports++] = (struct schema_key){
				"", ports[i].proto << 16 | ports[i].node_port, i
			};
	return schema_check_unique(keys, node_ports, list, "nodePort") ?: r;
}

static int decode_ports(struct service *service, const struct field *list)
{
	int r;

	if (!field_count(list))
		return 0;
	service->ports = calloc(field_count(list), sizeof(*service->ports));
	if (!service->ports)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field element = field_at(list, i);

		r = decode_port(&service->ports[i], &element, field_count(list) == 1);
		if (r < 0)
			return r;
		service->port_count++;
	}
	return check_unique(service, list);
}

/* "None" leaves the timeout at 0. */
static int decode_affinity(struct service *service, const struct field *spec)
{
	struct field affinity = field_get(spec, "sessionAffinity");
	struct field config = field_get(spec, "sessionAffinityConfig");
	struct field client_ip = field_get(&config, "clientIP");
	struct field timeout = field_get(&client_ip, "timeoutSeconds");
	int64_t seconds = AFFINITY_SECONDS_DEFAULT;
	unsigned int index = 0;
	int r = field_enum(&index, &affinity, affinities) ?:
		field_int(&seconds, &timeout, 1, AFFINITY_SECONDS_MAX);

	if (!r && index)
		service->affinity_s = (uint32_t)seconds;
	return r;
}

static int decode_local(bool *ret, const struct field *spec, const char *name)
{
	struct field field = field_get(spec, name);
	unsigned int index = 0;
	int r = field_enum(&index, &field, traffic_policies);

	*ret = index;
	return r;
}

static int decode_spec(struct service *service, const struct field *spec)
{
	struct field type = field_get(spec, "type");
	struct field health = field_get(spec, "healthCheckNodePort");
	struct field ports = field_get(spec, "ports");
	unsigned int index = SERVICE_CLUSTER_IP;
	int64_t health_port = 0;
	int r;

	r = field_enum(&index, &type, types) ?: field_int(&health_port, &health, 0, PORT_MAX);
	r = r ?: decode_local(&service->internal_local, spec, "internalTrafficPolicy");
	r = r ?: decode_local(&service->external_local, spec, "externalTrafficPolicy");
	service->type = (enum service_type)index;
	service->health_port = (uint16_t)health_port;
	return r ?: decode_affinity(service, spec) ?: decode_ports(service, &ports);
}

int decode_service(struct object *obj, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field labels = field_get(&metadata, "labels");
	struct field spec = field_get(root, "spec");
	struct field status = field_get(root, "status");
	int r = schema_check(&service_schema, root);

	if (r < 0)
		return r;
	obj->service = calloc(1, sizeof(*obj->service));
	if (!obj->service)
		return -ENOMEM;
	obj->service->headless = json_object_get(labels.value, HEADLESS_LABEL);
	obj->service->foreign = json_object_get(labels.value, FOREIGN_LABEL);
	return decode_spec(obj->service, &spec) ?:
	       decode_service_addrs(obj->service, &spec, &status);
}
