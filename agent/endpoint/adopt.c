// SPDX-License-Identifier: Apache-2.0
#include "endpoint/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "endpoint/lifecycle.h"
#include "endpoint/statefile.h"
#include "endpoint/trust.h"
#include "unguard.h"
#include "uplink.h"
#include "weir/linkname.h"

static bool link_is_there(struct agent *agent, const struct pod_endpoint *ep)
{
	struct net_link link;

	return !net_link_get(&link, agent->net, ep->ifindex) &&
	       !strcmp(link.name, ep->host_ifname);
}

static void take_addresses(struct agent *agent, const struct pod_endpoint *ep)
{
	char text[ADDR_TEXT_MAX];
	int r;

	for (int family = 0; family < FAMILY_MAX; family++) {
		if (!agent->pools[family] || ip_addr_is_none(&ep->ips[family]))
			continue;
		r = ipam_pool_take_addr(agent->pools[family], &ep->ips[family]);
		/* An IPAM plugin's address, or one of a former pod CIDR, is no business of the pool. */
		if (r < 0 && r != -ERANGE)
			log_warn_errno(r, "pod %s/%s: address %s", ep->namespace, ep->pod,
				       addr_text(text, &ep->ips[family]));
	}
}

/* The slot may be empty (the BPF file system was lost) or another pod's (reused by force). */
static int take_slot(struct agent *agent, const struct pod_endpoint *ep)
{
	struct endpoint entry = endpoint_entry(ep);
	const struct endpoint *slot;

	slot = reconcile_slot(agent->rec, ep->ifindex & (ENDPOINT_SLOTS - 1));
	if (slot && slot->ifindex == ep->ifindex)
		return 0;
	if (slot)
		reconcile_endpoint_close(agent->rec, slot->ifindex);
	return reconcile_endpoint_open(agent->rec, &entry);
}

static int adopt(struct agent *agent, struct pod_endpoint *ep)
{
	int r;

	ep->state = POD_ATTACHING;
	ep->since_ms = clock_ms();
	r = endpoints_insert(&agent->endpoints, ep);
	if (r < 0) {
		pod_endpoint_free(ep);
		return r;
	}
	take_addresses(agent, ep);
	return take_slot(agent, ep);
}

static bool is_to_adopt(struct agent *agent, const struct pod_endpoint *ep)
{
	char buf[TRUST_TEXT_MAX];
	const char *why;

	if (!link_is_there(agent, ep)) {
		log_info("pod %s/%s is gone: its interface %s does not exist any more",
			 ep->namespace, ep->pod, ep->host_ifname);
		return false;
	}
	why = trust_doubt(buf, agent, ep);
	if (why)
		log_error("pod %s/%s on %s is not adopted: %s; its state file is removed, and "
			  "it is cut off", ep->namespace, ep->pod, ep->host_ifname, why);
	return !why;
}

static void on_state(struct pod_endpoint *ep, void *arg)
{
	struct agent *agent = arg;
	char name[IFNAMSIZ];
	int r;

	if (!is_to_adopt(agent, ep)) {
		statefile_remove(agent->config.state_dir, ep->key);
		pod_endpoint_free(ep);
		return;
	}
	memcpy(name, ep->host_ifname, sizeof(name));
	r = adopt(agent, ep);
	if (r < 0)
		log_error_errno(r, "the pod on %s cannot be adopted; it is cut off", name);
}

/* Its link goes with adopt_finish(), as that of a pod which nobody knows. */
static void on_broken(const char *path, const char *why, void *arg)
{
	log_error("%s: %s; it is removed, and its pod is cut off", path, why);
	file_remove_tree(path);
}

int adopt_endpoints(struct agent *agent)
{
	return statefile_each(agent->config.state_dir, on_state, on_broken, agent);
}

static int guard(struct agent *agent, const struct pod_endpoint *ep)
{
	int r;

	/* First: when the maps are new, the new programs must not find a pod that is not ready. */
	r = reconcile_endpoint_ready(agent->rec, ep->ifindex);
	r = r ?: datapath_attach_pod(agent->dp, ep->ifindex);
	if (r < 0)
		reconcile_endpoint_close(agent->rec, ep->ifindex);
	return r;
}

