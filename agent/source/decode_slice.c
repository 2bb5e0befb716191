// SPDX-License-Identifier: Apache-2.0
/*
 * EndpointSlice. What an API server would refuse is refused as a whole, and what was said
 * of the slice before stays in force. An endpoint whose address cannot be meant is left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"
#include "source/names.h"
#include "source/schema.h"

#define PORT_MAX 65535
#define ENDPOINTS_MAX 1000 /* the limits of the API */
#define ADDRESSES_MAX 100 /* of one endpoint */
#define HINTS_MAX 8 /* of one kind and endpoint */

#define SERVICE_LABEL "kubernetes.io/service-name"

enum address_type {
	ADDRESS_IPV4,
	ADDRESS_IPV6,
	ADDRESS_FQDN,
};

static const char *const address_types[] = {
	[ADDRESS_IPV4] = "IPv4", [ADDRESS_IPV6] = "IPv6", [ADDRESS_FQDN] = "FQDN", NULL
};
static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };

static const struct schema any_string = { .type = SCHEMA_STRING };

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
	{ "forNodes", SCHEMA_LIST, .max = HINTS_MAX, .element = &hint },
	{ "forZones", SCHEMA_LIST, .max = HINTS_MAX, .element = &hint },
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
static const struct schema endpoint_schema = { .fields = endpoint_fields };
static const struct schema port_fields[] = {
	{ "appProtocol", SCHEMA_STRING },
	{ "name", SCHEMA_STRING },
	{ "port", SCHEMA_INT, .max = PORT_MAX },
	{ "protocol", SCHEMA_STRING, .values = protocols },
	{},
};
static const struct schema port_schema = { .fields = port_fields };
static const struct schema metadata_fields[] = {
	{ "labels", SCHEMA_STRING_MAP },
	{},
};
static const struct schema slice_fields[] = {
	{ "addressType", SCHEMA_STRING, .required = true, .values = address_types },
	{ "metadata", .fields = metadata_fields },
	{ "endpoints", SCHEMA_LIST, .max = ENDPOINTS_MAX, .element = &endpoint_schema },
	{ "ports", SCHEMA_LIST, .element = &port_schema },
	{},
};
static const struct schema slice_schema = { .fields = slice_fields };

/* Those that nothing can be sent to, or that no Service can mean, are passed over. */
static int decode_port(struct endpoint_slice *slice, const struct field *field)
{
	struct slice_port *port = &slice->ports[slice->port_count];
	struct field name = field_get(field, "name");
	struct field protocol = field_get(field, "protocol");
	struct field number = field_get(field, "port");
	const char *text = "";
	int64_t value = 0;
	int r;

	r = field_string(&text, &name) ?: field_int(&value, &number, 0, PORT_MAX) ?:
	    decode_proto(&port->proto, &protocol);
	if (r < 0 || field_is_absent(&name) || !value)
		return r;
	if (*text && !name_is_label(text))
		return field_error(&name, "must be a lower case name, not \"%s\"", text);
	port->port = (uint16_t)value;
	r = field_copy(&port->name, &name);
	slice->port_count += !r;
	return r;
}

static int check_unique(const struct field *list)
{
	cleanup(freep) struct schema_key *keys = calloc(field_count(list) + 1, sizeof(*keys));
	size_t count = 0;

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field element = field_at(list, i);
		struct field name = field_get(&element, "name");
		const char *text = NULL;

		if (!field_string(&text, &name) && text)
			keys[count++] = (struct schema_key){ text, 0, i };
	}
	return schema_check_unique(keys, count, list, "name");
}

static int decode_ports(struct endpoint_slice *slice, const struct field *list)
{
	int r = check_unique(list);

	if (r < 0 || !field_count(list))
		return r;
	slice->ports = calloc(field_count(list), sizeof(*slice->ports));
	if (!slice->ports)
		return -ENOMEM;
	for (size_t i = 0; !r && i < field_count(list); i++) {
		struct field element = field_at(list, i);

		r = decode_port(slice, &element);
	}
	return r;
}

int decode_endpoint_slice(struct object *obj, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field labels = field_get(&metadata, "labels");
	struct field service = field_get(&labels, SERVICE_LABEL);
	struct field type = field_get(root, "addressType");
	struct field endpoints = field_get(root, "endpoints");
	struct field ports = field_get(root, "ports");
	unsigned int index = ADDRESS_FQDN;
	int r = schema_check(&slice_schema, root);

	if (r < 0)
		return r;
	obj->slice = calloc(1, sizeof(*obj->slice));
	if (!obj->slice)
		return -ENOMEM;
	field_enum(&index, &type, address_types);
	obj->slice->is_v4 = index == ADDRESS_IPV4;
	r = field_copy(&obj->slice->service, &service) ?: decode_ports(obj->slice, &ports);
	return r || index == ADDRESS_FQDN ? r : decode_endpoints(obj->slice, &endpoints);
}
