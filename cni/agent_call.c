// SPDX-License-Identifier: Apache-2.0
#include "cni/agent_call.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/client.h"

/* A runtime waits minutes for ADD, but a pod is started sooner by its next try. */
#define ANSWER_MS 5000
#define STATUS_MS 2000
#define GC_MS 30000

/* An agent that restarts is away for less than this, and hears of a new pod sooner. */
#define RESTART_MS 2000
#define RESTART_STEP_MS 20

static int unreachable(struct cni_error *error, const char *socket, int r)
{
	switch (r) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ENOENT:
	case -ENOTDIR:
	case -ETIMEDOUT:
		return cni_fail_errno(error, CNI_TRY_AGAIN, r, "weir-agent does not answer on %s",
				      socket);
	default:
		return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot ask weir-agent on %s",
				      socket);
	}
}

/* The answer's object, also of a refusal. */
static int read_answer(json_t **ret, const struct client_reply *reply, struct cni_error *error)
{
	cleanup(json_decrefp) json_t *object = json_loadb(reply->body, reply->length, 0, NULL);

	if (reply->status < 200 || reply->status > 299)
		return cni_fail_json(error, CNI_IO_FAILURE, object);
	if (!json_is_object(object))
		return cni_fail(error, CNI_IO_FAILURE, "weir-agent answered no JSON object");
	*ret = take_ptr(&object);
	return 0;
}

struct request {
	const char *path;
	bool get; /* GET, without a body */
	json_t *body; /* consumed; NULL: a text in it was not UTF-8 */
	int timeout_ms;
	int patience_ms; /* for somebody to serve the socket */
	bool insists; /* so long on an answer that is no "try again later", too */
};

static bool is_try_again(const struct client_reply *reply)
{
	json_t *object = json_loadb(reply->body, reply->length, 0, NULL);
	bool is = reply->status > 299 &&
		  json_integer_value(json_object_get(object, "code")) == CNI_TRY_AGAIN;

	json_decref(object);
	return is;
}

/* Whether the call is worth another try in a moment. */
static bool is_early(int r, const struct request *request, const struct client_reply *reply)
{
	if (r == -ECONNREFUSED || r == -ENOENT)
		return true;
	return !r && request->insists && is_try_again(reply);
}

static int ask(json_t **ret, const struct cni_call *call, const struct request *request,
	       struct cni_error *error)
{
	cleanup(json_decrefp) json_t *body = request->body;
	cleanup(freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	cleanup(client_reply_done) struct client_reply reply = {};
	int patience_ms = request->patience_ms;
	int r;

	if (!request->get && !text)
		return cni_fail(error, CNI_BAD_ENVIRONMENT,
				"CNI_IFNAME or a value of CNI_ARGS is not UTF-8");
	for (;;) {
		client_reply_done(&reply);
		r = client_call(&reply, call->conf.socket, request->get ? "GET" : "POST",
				request->path, text, request->timeout_ms);
		if (!is_early(r, request, &reply) || patience_ms <= 0)
			break;
		poll(NULL, 0, RESTART_STEP_MS);
		patience_ms -= RESTART_STEP_MS;
	}
	if (r < 0)
		return unreachable(error, call->conf.socket, r);
	return read_answer(ret, &reply, error);
}

/* For calls whose answer says nothing but that it went well. */
static int ask_only(const struct cni_call *call, const struct request *request,
		    struct cni_error *error)
{
	cleanup(json_decrefp) json_t *answer = NULL;

	return ask(&answer, call, request, error);
}

/* The members that name the endpoint. */
static json_t *endpoint_name(const struct cni_call *call)
{
	return json_pack("{s:s, s:s}", "containerID", call->env.container_id, "ifname",
			 call->env.ifname);
}

/* The first of two texts that is neither absent nor empty. */
static const char *either(const char *text, const char *other)
{
	return text && *text ? text : other ?: "";
}

static json_t *add_request(const struct cni_call *call, json_t *delegated, json_t *chained)
{
	const struct cni_env *env = &call->env;
	const struct netconf *conf = &call->conf;
	json_t *ips = NULL;

	/* With a delegate the wishes are the delegate's to fulfil. */
	if (!delegated && !chained)
		ips = json_incref(conf->ips);
	if (!delegated && !chained && !ips && env->ip && *env->ip)
		ips = json_pack("[s]", env->ip);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:o*, s:O*, s:O*, s:O*}",
			 "containerID", env->container_id, "ifname", env->ifname, "netns",
			 env->netns, "network", conf->name, "podNamespace",
			 either(env->pod_namespace, conf->pod_namespace), "podName",
			 env->pod_name ?: "", "podUID", env->pod_uid ?: "", "mtu", conf->mtu, "mac",
			 either(conf->mac, env->mac), "ips", ips, "portMappings",
			 conf->port_mappings, "delegated", delegated, "chained", chained);
}

