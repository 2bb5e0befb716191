// SPDX-License-Identifier: Apache-2.0
/*
 * A rule of a NetworkPolicy. Whatever is left out makes the rule match less: an
 * unusable peer or port is dropped, but a list that loses all its elements must
 * not turn into the empty list, which means "any".
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_parts.h"
#include "source/names.h"

#define PORT_MAX 65535

static const char *const block_fields[] = { "cidr", "except", NULL };
static const char *const peer_fields[] = { "ipBlock", "namespaceSelector", "podSelector", NULL };
static const char *const port_fields[] = { "endPort", "port", "protocol", NULL };

static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
static const uint8_t protocol_numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

int decode_proto(uint8_t *ret, const struct field *field)
{
	unsigned int index = 0;
	int r = field_enum(&index, field, protocols);

	if (!r)
		*ret = protocol_numbers[index];
	return r;
}

static int decode_except_one(struct prefix *ret, const struct prefix *cidr,
			     const struct field *field)
{
	char buf[PREFIX_TEXT_MAX];
	int r = decode_prefix(ret, field);

	if (r < 0)
		return r;
	if (ret->bits <= cidr->bits || !prefix_covers(cidr, ret))
		return field_error(field, "must lie strictly inside %s", prefix_text(buf, cidr));
	return 0;
}

static int decode_except(struct policy_peer *ret, const struct field *field)
{
	int r = field_list(field);

	if (r < 0 || !field_count(field))
		return r;
	ret->except = calloc(field_count(field), sizeof(*ret->except));
	if (!ret->except)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);

		/* Without one except the peer would be wider than written. */
		r = decode_except_one(&ret->except[i], &ret->cidr, &element);
		if (r < 0)
			return r;
		ret->except_count++;
	}
	return 0;
}

static int decode_block(struct policy_peer *ret, const struct field *field)
{
	struct field cidr = field_get(field, "cidr");
	struct field except = field_get(field, "except");
	int r;

	ret->is_cidr = true;
	r = field_object(field) ?: field_only(field, block_fields, false);
	r = r ?: decode_prefix(&ret->cidr, &cidr);
	return r ?: decode_except(ret, &except);
}

static int decode_peer(struct policy_peer *ret, const struct field *field)
{
	struct field block = field_get(field, "ipBlock");
	struct field namespaces = field_get(field, "namespaceSelector");
	struct field pods = field_get(field, "podSelector");
	bool selects = !field_is_absent(&namespaces) || !field_is_absent(&pods);
	int r;

	r = field_object(field) ?: field_only(field, peer_fields, false);
	if (r < 0)
		return r;
	if (!field_is_absent(&block) && selects)
		return field_error(field, "must not have a selector beside ipBlock");
	if (!field_is_absent(&block))
		return decode_block(ret, &block);
	if (!selects)
		return field_error(field, "must have ipBlock, podSelector or namespaceSelector");
	ret->own_namespace = field_is_absent(&namespaces);
	return decode_selector(&ret->namespaces, &namespaces) ?: decode_selector(&ret->pods, &pods);
}

static int decode_named_port(struct policy_port *ret, const struct field *port,
			     const struct field *end)
{
	const char *text = NULL;
	int r = field_string(&text, port);

	if (r < 0)
		return r;
	if (!name_is_port(text))
		return field_error(port, "must be a port number or the name of a port, not \"%s\"",
				   text);
	if (!field_is_absent(end))
		return field_error(end, "needs a numeric port");
	ret->name = strdup(text);
	return ret->name ? 0 : -ENOMEM;
}

static int decode_numeric_port(struct policy_port *ret, const struct field *port,
			       const struct field *end)
{
	int64_t first = 0;
	int64_t last;
	int r = field_int(&first, port, 1, PORT_MAX);

	if (r < 0)
		return r;
	last = first;
	r = field_int(&last, end, first, PORT_MAX);
	ret->first = (uint16_t)first;
	ret->last = (uint16_t)last;
	return r;
}

static int decode_port(struct policy_port *ret, const struct field *field)
{
	struct field protocol = field_get(field, "protocol");
	struct field port = field_get(field, "port");
	struct field end = field_get(field, "endPort");
	int r;

	r = field_object(field) ?: field_only(field, port_fields, false);
	r = r ?: decode_proto(&ret->proto, &protocol);
	if (r < 0)
		return r;
	if (json_is_string(port.value))
		return decode_named_port(ret, &port, &end);
	if (!field_is_absent(&port))
		return decode_numeric_port(ret, &port, &end);
	if (!field_is_absent(&end))
		return field_error(&end, "needs a numeric port");
	ret->last = PORT_MAX;
	return 0;
}

static void peer_drop(struct policy_peer *peer)
{
	free(peer->except);
	selector_done(&peer->namespaces);
	selector_done(&peer->pods);
	*peer = (struct policy_peer){};
}

static int decode_peers(struct policy_rule *ret, const struct field *field)
{
	int r;

	if (!field_count(field))
		return 0;
	ret->peers = calloc(field_count(field), sizeof(*ret->peers));
	if (!ret->peers)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		struct policy_peer *peer = &ret->peers[ret->peer_count];

		r = decode_peer(peer, &element);
		if (r < 0)
			peer_drop(peer);
		else
			ret->peer_count++;
		if (r == -ENOMEM)
			return r;
	}
	ret->matches_nothing |= !ret->peer_count;
	return 0;
}

static int decode_ports(struct policy_rule *ret, const struct field *field)
{
	int r;

	if (!field_count(field))
		return 0;
	ret->ports = calloc(field_count(field), sizeof(*ret->ports));
	if (!ret->ports)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		struct policy_port *port = &ret->ports[ret->port_count];

		r = decode_port(port, &element);
		if (!r)
			ret->port_count++;
		else
			*port = (struct policy_port){}; /* the name is read last */
		if (r == -ENOMEM)
			return r;
	}
	ret->matches_nothing |= !ret->port_count;
	return 0;
}

int decode_rule(struct policy_rule *ret, const struct field *field, const char *peers_name)
{
	const char *const fields[] = { peers_name, "ports", NULL };
	struct field peers = field_get(field, peers_name);
	struct field ports = field_get(field, "ports");
	int r;

	r = field_object(field) ?: field_only(field, fields, false);
	r = r ?: field_list(&peers) ?: field_list(&ports);
	return r ?: decode_peers(ret, &peers) ?: decode_ports(ret, &ports);
}
