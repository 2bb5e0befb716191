// SPDX-License-Identifier: Apache-2.0
/* Kinds of which only the schema is checked. */
#include <errno.h>

#include "source/decode_parts.h"
#include "source/schema.h"

#define PORT_MAX 65535
#define ADDRESSES_MAX 100 /* of one endpoint */
#define AFFINITY_SECONDS_MAX 86400

static const char *const address_types[] = { "IPv4", "IPv6", "FQDN", NULL };
static const char *const affinities[] = { "None", "ClientIP", NULL };
static const char *const families[] = { "IPv4", "IPv6", NULL };
static const char *const family_policies[] = { "SingleStack", "PreferDualStack",
					       "RequireDualStack", NULL };
static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
static const char *const service_types[] = { "ClusterIP", "NodePort", "LoadBalancer",
					     "ExternalName", NULL };
static const char *const traffic_policies[] = { "Cluster", "Local", NULL };

static const struct schema any_string = { .type = SCHEMA_STRING };
static const struct schema family = { .type = SCHEMA_STRING, .values = families };

static const struct schema service_port_fields[] = {
	{ "name", SCHEMA_STRING },
	{ "protocol", SCHEMA_STRING, .values = protocols },
	{ "port", SCHEMA_INT, .required = true, .min = 1, .max = PORT_MAX },
	{ "targetPort", SCHEMA_INT_OR_STRING, .max = PORT_MAX },
	{ "nodePort", SCHEMA_INT, .max = PORT_MAX },
	{ "appProtocol", SCHEMA_STRING },
	{},
};
static const struct schema service_port = { .fields = service_port_fields };

static const struct schema client_ip_fields[] = {
	{ "timeoutSeconds", SCHEMA_INT, .min = 1, .max = AFFINITY_SECONDS_MAX },
	{},
};
static const struct schema affinity_fields[] = {
	{ "clientIP", .fields = client_ip_fields },
	{},
};

static const struct schema service_spec_fields[] = {
	{ "allocateLoadBalancerNodePorts", SCHEMA_BOOL },
	{ "clusterIP", SCHEMA_STRING },
	{ "clusterIPs", SCHEMA_LIST, .element = &any_string },
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
	{ "ports", SCHEMA_LIST, .element = &service_port },
	{ "publishNotReadyAddresses", SCHEMA_BOOL },
	{ "selector", SCHEMA_STRING_MAP },
	{ "sessionAffinity", SCHEMA_STRING, .values = affinities },
	{ "sessionAffinityConfig", .fields = affinity_fields },
	{ "trafficDistribution", SCHEMA_STRING },
	{ "type", SCHEMA_STRING, .values = service_types },
	{},
};
static const struct schema service_fields[] = {
	{ "spec", .fields = service_spec_fields },
	{},
};
static const struct schema service = { .fields = service_fields };

static const struct schema condition_fields[] = {
	{ "ready", SCHEMA_BOOL },
	{ "serving", SCHEMA_BOOL },
	{ "terminating", SCHEMA_BOOL },
	{},
};
static const struct schema hint_fields[] = {
	{ "name", SCHEMA_STRING, .required = true },
	{},
};
static const struct schema hint = { .fields = hint_fields };
static const struct schema hints_fields[] = {
	{ "forNodes", SCHEMA_LIST, .element = &hint },
	{ "forZones", SCHEMA_LIST, .element = &hint },
	{},
};
static const struct schema endpoint_fields[] = {
	{ "addresses", SCHEMA_LIST, .required = true, .min = 1, .max = ADDRESSES_MAX,
	  .element = &any_string },
	{ "conditions", .fields = condition_fields },
	{ "hints", .fields = hints_fields },
	{ "hostname", SCHEMA_STRING },
	{ "nodeName", SCHEMA_STRING },
	{ "zone", SCHEMA_STRING },
	{},
};
static const struct schema endpoint = { .fields = endpoint_fields };
static const struct schema slice_port_fields[] = {
	{ "appProtocol", SCHEMA_STRING },
	{ "name", SCHEMA_STRING },
	{ "port", SCHEMA_INT, .max = PORT_MAX },
	{ "protocol", SCHEMA_STRING, .values = protocols },
	{},
};
static const struct schema slice_port = { .fields = slice_port_fields };
static const struct schema slice_fields[] = {
	{ "addressType", SCHEMA_STRING, .required = true, .values = address_types },
	{ "endpoints", SCHEMA_LIST, .element = &endpoint },
	{ "ports", SCHEMA_LIST, .element = &slice_port },
	{},
};
static const struct schema slice = { .fields = slice_fields };

int decode_service(struct object *obj, const struct field *root)
{
	return schema_check(&service, root);
}

int decode_endpoint_slice(struct object *obj, const struct field *root)
{
	return schema_check(&slice, root);
}