/* Where this agent's policy is not in force, a former agent's may be. */
static bool has_policy(const struct agent *agent, const struct pod_endpoint *ep)
{
	const struct endpoint *slot = reconcile_endpoint(agent->rec, ep->ifindex);

	return reconcile_in_force(agent->rec) || (slot && slot->flags & ENDPOINT_READY);
}

static void finish_one(struct agent *agent, struct pod_endpoint *ep)
{
	int r;

	if (!has_policy(agent, ep)) {
		log_error("pod %s/%s on %s waits for its policy", ep->namespace, ep->pod,
			  ep->host_ifname);
		return;
	}
	r = guard(agent, ep);
	if (r < 0)
		log_error_errno(r, "pod %s/%s on %s cannot be adopted; it is cut off",
				ep->namespace, ep->pod, ep->host_ifname);
	r = r ?: endpoint_connect(agent, ep);
	if (r < 0)
		log_warn_errno(r, "pod %s/%s on %s: routes", ep->namespace, ep->pod,
			       ep->host_ifname);
	ep->state = POD_READY;
	linkwork_promote(agent->linkwork, ep->ifindex);
}

/* Slots whose pod nobody knows. */
static void close_strangers(struct agent *agent)
{
	const struct endpoint *slot;

	for (uint32_t i = 0; i < ENDPOINT_SLOTS; i++) {
		slot = reconcile_slot(agent->rec, i);
		if (slot && !endpoints_at(&agent->endpoints, slot->ifindex))
			reconcile_endpoint_close(agent->rec, slot->ifindex);
	}
}

/* Links of pods that were never attached, or whose state is lost. */
static void delete_strange_links(struct agent *agent)
{
	cleanup(freep) struct net_link *links = NULL;
	size_t count = 0;

	if (net_links(&links, &count, agent->net, LINKNAME_PREFIX) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!linkname_is_pod(links[i].name) ||
		    endpoints_at(&agent->endpoints, links[i].ifindex))
			continue;
		log_info("interface %s belongs to no pod: it is removed", links[i].name);
		linkwork_delete(agent->linkwork, links[i].ifindex);
	}
}

/* What is left of devices that are gone, and of former uplinks. */
static void detach_stranger(uint32_t ifindex, void *arg)
{
	struct agent *agent = arg;
	struct net_link link;
	int r;

	if (endpoints_at(&agent->endpoints, ifindex) || uplink_is(agent, ifindex) ||
	    ifindex == agent->overlay.ifindex)
		return;
	r = net_link_get(&link, agent->net, ifindex);
	/* A pod that was not adopted stays cut off, until its link goes. */
	if (r != -ENODEV && (r < 0 || linkname_is_pod(link.name) || datapath_guards_pod(ifindex)))
		return;
	if (!r)
		unguard(agent->net, agent->config.bpffs, ifindex);
	datapath_detach(agent->dp, ifindex);
}

void adopt_waiting(struct agent *agent)
{
	struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (ep->state == POD_ATTACHING)
			finish_one(agent, ep);
}

int adopt_finish(struct agent *agent)
{
	int r;

	adopt_waiting(agent);
	close_strangers(agent);
	delete_strange_links(agent);
	/* Before an address is given again: what it did under its former owner is forgotten. */
	r = expiry_run(agent->expiry);
	return r ?: datapath_each_device(agent->dp, detach_stranger, agent);
}

static int note_path(char path[static PATH_MAX], const struct agent *agent, const char *key)
{
	return snprintf(path, PATH_MAX, "%s/deleted/%s", agent->config.run_dir, key) < PATH_MAX ?
		       0 : -ENAMETOOLONG;
}

void adopt_drop_note(struct agent *agent, const char *key)
{
	char path[PATH_MAX];

	if (!note_path(path, agent, key))
		unlink(path);
}

void adopt_deleted(struct agent *agent)
{
	cleanup(closedirp) DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	char *at;

	snprintf(path, sizeof(path), "%s/deleted", agent->config.run_dir);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		at = strrchr(entry->d_name, '@');
		if (!at || at == entry->d_name)
			continue;
		adopt_drop_note(agent, entry->d_name);
		*at = '\0';
		endpoint_release(agent, entry->d_name, at + 1);
	}
}
