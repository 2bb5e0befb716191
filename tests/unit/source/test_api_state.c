// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "source/api_compact.h"
#include "source/api_state.h"

static const struct api_kind *const pods = &api_kinds[2];

struct world {
	char dir[64];
	struct api_state state;
	struct buf heard; /* "+name -name ..." */
};

static void begin(struct world *world)
{
	*world = (struct world){};
	strcpy(world->dir, "/tmp/weir-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(world->dir));
	ck_assert_str_eq(pods->plural, "pods");
	ck_assert_int_eq(api_state_init(&world->state, world->dir, pods->plural), 0);
}

static void end(struct world *world)
{
	api_state_done(&world->state);
	buf_done(&world->heard);
	file_remove_tree(world->dir);
}

static int hear_object(void *arg, const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");
	struct world *world = arg;

	buf_printf(&world->heard, "+%s ", json_string_value(json_object_get(metadata, "name")));
	return 0;
}

static void hear_deleted(void *arg, const char *namespace, const char *name)
{
	struct world *world = arg;

	ck_assert_str_eq(namespace, "shop");
	buf_printf(&world->heard, "-%s ", name);
}

/* As the next agent does. */
static int load(struct world *world)
{
	const struct api_state_sink sink = { .arg = world, .object = hear_object,
					     .deleted = hear_deleted };

	api_state_done(&world->state);
	buf_reset(&world->heard);
	ck_assert_int_eq(api_state_init(&world->state, world->dir, pods->plural), 0);
	return api_state_load(&world->state, &sink);
}

static void put(struct world *world, const char *name, bool changed)
{
	json_t *object = json_pack("{s:{s:s,s:s}}", "metadata", "name", name, "namespace", "shop");

	ck_assert_int_eq(api_state_put(&world->state, pods, object, changed), 0);
	json_decref(object);
}

/* A list of one object. */
static void list(struct world *world, const char *name)
{
	api_state_begin(&world->state, 0);
	put(world, name, true);
	api_state_complete(&world->state);
	ck_assert_int_eq(world->state.error, 0);
}

START_TEST(only_a_complete_list_is_a_state)
{
	struct world world;

	begin(&world);
	ck_assert_int_eq(load(&world), 0);
	api_state_begin(&world.state, 0);
	put(&world, "a", true);
	ck_assert_int_eq(load(&world), 0);
	list(&world, "a");
	api_state_flush(&world.state, 1);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a ");
	end(&world);
}
END_TEST

START_TEST(changes_are_appended)
{
	struct world world;
	struct stat st;
	char path[128];

	begin(&world);
	list(&world, "a");
	put(&world, "b", true);
	put(&world, "a", false);
	api_state_delete(&world.state, "shop", "b");
	api_state_flush(&world.state, 1);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b -b ");
	/* And go on being so. */
	api_state_begin(&world.state, 0);
	put(&world, "a", false);
	put(&world, "c", true);
	api_state_complete(&world.state);
	api_state_flush(&world.state, 2);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b -b +c ");
	snprintf(path, sizeof(path), "%s/api/pods", world.dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	end(&world);
}
END_TEST

START_TEST(superseded_lines_are_removed)
{
	struct world world;

	begin(&world);
	list(&world, "a");
	put(&world, "gone", true);
	api_state_delete(&world.state, "shop", "gone");
	for (int i = 0; i < 30000; i++) {
		put(&world, i % 2 ? "b" : "c", true);
		api_state_flush(&world.state, 3);
		api_state_step(&world.state);
	}
	ck_assert_uint_lt(world.state.lines, 11000);
	ck_assert_int_eq(world.state.error, 0);
	put(&world, "d", true);
	api_state_flush(&world.state, 4);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_uint_eq(world.state.damaged, 0);
	ck_assert_ptr_nonnull(strstr(world.heard.data, "+a "));
	ck_assert_ptr_null(strstr(world.heard.data, "gone"));
	ck_assert_ptr_nonnull(strstr(world.heard.data, "+d "));
	end(&world);
}
END_TEST

/* Steps until all superseded lines are gone; @between is done before each. */
static size_t finish(struct world *world, void (*between)(struct world *world, size_t step))
{
	size_t steps = 0;

	for (; api_state_is_busy(&world->state); steps++) {
		if (between)
			between(world, steps);
		api_state_step(&world->state);
		ck_assert_int_eq(world->state.error, 0);
	}
	return steps;
}

#define SUPERSEDED 20000

static void supersede(struct world *world)
{
	begin(world);
	list(world, "a");
	put(world, "b", true);
	put(world, "c", true);
	for (int i = 0; i < SUPERSEDED; i++)
		put(world, "d", true);
	api_state_flush(&world->state, 4);
	ck_assert_ptr_nonnull(world->state.compact);
}

START_TEST(no_step_goes_through_the_whole_file)
{
	struct world world;

	supersede(&world);
	/* Two passes. */
	ck_assert_uint_ge(finish(&world, NULL), 2 * SUPERSEDED / API_COMPACT_LINES);
	ck_assert_uint_eq(world.state.lines, 4);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b +c +d ");
	end(&world);
}
END_TEST

static void change(struct world *world, size_t step)
{
	if (step == 1)
		api_state_delete(&world->state, "shop", "b");
	if (step == 100)
		put(world, "a", true);
	if (step == 101)
		put(world, "new", true);
	/* Not with the kernel yet: the step sees to it. */
}

START_TEST(what_comes_between_the_steps_is_not_lost)
{
	struct world world;

	supersede(&world);
	ck_assert_uint_gt(finish(&world, change), 102);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b +c +d -b +a +new ");
	end(&world);
}
END_TEST

START_TEST(an_agent_that_ends_between_the_steps_has_lost_nothing)
{
	struct world world;
	char path[128];

	supersede(&world);
	api_state_step(&world.state);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_uint_eq(world.state.lines, SUPERSEDED + 3);
	snprintf(path, sizeof(path), "%s/api/pods.new", world.dir);
	ck_assert_int_lt(access(path, F_OK), 0);
	end(&world);
}
END_TEST

START_TEST(a_list_that_came_to_no_end_is_not_lost)
{
	struct world world;

	begin(&world);
	api_state_begin(&world.state, 0);
	put(&world, "a", true);
	/* Cut off; in the next one "a" is there and cannot be read. */
	api_state_begin(&world.state, 1);
	api_state_keep(&world.state);
	put(&world, "b", true);
	api_state_complete(&world.state);
	ck_assert_int_eq(world.state.error, 0);
	api_state_flush(&world.state, 2);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b ");
	end(&world);
}
END_TEST

START_TEST(a_file_that_lacks_what_is_in_force_is_none)
{
	struct world world;

	begin(&world);
	list(&world, "a");
	/* As after a disk that was full: what is known has to be written anew. */
	api_state_discard(&world.state);
	api_state_begin(&world.state, 1);
	api_state_keep(&world.state);
	put(&world, "b", true);
	api_state_complete(&world.state);
	ck_assert_int_eq(world.state.error, -ENODATA);
	ck_assert_int_eq(load(&world), 0);
	/* Until it can be read again. */
	api_state_begin(&world.state, 2);
	put(&world, "a", false);
	put(&world, "b", false);
	api_state_complete(&world.state);
	ck_assert_int_eq(world.state.error, 0);
	api_state_flush(&world.state, 2);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+a +b ");
	end(&world);
}
END_TEST

START_TEST(a_damaged_line_is_left_out)
{
	struct world world;
	char path[128], *text;
	size_t length;

	begin(&world);
	list(&world, "first");
	put(&world, "second", true);
	put(&world, "third", true);
	api_state_flush(&world.state, 3);
	snprintf(path, sizeof(path), "%s/api/pods", world.dir);
	ck_assert_int_eq(file_read(&text, &length, path, 1 << 20), 0);
	*strstr(text, "second") = 'S';
	ck_assert_int_eq(file_replace(path, text, length - 3, 0600), 0);
	free(text);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+first ");
	ck_assert_uint_eq(world.state.damaged, 2);
	/* What is appended now is not glued to the rest of a line. */
	put(&world, "fourth", true);
	api_state_flush(&world.state, 2);
	ck_assert_int_eq(load(&world), 1);
	ck_assert_str_eq(world.heard.data, "+first +fourth ");
	end(&world);
}
END_TEST

START_TEST(without_a_directory_nothing_is_kept)
{
	struct world world;

	begin(&world);
	api_state_done(&world.state);
	ck_assert_int_eq(api_state_init(&world.state, NULL, pods->plural), 0);
	list(&world, "a");
	api_state_flush(&world.state, 1);
	ck_assert_ptr_null(world.state.file);
	end(&world);
}
END_TEST

CHECK_MAIN("api_state", CHECK_TEST(only_a_complete_list_is_a_state),
	   CHECK_TEST(changes_are_appended), CHECK_TEST(superseded_lines_are_removed),
	   CHECK_TEST(no_step_goes_through_the_whole_file),
	   CHECK_TEST(what_comes_between_the_steps_is_not_lost),
	   CHECK_TEST(an_agent_that_ends_between_the_steps_has_lost_nothing),
	   CHECK_TEST(a_list_that_came_to_no_end_is_not_lost),
	   CHECK_TEST(a_file_that_lacks_what_is_in_force_is_none),
	   CHECK_TEST(a_damaged_line_is_left_out), CHECK_TEST(without_a_directory_nothing_is_kept))
