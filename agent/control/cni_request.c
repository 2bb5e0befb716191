// SPDX-License-Identifier: Apache-2.0
#include "control/cni_request.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"

const char *cni_text(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key)) ?: "";
}

/* What becomes a file name and a log line: the CNI specification's characters only. */
static bool is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	return text[0] && text[0] != '.' && text[0] != '-' && strlen(text) <= 200 &&
	       strspn(text, allowed) == strlen(text);
}

int cni_read_names(const char **id, const char **ifname, const json_t *body, struct fault *fault)
{
	*id = cni_text(body, "containerID");
	*ifname = cni_text(body, "ifname");
	if (!is_name(*id))
		return fault_set(fault, FAULT_ENVIRONMENT, "containerID is not valid", "\"%s\"",
				 *id);
	if (!**ifname || strlen(*ifname) >= IFNAMSIZ || strpbrk(*ifname, "/: \t\n@") ||
	    !strcmp(*ifname, ".") || !strcmp(*ifname, ".."))
		return fault_set(fault, FAULT_ENVIRONMENT, "ifname is not valid", "\"%s\"", *ifname);
	return 0;
}

/* `10.0.0.7`, or with a prefix length, which a pod's address does not need here. */
static int read_ip(struct ip_addr *ret, const json_t *item)
{
	const char *text = json_string_value(item);
	char addr[ADDR_TEXT_MAX];
	size_t length;

	if (!text)
		return -EINVAL;
	length = strcspn(text, "/");
	if (length >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, length);
	addr[length] = '\0';
	return addr_parse(ret, addr);
}

int cni_read_ips(struct ip_addr ips[FAMILY_MAX], const json_t *list, const char *field,
		    struct fault *fault)
{
	struct ip_addr ip;
	enum family family;
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (read_ip(&ip, item) < 0)
			return fault_set(fault, FAULT_CONFIG, "address is not valid", "%s[%zu]: \"%s\"",
					 field, i, json_string_value(item) ?: "");
		family = ip_addr_is_v4(&ip) ? FAMILY_IP4 : FAMILY_IP6;
		if (!ip_addr_is_none(&ips[family]))
			return fault_set(fault, FAULT_CONFIG, "two addresses of one family",
					 "%s[%zu]: a pod has at most one of each", field, i);
		ips[family] = ip;
	}
	return 0;
}

static int read_proto(uint8_t *ret, const char *text)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcasecmp(known[i].name, text)) {
			*ret = known[i].number;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_port(struct host_port *ret, const json_t *item, size_t i, struct fault *fault)
{
	json_int_t outer = json_integer_value(json_object_get(item, "hostPort"));
	json_int_t inner = json_integer_value(json_object_get(item, "containerPort"));
	const char *host_ip = cni_text(item, "hostIP");

	if (outer < 1 || outer > 65535 || inner < 1 || inner > 65535)
		return fault_set(fault, FAULT_CONFIG, "port is not valid",
				 "portMappings[%zu]: ports are 1 to 65535", i);
	if (read_proto(&ret->proto, cni_text(item, "protocol")) < 0)
		return fault_set(fault, FAULT_CONFIG, "protocol is not valid",
				 "portMappings[%zu].protocol: \"%s\"", i, cni_text(item, "protocol"));
	if (*host_ip && addr_parse(&ret->host_ip, host_ip) < 0)
		return fault_set(fault, FAULT_CONFIG, "address is not valid",
				 "portMappings[%zu].hostIP: \"%s\"", i, host_ip);
	/* 0.0.0.0 says "every address" as :: does. */
	if (ip_addr_is_v4(&ret->host_ip) && !ret->host_ip.words[3])
		ret->host_ip = IP_ADDR_NONE;
	ret->host_port = (uint16_t)outer;
	ret->container_port = (uint16_t)inner;
	return 0;
}

int cni_read_ports(struct host_port **ret, size_t *count, const json_t *list,
		      struct fault *fault)
{
	cleanup(freep) struct host_port *ports = NULL;
	json_t *item;
	size_t i;
	int r;

	*count = json_array_size(list);
	if (!*count)
		return 0;
	if (*count > ENDPOINT_PORTS_MAX)
		return fault_set(fault, FAULT_CONFIG, "too many host ports",
				 "portMappings: at most %d", ENDPOINT_PORTS_MAX);
	ports = calloc(*count, sizeof(*ports));
	if (!ports)
		return fault_errno(fault, FAULT_KERNEL, -ENOMEM, "portMappings", "%zu", *count);
	json_array_foreach(list, i, item) {
		r = read_port(&ports[i], item, i, fault);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(&ports);
	return 0;
}

static int read_chained(struct endpoint_request *request, const json_t *chained,
			struct fault *fault)
{
	json_int_t ifindex = json_integer_value(json_object_get(chained, "ifindex"));

	if (ifindex <= 0 || ifindex > INT32_MAX ||
	    mac_parse(request->mac, cni_text(chained, "mac")) < 0)
		return fault_set(fault, FAULT_DECODE, "chained interface is not valid",
				 "chained: ifindex and mac are needed");
	request->chained_ifindex = (uint32_t)ifindex;
	return cni_read_ips(request->ips, json_object_get(chained, "ips"), "chained.ips", fault);
}

int cni_read_request(struct endpoint_request *request, const json_t *body, struct fault *fault)
{
	const json_t *delegated = json_object_get(body, "delegated");
	const json_t *chained = json_object_get(body, "chained");
	const char *mac = cni_text(body, "mac");
	json_int_t mtu = json_integer_value(json_object_get(body, "mtu"));
	int r;

	r = cni_read_names(&request->container_id, &request->ifname, body, fault);
	if (r < 0)
		return r;
	request->network = cni_text(body, "network");
	request->namespace = cni_text(body, "podNamespace");
	request->pod = cni_text(body, "podName");
	request->uid = cni_text(body, "podUID");
	if (mtu && (mtu < CONFIG_MTU_MIN || mtu > CONFIG_MTU_MAX))
		return fault_set(fault, FAULT_CONFIG, "MTU is not valid",
				 "mtu: %lld is not between %d and %d", (long long)mtu,
				 CONFIG_MTU_MIN, CONFIG_MTU_MAX);
	request->mtu = (unsigned int)mtu;
	if (*mac && mac_parse(request->mac, mac) < 0)
		return fault_set(fault, FAULT_CONFIG, "MAC address is not valid", "mac: \"%s\"", mac);
	if (chained && !json_is_null(chained))
		return read_chained(request, chained, fault);
	request->delegated = json_array_size(delegated) > 0;
	return cni_read_ips(request->ips, request->delegated ? delegated : json_object_get(body, "ips"),
			request->delegated ? "delegated" : "ips", fault);
}
