// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "socket.skel.h"
#include "socket_world.h"

static struct {
	struct socket *skel;
	char cgroup[128];
	pid_t owner;
} world;

static const char *const addresses4[PLACES] = {
	[BACKEND_1] = "10.7.0.1", [BACKEND_2] = "10.7.0.2", [BACKEND_3] = "10.7.0.3",
	[PLAIN] = "10.7.0.4", [SERVICE] = "10.96.0.10", [SERVICE_2] = "10.96.0.11",
};
static const char *const addresses6[PLACES] = {
	[BACKEND_1] = "fd07::1", [BACKEND_2] = "fd07::2", [BACKEND_3] = "fd07::3",
	[PLAIN] = "fd07::4", [SERVICE] = "fd96::10", [SERVICE_2] = "fd96::11",
};

static void die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(EXIT_FAILURE);
}

struct ip_addr place_addr(enum place place, bool v6)
{
	struct ip_addr addr = {};
	__be32 v4;

	if (v6) {
		ck_assert_int_eq(inet_pton(AF_INET6, addresses6[place], &addr), 1);
		return addr;
	}
	ck_assert_int_eq(inet_pton(AF_INET, addresses4[place], &v4), 1);
	ip_addr_set_v4(&addr, v4);
	return addr;
}

/* Where cgroup v2 is mounted, alone or beside v1. */
static const char *cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (int i = 0; i < 2; i++)
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

static void join(const char *cgroup)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file))
		die(path, errno);
}

static void leave(void)
{
	if (getpid() != world.owner)
		return;
	join(cgroup_root());
	rmdir(world.cgroup);
}

static void make_cgroup(const char *root)
{
	snprintf(world.cgroup, sizeof(world.cgroup), "%s/weir-test-%d", root, getpid());
	if (mkdir(world.cgroup, 0755))
		die(world.cgroup, errno);
	world.owner = getpid();
	atexit(leave);
	join(world.cgroup);
}

static void make_network(void)
{
	char command[128];

	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		die("network namespace", errno);
	for (int place = BACKEND_1; place <= PLAIN; place++) {
		snprintf(command, sizeof(command), "ip addr add %s/32 dev lo && "
			 "ip addr add %s/128 dev lo nodad", addresses4[place], addresses6[place]);
		if (system(command))
			die(command, EIO);
	}
}

static uint64_t own_netns(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t length = sizeof(uint64_t);
	uint64_t cookie;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length))
		die("SO_NETNS_COOKIE", errno);
	close(fd);
	return cookie;
}

static void attach(struct socket *skel)
{
	int cgroup = open(world.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program;

	if (cgroup < 0)
		die(world.cgroup, errno);
	/* The links live as long as the process. */
	bpf_object__for_each_program(program, skel->obj)
		if (bpf_link_create(bpf_program__fd(program), cgroup,
				    bpf_program__expected_attach_type(program), NULL) < 0)
			die(bpf_program__name(program), errno);
	close(cgroup);
}

static struct socket *load(uint64_t netns, bool everyone)
{
	struct socket *skel = socket__open();
	struct bpf_map *map;

	if (!skel)
		die("open socket.bpf.o", errno);
	skel->rodata->sockets = (struct socket_config){ .netns = netns, .everyone = everyone };
	skel->rodata->config.hz = SOCKET_WORLD_HZ;
	/* Maps of our own: nothing of this machine is touched. */
	bpf_object__for_each_map(map, skel->obj) {
		if (world.skel && bpf_map__pin_path(map) &&
		    bpf_map__reuse_fd(map, socket_map_fd(bpf_map__name(map))))
			die(bpf_map__name(map), errno);
		bpf_map__set_pin_path(map, NULL);
	}
	if (socket__load(skel))
		die("load socket.bpf.o", errno);
	return skel;
}

void serve_everyone(void)
{
	attach(load(own_netns(), true));
}

int socket_map_fd(const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(world.skel->obj, map);

	if (fd < 0)
		die(map, fd);
	return fd;
}

uint32_t socket_verified(const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(world.skel->obj, name);
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	ck_assert_ptr_nonnull(program);
	ck_assert_int_eq(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length), 0);
	return info.verified_insns;
}

int socket_world_main(const char *title, const struct check_row *rows, int count)
{
	Suite *suite = suite_create(title);
	const char *root = cgroup_root();
	TCase *tcase;

	if (geteuid() || !root) {
		printf("1..0 # SKIP %s\n", root ? "needs root" : "cgroup v2 is not mounted");
		return EXIT_SUCCESS;
	}
	make_network();
	make_cgroup(root);
	world.skel = load(own_netns(), false);
	attach(world.skel);
	for (int i = 0; i < count; i++) {
		tcase = check_add(suite, rows[i].name, rows[i].test, rows[i].rows);
		tcase_add_checked_fixture(tcase, services_reset, NULL);
	}
	return check_run(suite);
}
