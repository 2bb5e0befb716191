// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes where a former agent left the state of an endpoint. They are refused
 * with a reason, or make an endpoint that is complete, is the one that the file is
 * named for, and is written and read again as the same.
 */
#include <limits.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "endpoint/statefile.h"
#include "fuzz.h"
#include "scratch.h"

#define KEY "c1@eth0"
#define WRITTEN_MAX (1 << 20)

struct found {
	struct pod_endpoint *ep;
	bool broken;
};

static void take(struct pod_endpoint *ep, void *arg)
{
	struct found *found = arg;

	found->ep = ep;
}

static void refuse(const char *path, const char *why, void *arg)
{
	struct found *found = arg;

	PROMISE(*why);
	found->broken = true;
}

static const char *file_path(void)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/endpoints/" KEY ".json", scratch_dir());
	return path;
}

/* NULL: refused. */
static struct pod_endpoint *read_back(void)
{
	struct found found = {};

	PROMISE(!statefile_each(scratch_dir(), take, refuse, &found));
	PROMISE(!found.ep == found.broken);
	return found.ep;
}

static char *written(const struct pod_endpoint *ep)
{
	char *text;
	size_t length;

	PROMISE(!statefile_write(scratch_dir(), ep));
	PROMISE(!file_read(&text, &length, file_path(), WRITTEN_MAX));
	return text;
}

static void check_complete(const struct pod_endpoint *ep)
{
	PROMISE(!strcmp(ep->key, KEY));
	PROMISE(ep->namespace && ep->pod && ep->uid && ep->network && ep->host_ifname[0]);
	PROMISE(ep->ifindex && ep->mtu && ep->port_count <= ENDPOINT_PORTS_MAX);
	for (int i = 0; i < 2; i++)
		PROMISE(ip_addr_is_none(&ep->ips[i]) || ip_addr_is_v4(&ep->ips[i]) == !i);
	for (size_t i = 0; i < ep->port_count; i++)
		PROMISE(ep->ports[i].host_port && ep->ports[i].container_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(pod_endpoint_freep) struct pod_endpoint *ep = NULL;
	cleanup(pod_endpoint_freep) struct pod_endpoint *again = NULL;
	cleanup(freep) char *first = NULL;
	cleanup(freep) char *second = NULL;
	static bool prepared;

	if (!prepared)
		PROMISE(!statefile_prepare(scratch_dir()));
	prepared = true;
	PROMISE(!file_replace(file_path(), (const char *)data, size, 0600));
	ep = read_back();
	if (!ep)
		return 0;
	check_complete(ep);
	first = written(ep);
	again = read_back();
	PROMISE(again);
	second = written(again);
	PROMISE(!strcmp(first, second));
	return 0;
}
