// SPDX-License-Identifier: Apache-2.0
/* The CNI plugin's calls. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "control/control.h"
#include "endpoint/expect.h"
#include "endpoint/lifecycle.h"

static const char *text_of(const json_t *body, const char *key)
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

static int read_names(const char **id, const char **ifname, const json_t *body, struct fault *fault)
{
	*id = text_of(body, "containerID");
	*ifname = text_of(body, "ifname");
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

static int read_ips(struct ip_addr ips[FAMILY_MAX], const json_t *list, const char *field,
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
	const char *host_ip = text_of(item, "hostIP");

	if (outer < 1 || outer > 65535 || inner < 1 || inner > 65535)
		return fault_set(fault, FAULT_CONFIG, "port is not valid",
				 "portMappings[%zu]: ports are 1 to 65535", i);
	if (read_proto(&ret->proto, text_of(item, "protocol")) < 0)
		return fault_set(fault, FAULT_CONFIG, "protocol is not valid",
				 "portMappings[%zu].protocol: \"%s\"", i, text_of(item, "protocol"));
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

static int read_ports(struct host_port **ret, size_t *count, const json_t *list,
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
	    mac_parse(request->mac, text_of(chained, "mac")) < 0)
		return fault_set(fault, FAULT_DECODE, "chained interface is not valid",
				 "chained: ifindex and mac are needed");
	request->chained_ifindex = (uint32_t)ifindex;
	return read_ips(request->ips, json_object_get(chained, "ips"), "chained.ips", fault);
}

static int read_request(struct endpoint_request *request, const json_t *body, struct fault *fault)
{
	const json_t *delegated = json_object_get(body, "delegated");
	const json_t *chained = json_object_get(body, "chained");
	const char *mac = text_of(body, "mac");
	json_int_t mtu = json_integer_value(json_object_get(body, "mtu"));
	int r;

	r = read_names(&request->container_id, &request->ifname, body, fault);
	if (r < 0)
		return r;
	request->network = text_of(body, "network");
	request->namespace = text_of(body, "podNamespace");
	request->pod = text_of(body, "podName");
	request->uid = text_of(body, "podUID");
	if (mtu && (mtu < 1280 || mtu > 65535))
		return fault_set(fault, FAULT_CONFIG, "MTU is not valid", "mtu: %lld is not between "
				 "1280 and 65535", (long long)mtu);
	request->mtu = (unsigned int)mtu;
	if (*mac && mac_parse(request->mac, mac) < 0)
		return fault_set(fault, FAULT_CONFIG, "MAC address is not valid", "mac: \"%s\"", mac);
	if (chained && !json_is_null(chained))
		return read_chained(request, chained, fault);
	request->delegated = json_array_size(delegated) > 0;
	return read_ips(request->ips, request->delegated ? delegated : json_object_get(body, "ips"),
			request->delegated ? "delegated" : "ips", fault);
}

static json_t *ips_to_json(const struct agent *agent, const struct pod_endpoint *ep)
{
	char addr[ADDR_TEXT_MAX], gateway[ADDR_TEXT_MAX], text[PREFIX_TEXT_MAX];
	json_t *list = json_array();
	struct ip_addr gw;

	for (int family = 0; family < FAMILY_MAX; family++) {
		if (ip_addr_is_none(&ep->ips[family]))
			continue;
		snprintf(text, sizeof(text), "%s/%d", addr_text(addr, &ep->ips[family]),
			 family == FAMILY_IP4 ? 32 : 128);
		if (agent->pools[family]) {
			gw = ipam_pool_gateway(agent->pools[family]);
			json_array_append_new(list, json_pack("{s:s,s:s}", "address", text, "gateway",
							      addr_text(gateway, &gw)));
		} else {
			json_array_append_new(list, json_pack("{s:s}", "address", text));
		}
	}
	return list;
}

static int call_add(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		    struct fault *fault)
{
	char mac[MAC_TEXT_MAX], host_mac[MAC_TEXT_MAX];
	cleanup(freep) struct host_port *ports = NULL;
	struct endpoint_request request = {};
	struct pod_endpoint *ep;
	int r;

	r = read_request(&request, body, fault);
	r = r ?: read_ports(&ports, &request.port_count, json_object_get(body, "portMappings"),
			    fault);
	request.ports = ports;
	r = r ?: endpoint_expect(agent, &request, fault);
	r = r ?: endpoint_reserve(&ep, agent, &request, fault);
	if (r < 0)
		return r;
	*ret = json_pack("{s:i,s:s,s:I,s:i,s:s,s:s,s:o}", "endpoint", (int)ep->slot, "hostIfname",
			 ep->host_ifname, "hostIfindex", (json_int_t)ep->ifindex, "mtu",
			 (int)ep->mtu, "mac", mac_text(mac, ep->mac), "hostMac",
			 mac_text(host_mac, ep->host_mac), "ips", ips_to_json(agent, ep));
	return 0;
}

static int call_attach(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		       struct fault *fault)
{
	json_int_t ifindex = json_integer_value(json_object_get(body, "ifindex"));
	const char *id, *ifname;
	uint8_t mac[MAC_BYTES];
	int r;

	r = read_names(&id, &ifname, body, fault);
	if (r < 0)
		return r;
	if (ifindex <= 0 || ifindex > INT32_MAX || mac_parse(mac, text_of(body, "mac")) < 0)
		return fault_set(fault, FAULT_DECODE, "interface is not valid",
				 "ifindex and mac are needed");
	r = endpoint_attach(agent, id, ifname, (uint32_t)ifindex, mac, fault);
	if (r < 0)
		return r;
	*ret = json_object();
	return 0;
}

static int call_del(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		    struct fault *fault)
{
	const char *id, *ifname;
	int r = read_names(&id, &ifname, body, fault);

	if (r < 0)
		return r;
	endpoint_release(agent, id, ifname);
	*ret = json_object();
	return 0;
}

static int call_check(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		      struct fault *fault)
{
	const json_t *list = json_object_get(body, "ips");
	struct ip_addr ips[FAMILY_MAX] = {};
	const char *id, *ifname;
	size_t count = 0;
	int r;

	r = read_names(&id, &ifname, body, fault);
	r = r ?: read_ips(ips, list, "ips", fault);
	for (int family = 0; family < FAMILY_MAX; family++)
		if (!ip_addr_is_none(&ips[family]))
			ips[count++] = ips[family];
	r = r ?: endpoint_check(agent, id, ifname, ips, count, fault);
	if (r < 0)
		return r;
	*ret = json_object();
	return 0;
}

static int call_status(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		       struct fault *fault)
{
	if (!reconcile_in_force(agent->rec) || agent->problem[0])
		return fault_set(fault, FAULT_NOT_AVAILABLE, "no pod can be added", "%s",
				 agent->problem[0] ? agent->problem : "no policy is in force yet");
	*ret = json_object();
	return 0;
}

static bool is_listed(const json_t *valid, const struct pod_endpoint *ep)
{
	json_t *item;
	size_t i;

	json_array_foreach(valid, i, item)
		if (!strcmp(text_of(item, "containerID"), ep->container_id) &&
		    !strcmp(text_of(item, "ifname"), ep->ifname))
			return true;
	return false;
}

static int call_gc(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		   struct fault *fault)
{
	const json_t *valid = json_object_get(body, "valid");
	const char *network = text_of(body, "network");
	struct pod_endpoint *ep;
	int removed = 0;

	/* An absent list would remove every pod of the network. */
	if (!json_is_array(valid) || !*network)
		return fault_set(fault, FAULT_DECODE, "GC is not complete",
				 "network and valid are needed");
	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));) {
		if (ep->state == POD_LEAVING || strcmp(ep->network, network) || is_listed(valid, ep))
			continue;
		endpoint_leave(agent, ep);
		removed++;
	}
	*ret = json_pack("{s:i}", "removed", removed);
	return 0;
}

const struct control_row control_cni_rows[] = {
	{ "POST", "/v1/cni/add", false, call_add },
	{ "POST", "/v1/cni/attach", false, call_attach },
	{ "POST", "/v1/cni/del", false, call_del },
	{ "POST", "/v1/cni/check", false, call_check },
	{ "GET", "/v1/cni/status", false, call_status },
	{ "POST", "/v1/cni/gc", false, call_gc },
	{},
};
