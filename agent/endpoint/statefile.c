// SPDX-License-Identifier: Apache-2.0
#include "endpoint/statefile.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/file.h"

#define SUFFIX ".json"
#define SUFFIX_NEW SUFFIX ".new" /* of a file that was being written */
#define VERSION 1 /* of the files */
#define FILE_MAX (1 << 20)

static int path_of(char path[static PATH_MAX], const char *state_dir, const char *key)
{
	int n = snprintf(path, PATH_MAX, "%s/endpoints/%s" SUFFIX, state_dir, key);

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	return length > end && !strcmp(name + length - end, suffix);
}

static void remove_unfinished(const char *directory)
{
	cleanup(closedirp) DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (ends_with(entry->d_name, SUFFIX_NEW))
			unlinkat(dirfd(dir), entry->d_name, 0);
}

int statefile_prepare(const char *state_dir)
{
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/endpoints", state_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = file_make_dirs(path, 0700);
	if (!r)
		remove_unfinished(path);
	return r;
}

int statefile_remove_all(const char *state_dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/endpoints", state_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_remove_tree(path);
}

static json_t *ports_to_json(const struct pod_endpoint *ep)
{
	json_t *list = json_array();
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ep->port_count; i++) {
		const struct host_port *port = &ep->ports[i];

		json_array_append_new(list, json_pack("{s:i,s:i,s:i,s:s}", "protocol", port->proto,
						      "hostPort", port->host_port, "containerPort",
						      port->container_port, "hostIP",
						      addr_text(addr, &port->host_ip)));
	}
	return list;
}

static json_t *to_json(const struct pod_endpoint *ep)
{
	char mac[MAC_TEXT_MAX], host_mac[MAC_TEXT_MAX], ip[2][ADDR_TEXT_MAX];

	return json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:i,s:b,s:[s,s],s:o}",
			 "version", VERSION, "containerID", ep->container_id, "ifname", ep->ifname,
			 "network", ep->network, "namespace", ep->namespace, "pod", ep->pod, "uid", ep->uid,
			 "ifindex", (json_int_t)ep->ifindex, "hostIfname", ep->host_ifname, "mac",
			 mac_text(mac, ep->mac), "hostMac", mac_text(host_mac, ep->host_mac), "mtu",
			 (int)ep->mtu, "chained", ep->chained, "ips", addr_text(ip[0], &ep->ips[0]),
			 addr_text(ip[1], &ep->ips[1]), "ports", ports_to_json(ep));
}

int statefile_write(const char *state_dir, const struct pod_endpoint *ep)
{
	cleanup(json_decrefp) json_t *value = to_json(ep);
	cleanup(freep) char *text = NULL;
	char path[PATH_MAX];
	int r;

	text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	if (!text)
		return -ENOMEM;
	r = path_of(path, state_dir, ep->key);
	return r ?: file_replace(path, text, strlen(text), 0600);
}

void statefile_remove(const char *state_dir, const char *key)
{
	char path[PATH_MAX];

	if (!path_of(path, state_dir, key))
		unlink(path);
}

static bool is_port(int number)
{
	return number > 0 && number <= UINT16_MAX;
}

static int read_ports(struct pod_endpoint *ep, json_t *list)
{
	size_t count = json_array_size(list);
	const char *host_ip;
	json_t *item;
	size_t i;

	if (!count)
		return 0;
	if (count > ENDPOINT_PORTS_MAX)
		return -EINVAL;
	ep->ports = calloc(count, sizeof(*ep->ports));
	if (!ep->ports)
		return -ENOMEM;
	ep->port_count = count;
	json_array_foreach(list, i, item) {
		struct host_port *port = &ep->ports[i];
		int proto, outer, inner;

		if (json_unpack(item, "{s:i,s:i,s:i,s:s}", "protocol", &proto, "hostPort", &outer,
				"containerPort", &inner, "hostIP", &host_ip) < 0 ||
		    addr_parse(&port->host_ip, host_ip) < 0 || !is_port(outer) ||
		    !is_port(inner) || proto < 0 || proto > UINT8_MAX)
			return -EINVAL;
		port->proto = (uint8_t)proto;
		port->host_port = (uint16_t)outer;
		port->container_port = (uint16_t)inner;
	}
	return 0;
}

/* :: says that there is none. */
static bool is_of_family(const struct ip_addr *addr, bool v4)
{
	return ip_addr_is_none(addr) || ip_addr_is_v4(addr) == v4;
}

