// SPDX-License-Identifier: Apache-2.0
#include "cni/result.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

/* Family of an address or prefix: "4" or "6". */
static const char *family(const json_t *text)
{
	return strchr(json_string_value(text) ?: "", ':') ? "6" : "4";
}

static int append_all(json_t *to, const json_t *from)
{
	return json_is_array(from) ? json_array_extend(to, (json_t *)from) : 0;
}

/* `ip4` and `ip6` of the first versions: {"ip": ..., "gateway": ..., "routes": [...]}. */
static int parse_legacy_ip(json_t *ips, json_t *routes, const json_t *given)
{
	const json_t *ip, *gateway;
	json_t *item;

	if (!given || json_is_null(given))
		return 0;
	ip = json_object_get(given, "ip");
	gateway = json_object_get(given, "gateway");
	if (!json_is_string(ip))
		return -EINVAL;
	item = json_pack("{s:O}", "address", ip);
	if (json_is_string(gateway))
		json_object_set(item, "gateway", (json_t *)gateway);
	if (json_array_append_new(ips, item) < 0)
		return -ENOMEM;
	return append_all(routes, json_object_get(given, "routes")) < 0 ? -ENOMEM : 0;
}

static int parse_legacy(json_t *result, const json_t *given)
{
	json_t *ips = json_array();
	json_t *routes = json_array();
	int r;

	if (json_object_set_new(result, "ips", ips) < 0 ||
	    json_object_set_new(result, "routes", routes) < 0)
		return -ENOMEM;
	r = parse_legacy_ip(ips, routes, json_object_get(given, "ip4"));
	return r ?: parse_legacy_ip(ips, routes, json_object_get(given, "ip6"));
}

/* Since 0.3.0 the form only grew; `version` of an address was taken away. */
static int parse_lists(json_t *result, const json_t *given)
{
	static const char *const lists[] = { "interfaces", "ips", "routes" };
	json_t *list, *item;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list = json_object_get(given, lists[i]);
		if (!list || json_is_null(list))
			continue;
		if (!json_is_array(list))
			return -EINVAL;
		if (json_object_set_new(result, lists[i], json_deep_copy(list)) < 0)
			return -ENOMEM;
	}
	json_array_foreach(json_object_get(result, "ips"), i, item) {
		if (!json_is_object(item) || !json_is_string(json_object_get(item, "address")))
			return -EINVAL;
		json_object_del(item, "version");
	}
	return 0;
}

int result_parse(json_t **ret, const json_t *given, enum cni_version assumed)
{
	const json_t *version = json_object_get(given, "cniVersion");
	cleanup(json_decrefp) json_t *result = json_object();
	json_t *dns = json_object_get(given, "dns");
	int r;

	if (!json_is_object(given))
		return -EINVAL;
	if (version && cni_version_parse(&assumed, json_string_value(version) ?: "?") < 0)
		return -EINVAL;
	r = assumed < CNI_0_3_0 ? parse_legacy(result, given) : parse_lists(result, given);
	if (r < 0)
		return r;
	if (json_is_object(dns) && json_object_set(result, "dns", dns) < 0)
		return -ENOMEM;
	*ret = take_ptr(&result);
	return 0;
}

/* Take from each object of the list what came with 1.1.0. */
static void strip(json_t *list, const char *const *members)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		for (const char *const *member = members; *member; member++)
			json_object_del(item, *member);
}

static void age(json_t *result, enum cni_version version)
{
	static const char *const interface[] = { "mtu", "socketPath", "pciID", NULL };
	static const char *const route[] = { "mtu", "advmss", "priority", "table", "scope", NULL };
	json_t *item;
	size_t i;

	if (version < CNI_1_1_0) {
		strip(json_object_get(result, "interfaces"), interface);
		strip(json_object_get(result, "routes"), route);
	}
	if (version < CNI_1_0_0)
		json_array_foreach(json_object_get(result, "ips"), i, item)
			json_object_set_new(item, "version",
					    json_string(family(json_object_get(item, "address"))));
}

/* The first address of the family and the family's routes, as the first versions had it. */
static json_t *legacy_ip(const json_t *result, const char *wanted)
{
	json_t *routes = json_array();
	json_t *ip = NULL, *item;
	size_t i;

	json_array_foreach(json_object_get(result, "routes"), i, item)
		if (!strcmp(family(json_object_get(item, "dst")), wanted))
			json_array_append(routes, item);
	json_array_foreach(json_object_get(result, "ips"), i, item) {
		if (strcmp(family(json_object_get(item, "address")), wanted))
			continue;
		ip = json_pack("{s:O}", "ip", json_object_get(item, "address"));
		if (json_object_get(item, "gateway"))
			json_object_set(ip, "gateway", json_object_get(item, "gateway"));
		if (json_array_size(routes))
			json_object_set(ip, "routes", routes);
		break;
	}
	json_decref(routes);
	return ip;
}

