// SPDX-License-Identifier: Apache-2.0
/* Ports of rules in the Admin and Baseline tiers, in both dialects. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_tier.h"
#include "source/names.h"

#define PORT_MAX 65535

static const char *const protocol_fields[] = { "tcp", "udp", "sctp", "destinationNamedPort", NULL };
static const uint8_t protocol_numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
#define NAMED_PROTOCOL 3 /* index of destinationNamedPort */

static const char *const transport_fields[] = { "destinationPort", NULL };
static const char *const destination_fields[] = { "number", "range", NULL };
static const char *const range_fields[] = { "start", "end", NULL };

static const char *const port_forms[] = { "portNumber", "portRange", "namedPort", NULL };
static const char *const number_fields[] = { "port", "protocol", NULL };
static const char *const port_range_fields[] = { "start", "end", "protocol", NULL };

static void add_range(struct policy_rule *ret, uint8_t proto, int64_t first, int64_t last)
{
	ret->ports[ret->port_count++] = (struct policy_port){
		.proto = proto,
		.first = (uint16_t)first,
		.last = (uint16_t)last,
	};
}

/* A name goes with the protocol of the container's port, whichever that is. */
static int add_name(struct policy_rule *ret, const struct field *field)
{
	const char *text = NULL;
	int r = field_string(&text, field);

	if (r < 0)
		return r;
	if (!name_is_port(text))
		return field_error(field, "must be the name of a port, not \"%s\"", text);
	for (size_t i = 0; i < TIER_PORTS_MAX; i++) {
		struct policy_port *port = &ret->ports[ret->port_count];

		port->proto = protocol_numbers[i];
		port->name = strdup(text);
		if (!port->name)
			return -ENOMEM;
		ret->port_count++;
	}
	return 0;
}

static int read_number(int64_t *ret, const struct field *field)
{
	return field_require(field) ?: field_int(ret, field, 1, PORT_MAX);
}

static int add_range_of(struct policy_rule *ret, const struct field *field, uint8_t proto)
{
	struct field start = field_get(field, "start");
	struct field end = field_get(field, "end");
	int64_t first = 0, last = 0;
	int r = read_number(&first, &start) ?: read_number(&last, &end);

	if (r < 0)
		return r;
	if (first >= last)
		return field_error(&end, "must be greater than start");
	add_range(ret, proto, first, last);
	return 0;
}

static int add_destination(struct policy_rule *ret, const struct field *field, uint8_t proto)
{
	struct field number = field_get(field, "number");
	struct field range = field_get(field, "range");
	unsigned int form = 0;
	int64_t port = 0;
	int r = decode_one_of(&form, field, destination_fields);

	if (r < 0)
		return r;
	if (form == 1)
		return field_object(&range) ?: field_only(&range, range_fields, false) ?:
		       add_range_of(ret, &range, proto);
	r = read_number(&port, &number);
	if (!r)
		add_range(ret, proto, port, port);
	return r;
}

int decode_tier_protocol(struct policy_rule *ret, const struct field *field)
{
	unsigned int form = 0;
	struct field transport, destination;
	int r = decode_one_of(&form, field, protocol_fields);

	if (r < 0)
		return r;
	transport = field_get(field, protocol_fields[form]);
	if (form == NAMED_PROTOCOL)
		return add_name(ret, &transport);
	r = field_object(&transport) ?: field_only(&transport, transport_fields, false);
	if (r < 0)
		return r;
	destination = field_get(&transport, "destinationPort");
	if (!field_is_absent(&destination))
		return add_destination(ret, &destination, protocol_numbers[form]);
	/* The API refuses {} and documents it as every port: nothing else can be meant. */
	add_range(ret, protocol_numbers[form], 0, PORT_MAX);
	return 0;
}

static int add_port_number(struct policy_rule *ret, const struct field *field)
{
	struct field protocol = field_get(field, "protocol");
	struct field port = field_get(field, "port");
	uint8_t proto = IPPROTO_TCP;
	int64_t number = 0;
	int r;

	r = field_object(field) ?: field_only(field, number_fields, false);
	r = r ?: decode_proto(&proto, &protocol) ?: read_number(&number, &port);
	if (!r)
		add_range(ret, proto, number, number);
	return r;
}

static int add_port_range(struct policy_rule *ret, const struct field *field)
{
	struct field protocol = field_get(field, "protocol");
	uint8_t proto = IPPROTO_TCP;
	int r;

	r = field_object(field) ?: field_only(field, port_range_fields, false);
	return r ?: decode_proto(&proto, &protocol) ?: add_range_of(ret, field, proto);
}

int decode_tier_port(struct policy_rule *ret, const struct field *field)
{
	static int (*const add[])(struct policy_rule *ret, const struct field *field) = {
		add_port_number, add_port_range, add_name,
	};
	unsigned int form = 0;
	struct field content;
	int r = decode_one_of(&form, field, port_forms);

	if (r < 0)
		return r;
	content = field_get(field, port_forms[form]);
	return add[form](ret, &content);
}
