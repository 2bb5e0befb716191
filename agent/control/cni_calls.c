// SPDX-License-Identifier: Apache-2.0
/* The CNI plugin's calls: what is asked for is done, and answered. */
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "control/cni_request.h"
#include "control/control.h"
#include "endpoint/expect.h"
#include "endpoint/lifecycle.h"

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

	r = cni_read_request(&request, body, fault);
	r = r ?: cni_read_ports(&ports, &request.port_count, json_object_get(body, "portMappings"),
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

	r = cni_read_names(&id, &ifname, body, fault);
	if (r < 0)
		return r;
	if (ifindex <= 0 || ifindex > INT32_MAX || mac_parse(mac, cni_text(body, "mac")) < 0)
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
	int r = cni_read_names(&id, &ifname, body, fault);

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

	r = cni_read_names(&id, &ifname, body, fault);
	r = r ?: cni_read_ips(ips, list, "ips", fault);
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
		if (!strcmp(cni_text(item, "containerID"), ep->container_id) &&
		    !strcmp(cni_text(item, "ifname"), ep->ifname))
			return true;
	return false;
}

static int call_gc(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		   struct fault *fault)
{
	const json_t *valid = json_object_get(body, "valid");
	const char *network = cni_text(body, "network");
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
