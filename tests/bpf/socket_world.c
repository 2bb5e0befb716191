// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "socket.skel.h"
#include "socket_world.h"

static struct {
	struct socket *skel;
	const char *cgroup;
} world;

static void attach(struct socket *skel)
{
	int cgroup = open(world.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program;

	if (cgroup < 0)
		place_die(world.cgroup, errno);
	/* The links live as long as the process. */
	bpf_object__for_each_program(program, skel->obj)
		if (bpf_link_create(bpf_program__fd(program), cgroup,
				    bpf_program__expected_attach_type(program), NULL) < 0)
			place_die(bpf_program__name(program), errno);
	close(cgroup);
}

static struct socket *load(uint64_t netns, bool everyone)
{
	struct socket *skel = socket__open();
	struct bpf_map *map;

	if (!skel)
		place_die("open socket.bpf.o", errno);
	skel->rodata->sockets = (struct socket_config){ .netns = netns, .everyone = everyone };
	skel->rodata->config.hz = SOCKET_WORLD_HZ;
	/* Maps of our own: nothing of this machine is touched. */
	bpf_object__for_each_map(map, skel->obj) {
		if (world.skel && bpf_map__pin_path(map) &&
		    bpf_map__reuse_fd(map, socket_map_fd(bpf_map__name(map))))
			place_die(bpf_map__name(map), errno);
		bpf_map__set_pin_path(map, NULL);
	}
	if (socket__load(skel))
		place_die("load socket.bpf.o", errno);
	return skel;
}

void serve_everyone(void)
{
	attach(load(place_netns(), true));
}

int socket_map_fd(const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(world.skel->obj, map);

	if (fd < 0)
		place_die(map, fd);
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
	const char *refusal = place_refuses();
	TCase *tcase;

	if (refusal) {
		printf("1..0 # SKIP %s\n", refusal);
		return EXIT_SUCCESS;
	}
	place_network();
	world.cgroup = place_cgroup();
	world.skel = load(place_netns(), false);
	attach(world.skel);
	for (int i = 0; i < count; i++) {
		tcase = check_add(suite, rows[i].name, rows[i].test, rows[i].rows);
		tcase_add_checked_fixture(tcase, services_reset, NULL);
	}
	return check_run(suite);
}