static int read_lease_ip(struct lease_ip *ret, const json_t *ip)
{
	const char *address = json_string_value(json_object_get(ip, "address"));
	const char *gateway = json_string_value(json_object_get(ip, "gateway"));
	char text[ADDR_TEXT_MAX];
	struct prefix prefix;

	if (!address || !gateway || prefix_parse(&prefix, NULL, address) < 0)
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(address, "/"), address);
	if (addr_parse(&ret->addr, text) < 0 || addr_parse(&ret->gateway, gateway) < 0 ||
	    ip_addr_is_v4(&ret->addr) != ip_addr_is_v4(&ret->gateway))
		return -EINVAL;
	ret->bits = prefix.bits;
	return 0;
}

static int read_lease(struct agent_lease *ret, const json_t *answer)
{
	json_int_t ifindex = json_integer_value(json_object_get(answer, "hostIfindex"));
	json_int_t mtu = json_integer_value(json_object_get(answer, "mtu"));
	const char *name = json_string_value(json_object_get(answer, "hostIfname"));
	const char *mac = json_string_value(json_object_get(answer, "mac"));
	const char *host_mac = json_string_value(json_object_get(answer, "hostMac"));
	json_t *ips = json_object_get(answer, "ips"), *ip;
	struct agent_lease lease = { .host_ifindex = (uint32_t)ifindex, .mtu = (uint32_t)mtu };
	size_t i;

	if (ifindex <= 0 || ifindex > INT32_MAX || mtu <= 0 || mtu > UINT16_MAX)
		return -EINVAL;
	if (!name || cni_check_ifname(name) < 0 || !mac || mac_parse(lease.mac, mac) < 0 ||
	    !host_mac || mac_parse(lease.host_mac, host_mac) < 0)
		return -EINVAL;
	strcpy(lease.host_ifname, name);
	if (json_array_size(ips) < 1 || json_array_size(ips) > LEASE_IPS_MAX)
		return -EINVAL;
	json_array_foreach(ips, i, ip)
		if (read_lease_ip(&lease.ips[lease.ip_count++], ip) < 0)
			return -EINVAL;
	*ret = lease;
	return 0;
}

int agent_add(struct agent_lease *ret, const struct cni_call *call, json_t *delegated,
	      json_t *chained, struct cni_error *error)
{
	const struct request request = { .path = "/v1/cni/add",
					 .body = add_request(call, delegated, chained),
					 .timeout_ms = ANSWER_MS,
					 .patience_ms = RESTART_MS, .insists = true };
	cleanup(json_decrefp) json_t *answer = NULL;
	int r;

	r = ask(&answer, call, &request, error);
	if (r < 0)
		return r;
	if (ret && read_lease(ret, answer) < 0)
		return cni_fail(error, CNI_IO_FAILURE, "weir-agent answered an incomplete lease");
	return 0;
}

int agent_attach(const struct cni_call *call, uint32_t host_ifindex, const char *mac,
		 struct cni_error *error)
{
	const struct request request = { .path = "/v1/cni/attach",
					 .body = endpoint_name(call),
					 .timeout_ms = ANSWER_MS };

	json_object_set_new(request.body, "ifindex", json_integer(host_ifindex));
	json_object_set_new(request.body, "mac", json_string(mac));
	return ask_only(call, &request, error);
}

int agent_del(const struct cni_call *call, struct cni_error *error)
{
	const struct request request = { .path = "/v1/cni/del",
					 .body = endpoint_name(call),
					 .timeout_ms = ANSWER_MS };

	return ask_only(call, &request, error);
}

int agent_check(const struct cni_call *call, json_t *ips, struct cni_error *error)
{
	const struct request request = { .path = "/v1/cni/check",
					 .body = endpoint_name(call),
					 .timeout_ms = ANSWER_MS };

	json_object_set(request.body, "ips", ips);
	return ask_only(call, &request, error);
}

int agent_status(const struct cni_call *call, struct cni_error *error)
{
	const struct request request = { .path = "/v1/cni/status",
					 .get = true,
					 .timeout_ms = STATUS_MS };
	int r = ask_only(call, &request, error);

	/* Who asks for the status wants to hear that there is none to be had. */
	if (r == -CNI_TRY_AGAIN)
		error->code = CNI_NOT_AVAILABLE;
	return r < 0 ? -error->code : 0;
}

int agent_gc(const struct cni_call *call, json_t *valid, struct cni_error *error)
{
	const struct request request = {
		.path = "/v1/cni/gc",
		.body = json_pack("{s:s, s:O}", "network", call->conf.name, "valid", valid),
		.timeout_ms = GC_MS,
	};

	return ask_only(call, &request, error);
}