static int read_addresses(struct pod_endpoint *ep, json_t *value)
{
	const char *mac, *host_mac, *ip[2];

	if (json_unpack(value, "{s:s,s:s,s:[s,s]}", "mac", &mac, "hostMac", &host_mac, "ips",
			&ip[0], &ip[1]) < 0 ||
	    mac_parse(ep->mac, mac) < 0 || mac_parse(ep->host_mac, host_mac) < 0)
		return -EINVAL;
	for (int i = 0; i < 2; i++)
		if (addr_parse(&ep->ips[i], ip[i]) < 0 || !is_of_family(&ep->ips[i], i == 0))
			return -EINVAL;
	return 0;
}

static int read_link(struct pod_endpoint *ep, json_t *value)
{
	json_int_t ifindex;
	int mtu, chained;
	const char *name;

	if (json_unpack(value, "{s:s,s:I,s:i,s:b}", "hostIfname", &name, "ifindex", &ifindex,
			"mtu", &mtu, "chained", &chained) < 0)
		return -EINVAL;
	if (!*name || strlen(name) >= sizeof(ep->host_ifname) || ifindex <= 0 ||
	    ifindex > INT_MAX || mtu <= 0 || mtu > UINT16_MAX)
		return -EINVAL;
	strcpy(ep->host_ifname, name);
	ep->ifindex = (uint32_t)ifindex;
	ep->mtu = (unsigned int)mtu;
	ep->chained = chained;
	return 0;
}

static int from_json(struct pod_endpoint **ret, json_t *value)
{
	const char *id, *ifname, *network, *ns, *pod, *uid;
	cleanup(pod_endpoint_freep) struct pod_endpoint *ep = NULL;
	json_t *ports;
	int r;

	if (json_unpack(value, "{s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "containerID", &id, "ifname",
			&ifname, "network", &network, "namespace", &ns, "pod", &pod, "uid", &uid,
			"ports", &ports) < 0)
		return -EINVAL;
	r = pod_endpoint_new(&ep, id, ifname, network, ns, pod, uid);
	r = r ?: read_link(ep, value);
	r = r ?: read_addresses(ep, value);
	r = r ?: read_ports(ep, ports);
	if (r < 0)
		return r;
	*ret = take_ptr(&ep);
	return 0;
}

/* The version comes first: of a newer one nothing else is known. */
static int read_one(struct pod_endpoint **ret, const char *path)
{
	cleanup(json_decrefp) json_t *value = NULL;
	cleanup(freep) char *text = NULL;
	size_t length;
	int r, version;

	r = file_read(&text, &length, path, FILE_MAX);
	if (r < 0)
		return r;
	value = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(value, "{s:i}", "version", &version) < 0)
		return -EINVAL;
	return version == VERSION ? from_json(ret, value) : -EPROTONOSUPPORT;
}

static const char *reason(int r)
{
	switch (r) {
	case -EINVAL:
		return "not a state file of weir, or not all of it";
	case -EPROTONOSUPPORT:
		return "of a version of weir that this one does not know";
	default:
		return strerror(-r);
	}
}

/* A file under another's name was put there by somebody who knows nothing of either. */
static int read_named(struct pod_endpoint **ret, const char *path, const char *name)
{
	cleanup(pod_endpoint_freep) struct pod_endpoint *ep = NULL;
	size_t length = strlen(name) - strlen(SUFFIX);
	int r = read_one(&ep, path);

	if (r < 0)
		return r;
	if (strlen(ep->key) != length || strncmp(ep->key, name, length))
		return -EINVAL;
	*ret = take_ptr(&ep);
	return 0;
}

int statefile_each(const char *state_dir, void (*fn)(struct pod_endpoint *ep, void *arg),
		   void (*broken)(const char *path, const char *why, void *arg), void *arg)
{
	cleanup(closedirp) DIR *dir = NULL;
	struct pod_endpoint *ep = NULL;
	struct dirent *entry;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/endpoints", state_dir);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!ends_with(entry->d_name, SUFFIX))
			continue;
		snprintf(path, sizeof(path), "%s/endpoints/%s", state_dir, entry->d_name);
		r = read_named(&ep, path, entry->d_name);
		if (r < 0)
			broken(path, reason(r), arg);
		else
			fn(ep, arg);
	}
	return 0;
}
