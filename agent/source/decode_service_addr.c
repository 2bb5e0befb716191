// SPDX-License-Identifier: Apache-2.0
/*
 * The addresses of a Service, and who may come to its load balancer. What is unusable is
 * left out and reported: the others are served all the same. The types of the fields
 * have been checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode_parts.h"

#define NO_ADDRESS "None" /* of a headless Service */
#define WHITE_SPACE " \t\n\v\f\r"

enum ingress_mode {
	INGRESS_VIP, /* also: absent */
	INGRESS_PROXY, /* the balancer sends to nodes or pods itself */
};

static const char *const ingress_modes[] = {
	[INGRESS_VIP] = "VIP", [INGRESS_PROXY] = "Proxy", NULL
};

struct addr_list {
	struct ip_addr **addrs;
	uint32_t *count;
};

static void add_addr(const struct addr_list *list, const struct field *field)
{
	if (!decode_host_addr(&(*list->addrs)[*list->count], field))
		(*list->count)++;
}

static int make_room(const struct addr_list *list, size_t count)
{
	*list->addrs = calloc(count, sizeof(**list->addrs));
	return *list->addrs ? 0 : -ENOMEM;
}

static int decode_addrs(const struct addr_list *list, const struct field *field)
{
	int r = field_count(field) ? make_room(list, field_count(field)) : 0;

	for (size_t i = 0; !r && i < field_count(field); i++) {
		struct field element = field_at(field, i);

		add_addr(list, &element);
	}
	return r;
}

static int compare_addrs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_addr));
}

/* In order, each once. */
static void sort_addrs(const struct addr_list *list)
{
	struct ip_addr *addrs = *list->addrs;
	size_t kept = 0;

	if (!*list->count)
		return;
	qsort(addrs, *list->count, sizeof(*addrs), compare_addrs);
	for (size_t i = 1; i < *list->count; i++)
		if (!ip_addr_equal(&addrs[kept], &addrs[i]))
			addrs[++kept] = addrs[i];
	*list->count = kept + 1;
}

/* One of each family; there are not more than two. */
static void drop_twin(struct service *service, const struct field *list)
{
	const struct ip_addr *ips = service->cluster_ips;
	struct field second = field_at(list, 1);

	if (service->cluster_ip_count < 2 || ip_addr_is_v4(&ips[0]) != ip_addr_is_v4(&ips[1]))
		return;
	field_error(&second, "must not be of the same family as %s[0]", list->name);
	service->cluster_ip_count--;
}

/* clusterIP is the first of clusterIPs; older writers know only it. */
static int decode_cluster_ips(struct service *service, const struct field *spec)
{
	const struct addr_list ips = { &service->cluster_ips, &service->cluster_ip_count };
	struct field single = field_get(spec, "clusterIP");
	struct field list = field_get(spec, "clusterIPs");
	struct field first = field_at(&list, 0);
	const char *text = "", *first_text = "";
	int r = field_string(&text, &single) ?: field_string(&first_text, &first);

	if (r < 0)
		return r;
	if (*text && field_count(&list) && strcmp(text, first_text) != 0)
		return field_error(&first, "must be the same as clusterIP, \"%s\", not \"%s\"",
				   text, first_text);
	if (!strcmp(field_count(&list) ? first_text : text, NO_ADDRESS) && field_count(&list) < 2) {
		service->headless = true;
		return 0;
	}
	if (field_count(&list)) {
		r = decode_addrs(&ips, &list);
		drop_twin(service, &list);
	} else if (*text) {
		r = make_room(&ips, 1);
		if (!r)
			add_addr(&ips, &single);
	}
	return r;
}

/* Of a host name alone nothing is to be programmed. */
static bool is_vip(const struct field *ingress)
{
	struct field ip = field_get(ingress, "ip");
	struct field mode = field_get(ingress, "ipMode");
	unsigned int index = INGRESS_VIP;
	const char *text = "";

	return !field_string(&text, &ip) && *text &&
	       !field_enum(&index, &mode, ingress_modes) && index == INGRESS_VIP;
}

static int decode_ingress(struct service *service, const struct field *list)
{
	const struct addr_list ips = { &service->balancer_ips, &service->balancer_ip_count };
	int r = field_count(list) ? make_room(&ips, field_count(list)) : 0;

	for (size_t i = 0; !r && i < field_count(list); i++) {
		struct field element = field_at(list, i);
		struct field ip = field_get(&element, "ip");

		if (is_vip(&element))
			add_addr(&ips, &ip);
	}
	sort_addrs(&ips);
	return r;
}

/* White space around a range has always been accepted. */
static int decode_range(struct prefix *ret, const struct field *field)
{
	cleanup(freep) char *range = NULL;
	const char *text = "";
	size_t length;
	int r = field_string(&text, field);

	if (r < 0)
		return r;
	text += strspn(text, WHITE_SPACE);
	length = strlen(text);
	while (length && strchr(WHITE_SPACE, text[length - 1]))
		length--;
	range = strndup(text, length);
	return range ? decode_prefix_text(ret, field, range) : -ENOMEM;
}

/* Whoever lists ranges has closed the balancer to others, whether they can be read or not. */
static int decode_ranges(struct service *service, const struct field *list)
{
	service->has_ranges = field_count(list);
	if (!service->has_ranges)
		return 0;
	service->ranges = calloc(field_count(list), sizeof(*service->ranges));
	if (!service->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field element = field_at(list, i);
		int r = decode_range(&service->ranges[service->range_count], &element);

		if (r == -ENOMEM)
			return r;
		service->range_count += !r;
	}
	return 0;
}

static int decode_external_ips(struct service *service, const struct field *list)
{
	const struct addr_list ips = { &service->external_ips, &service->external_ip_count };
	int r = decode_addrs(&ips, list);

	sort_addrs(&ips);
	return r;
}

int decode_service_addrs(struct service *service, const struct field *spec,
			 const struct field *status)
{
	struct field external_ips = field_get(spec, "externalIPs");
	struct field ranges = field_get(spec, "loadBalancerSourceRanges");
	struct field balancer = field_get(status, "loadBalancer");
	struct field ingress = field_get(&balancer, "ingress");

	return decode_cluster_ips(service, spec) ?: decode_external_ips(service, &external_ips) ?:
	       decode_ranges(service, &ranges) ?: decode_ingress(service, &ingress);
}