static int format_legacy(json_t *to, const json_t *result)
{
	static const char *const names[][2] = { { "ip4", "4" }, { "ip6", "6" } };

	for (size_t i = 0; i < 2; i++) {
		json_t *ip = legacy_ip(result, names[i][1]);

		if (ip && json_object_set_new(to, names[i][0], ip) < 0)
			return -ENOMEM;
	}
	return 0;
}

int result_format(json_t **ret, const json_t *result, enum cni_version version)
{
	cleanup(json_decrefp) json_t *copy = json_deep_copy(result);
	cleanup(json_decrefp) json_t *to = NULL;
	json_t *dns;
	int r;

	to = json_pack("{s:s}", "cniVersion", cni_version_text(version));
	if (!copy || !to)
		return -ENOMEM;
	dns = json_incref(json_object_get(copy, "dns")) ?: json_object();
	json_object_del(copy, "dns");
	age(copy, version);
	r = version < CNI_0_3_0 ? format_legacy(to, copy) : json_object_update(to, copy);
	if (json_object_set_new(to, "dns", dns) < 0 || r < 0)
		return -ENOMEM;
	*ret = take_ptr(&to);
	return 0;
}

/* The interface of the container: named so, and in a sandbox. */
static bool is_container(const json_t *interface, const char *ifname)
{
	const char *name = json_string_value(json_object_get(interface, "name"));
	const char *sandbox = json_string_value(json_object_get(interface, "sandbox"));

	return name && sandbox && *sandbox && !strcmp(name, ifname);
}

static bool points_elsewhere(const json_t *result, const json_t *ip, const char *ifname)
{
	const json_t *interfaces = json_object_get(result, "interfaces");
	const json_t *index = json_object_get(ip, "interface");

	if (!json_is_integer(index))
		return false;
	return !is_container(json_array_get(interfaces, (size_t)json_integer_value(index)), ifname);
}

/* The gateway of the address, when the result has a default route by way of it. */
static void read_gateway(struct result_ip *ret, const json_t *result, const json_t *ip)
{
	const char *gateway = json_string_value(json_object_get(ip, "gateway"));
	const char *everywhere = ip_addr_is_v4(&ret->addr) ? "0.0.0.0/0" : "::/0";
	json_t *route;
	size_t i;

	ret->gateway = (struct ip_addr){};
	json_array_foreach(json_object_get(result, "routes"), i, route) {
		const char *dst = json_string_value(json_object_get(route, "dst"));
		const char *gw = json_string_value(json_object_get(route, "gw"));

		if (gateway && dst && gw && !strcmp(dst, everywhere) && !strcmp(gw, gateway) &&
		    addr_parse(&ret->gateway, gw) < 0)
			ret->gateway = (struct ip_addr){};
	}
}

static int read_ip(struct result_ip *ret, const char *text)
{
	char addr[ADDR_TEXT_MAX];
	size_t length = strcspn(text, "/");
	struct prefix prefix;

	if (length >= sizeof(addr) || prefix_parse(&prefix, NULL, text) < 0)
		return -EINVAL;
	memcpy(addr, text, length);
	addr[length] = '\0';
	if (addr_parse(&ret->addr, addr) < 0)
		return -EINVAL;
	ret->bits = prefix.bits;
	snprintf(ret->text, sizeof(ret->text), "%s/%u", addr, prefix.bits);
	return 0;
}

int result_ips(struct result_ip ret[static RESULT_IPS_MAX], const json_t *result,
	       const char *ifname)
{
	int count = 0;
	json_t *ip;
	size_t i;

	json_array_foreach(json_object_get(result, "ips"), i, ip) {
		if (points_elsewhere(result, ip, ifname))
			continue;
		if (count == RESULT_IPS_MAX ||
		    read_ip(&ret[count], json_string_value(json_object_get(ip, "address"))) < 0)
			return -EINVAL;
		read_gateway(&ret[count++], result, ip);
	}
	return count;
}

const char *result_mac(const json_t *result, const char *ifname)
{
	json_t *interface;
	size_t i;

	json_array_foreach(json_object_get(result, "interfaces"), i, interface)
		if (is_container(interface, ifname))
			return json_string_value(json_object_get(interface, "mac"));
	return NULL;
}
