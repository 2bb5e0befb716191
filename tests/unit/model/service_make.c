// SPDX-License-Identifier: Apache-2.0
#include "service_make.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"


static void must(bool holds)
{
	if (!holds)
		abort();
}

static void *must_have(void *data)
{
	must(data);
	return data;
}

static char *copy(const char *text, size_t length)
{
	return must_have(strndup(text, length));
}

static struct object *make(enum object_kind kind, const char *namespace, const char *name)
{
	struct object *obj = must_have(calloc(1, sizeof(*obj)));

	obj->kind = kind;
	obj->namespace = copy(namespace, strlen(namespace));
	obj->name = copy(name, strlen(name));
	return obj;
}

/* Calls @fn for each word. */
static void each_word(const char *text, void (*fn)(const char *word, void *arg), void *arg)
{
	cleanup(freep) char *words = copy(text, strlen(text));
	char *save = NULL;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		fn(word, arg);
}

struct addrs {
	struct ip_addr *items;
	size_t count;
};

static void read_addr(const char *word, void *arg)
{
	struct addrs *addrs = arg;

	addrs->items = must_have(reallocarray(addrs->items, addrs->count + 1,
					      sizeof(*addrs->items)));
	addrs->items[addrs->count++] = make_addr(word);
}

static void read_addrs(struct ip_addr **ret, uint32_t *count, const char *text)
{
	struct addrs addrs = {};

	each_word(text, read_addr, &addrs);
	free(*ret);
	*ret = addrs.items;
	*count = addrs.count;
}

static uint8_t read_proto(const char *text)
{
	return *text == 't' ? IPPROTO_TCP : *text == 'u' ? IPPROTO_UDP : IPPROTO_SCTP;
}

static void read_service_port(const char *word, void *arg)
{
	struct service *service = arg;
	const char *slash = strchr(word, '/'), *equals = strchr(word, '=');
	const char *colon = strchr(word, ':');
	struct service_spec_port *port;

	must(slash && equals);
	service->ports = must_have(reallocarray(service->ports, service->port_count + 1,
						sizeof(*service->ports)));
	port = &service->ports[service->port_count++];
	*port = (struct service_spec_port){
		.name = copy(word, (size_t)(slash - word)),
		.proto = read_proto(slash + 1),
		.port = (uint16_t)atoi(equals + 1),
		.node_port = colon ? (uint16_t)atoi(colon + 1) : 0,
	};
}

struct object *make_service(const char *namespace, const char *name, const char *ips,
			    const char *ports)
{
	struct object *obj = make(OBJECT_SERVICE, namespace, name);

	obj->service = must_have(calloc(1, sizeof(*obj->service)));
	read_addrs(&obj->service->cluster_ips, &obj->service->cluster_ip_count, ips);
	each_word(ports, read_service_port, obj->service);
	return obj;
}

void service_external_ips(struct object *service, const char *ips)
{
	read_addrs(&service->service->external_ips, &service->service->external_ip_count, ips);
}

void service_balancer_ips(struct object *service, const char *ips)
{
	service->service->type = SERVICE_LOAD_BALANCER;
	read_addrs(&service->service->balancer_ips, &service->service->balancer_ip_count, ips);
}

static void read_range(const char *word, void *arg)
{
	struct service *service = arg;

	service->ranges = must_have(reallocarray(service->ranges, service->range_count + 1,
						 sizeof(*service->ranges)));
	service->ranges[service->range_count++] = make_prefix(word);
}

void service_ranges(struct object *service, const char *ranges)
{
	service->service->has_ranges = true;
	each_word(ranges, read_range, service->service);
}

static void read_slice_port(const char *word, void *arg)
{
	struct endpoint_slice *slice = arg;
	const char *slash = strchr(word, '/'), *equals = strchr(word, '=');

	must(slash && equals);
	slice->ports = must_have(reallocarray(slice->ports, slice->port_count + 1,
					      sizeof(*slice->ports)));
	slice->ports[slice->port_count++] = (struct slice_port){
		.name = copy(word, (size_t)(slash - word)),
		.proto = read_proto(slash + 1),
		.port = (uint16_t)atoi(equals + 1),
	};
}

