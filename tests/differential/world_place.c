// SPDX-License-Identifier: Apache-2.0
/* Where the judge's node is: interfaces and a BPF file system that nobody else sees. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "world.h"

#define IFINDEX_FIRST 65600

uint32_t world_ifindex(unsigned int slot)
{
	return IFINDEX_FIRST + slot;
}

uint32_t world_uplink(void)
{
	return IFINDEX_FIRST + WORLD_PODS;
}

void world_mac(uint8_t ret[6], unsigned int slot, bool host)
{
	const uint8_t mac[6] = { 0x0e, 0, 0, 0, host, (uint8_t)(slot + 1) };

	memcpy(ret, mac, sizeof(mac));
}

/* So that what goes on elsewhere is routed: out of the uplink. */
static void write_setting(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs("1", file) < 0 || fclose(file))
		die(path, errno);
}

void world_make_place(void)
{
	uint8_t mac[6];
	FILE *ip;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", WORLD_BPFFS, "bpf", 0, NULL))
		die("a place of its own", errno);
	ip = popen("ip -batch -", "w");
	if (!ip)
		die("ip", errno);
	for (unsigned int i = 0; i <= WORLD_PODS; i++)
		fprintf(ip, "link add t%u index %u type veth peer name p%u\n", i, IFINDEX_FIRST + i, i);
	world_mac(mac, WORLD_PODS, true);
	fprintf(ip, "link set t%u address %02x:%02x:%02x:%02x:%02x:%02x up\n", WORLD_PODS, mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
	fprintf(ip, "route add 0.0.0.0/0 dev t%u\nroute add ::/0 dev t%u\n", WORLD_PODS, WORLD_PODS);
	if (pclose(ip))
		die("ip link add", EIO);
	write_setting("/proc/sys/net/ipv4/ip_forward");
	write_setting("/proc/sys/net/ipv6/conf/all/forwarding");
}