struct object *make_slice(const char *namespace, const char *name, const char *service,
			  bool is_v4, const char *ports)
{
	struct object *obj = make(OBJECT_ENDPOINT_SLICE, namespace, name);

	obj->slice = must_have(calloc(1, sizeof(*obj->slice)));
	obj->slice->service = copy(service, strlen(service));
	obj->slice->is_v4 = is_v4;
	each_word(ports, read_slice_port, obj->slice);
	return obj;
}

/* The names of all tests are few: one copy of each, which lives as long as the program. */
static char *lasting(const char *name)
{
	static char *names[64];
	size_t i = 0;

	while (i < sizeof(names) / sizeof(names[0]) && names[i] && strcmp(names[i], name))
		i++;
	must(i < sizeof(names) / sizeof(names[0]));
	if (!names[i])
		names[i] = copy(name, strlen(name));
	return names[i];
}

struct reading {
	struct endpoint_slice *slice;
	struct slice_endpoint *endpoint;
};

/* Of the slice; it is added if need be. */
static uint16_t place_of(struct endpoint_slice *slice, const char *name)
{
	for (uint16_t i = 0; i < slice->name_count; i++)
		if (!strcmp(slice->names[i], name))
			return i;
	slice->names = must_have(reallocarray(slice->names, slice->name_count + 1,
					      sizeof(*slice->names)));
	slice->names[slice->name_count] = lasting(name);
	return (uint16_t)slice->name_count++;
}

/* Those of the last endpoint stand last; its zones come before its nodes. */
static void add_hint(struct reading *reading, uint8_t *count, const char *name)
{
	struct endpoint_slice *slice = reading->slice;
	struct slice_endpoint *endpoint = reading->endpoint;
	size_t end = endpoint->hints + endpoint->zone_count + endpoint->node_count;
	size_t at = count == &endpoint->node_count ? end : endpoint->hints + endpoint->zone_count;

	slice->hints = must_have(reallocarray(slice->hints, end + 1, sizeof(*slice->hints)));
	memmove(slice->hints + at + 1, slice->hints + at, (end - at) * sizeof(*slice->hints));
	slice->hints[at] = place_of(slice, name);
	++*count;
}

/* Where those of the next endpoint begin. */
static uint16_t hints_end(const struct endpoint_slice *slice)
{
	const struct slice_endpoint *last;

	if (!slice->endpoint_count)
		return 0;
	last = &slice->endpoints[slice->endpoint_count - 1];
	return (uint16_t)(last->hints + last->zone_count + last->node_count);
}

static void read_endpoint_word(const char *word, void *arg)
{
	struct reading *reading = arg;
	struct slice_endpoint *endpoint = reading->endpoint;
	const char *equals = strchr(word, '=');

	if (!strcmp(word, "ready"))
		endpoint->conditions |= SLICE_READY;
	else if (!strcmp(word, "serving"))
		endpoint->conditions |= SLICE_SERVING;
	else if (!strcmp(word, "terminating"))
		endpoint->conditions |= SLICE_TERMINATING;
	else if (!strcmp(word, "gone"))
		return;
	else if (!strncmp(word, "node=", 5))
		endpoint->node = place_of(reading->slice, equals + 1) + 1;
	else if (!strncmp(word, "for-node=", 9))
		add_hint(reading, &endpoint->node_count, equals + 1);
	else if (!strncmp(word, "for-zone=", 9))
		add_hint(reading, &endpoint->zone_count, equals + 1);
	else
		endpoint->addr = make_addr(word);
}

void slice_add(struct object *obj, const char *words)
{
	struct endpoint_slice *slice = obj->slice;
	struct reading reading = { .slice = slice };
	uint16_t hints = hints_end(slice);

	slice->endpoints = must_have(reallocarray(slice->endpoints, slice->endpoint_count + 1,
						  sizeof(*slice->endpoints)));
	reading.endpoint = &slice->endpoints[slice->endpoint_count++];
	*reading.endpoint = (struct slice_endpoint){ .hints = hints };
	each_word(words, read_endpoint_word, &reading);
	if (!reading.endpoint->conditions && !strstr(words, "gone"))
		reading.endpoint->conditions = SLICE_READY | SLICE_SERVING;
}
