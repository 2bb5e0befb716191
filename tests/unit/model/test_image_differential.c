// SPDX-License-Identifier: Apache-2.0
/*
 * Random clusters that change, compiled image after image; each is asked about
 * random packets and must answer as a walk over the policies does. Beside that,
 * what image.h promises about numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image_ask.h"
#include "image_bare.h"
#include "lib/check_main.h"
#include "random_world.h"

#define STEPS 12
#define PACKETS 150
#define HISTORY 3 /* the image that is compiled, and the two before it */

static void compare_packets(struct world *world, const struct image *image, int packets)
{
	for (int i = 0; i < packets; i++) {
		enum policy_dir dir = (enum policy_dir)(i % POLICY_DIR_MAX);
		const struct image_endpoint *subject;
		struct naive_packet packet = world_packet(world, dir, &subject);
		char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
		bool want = naive_allows(&world->input, dir, subject, &packet);
		bool got = ask_allows(image, dir, subject->ifindex, &packet);

		ck_assert_msg(want == got, "%s %s -> %s proto %u port %u: image %d, policies %d",
			      dir ? "egress" : "ingress", addr_text(src, &packet.src),
			      addr_text(dst, &packet.dst), packet.proto, packet.port, got, want);
	}
}

/* Peers are what the objects say. */
static void compare_peers(const struct world *world, const struct image *image)
{
	for (size_t i = 0; i < image->peer_count; i++) {
		const struct image_peer *peer = &image->peers[i];
		const struct image_endpoint *ep = naive_endpoint(&world->input, &peer->addr);
		bool is_pod = peer->kind == PEER_LOCAL_POD || peer->kind == PEER_REMOTE_POD;

		ck_assert_uint_eq(peer->ifindex, ep ? ep->ifindex : 0);
		ck_assert_int_eq(peer->kind == PEER_LOCAL_POD, ep != NULL);
		ck_assert_int_eq(peer->class != 0, is_pod);
		if (is_pod)
			ck_assert_ptr_nonnull(ask_class(image, peer->class));
		if (i)
			ck_assert_int_lt(memcmp(&image->peers[i - 1].addr, &peer->addr,
						sizeof(peer->addr)), 0);
	}
	ck_assert_uint_eq(image->binding_count, world->input.endpoint_count);
}

static bool has_row(const struct image *image, uint32_t row)
{
	for (size_t i = 0; i < image->row_count; i++)
		if (image->rows[i].row == row)
			return true;
	return false;
}

static uint64_t bits_of_class(const struct image_ruleset *set, uint32_t class)
{
	for (size_t i = 0; i < set->class_count; i++)
		if (set->classes[i].class == class)
			return set->classes[i].bits;
	return 0;
}

/* Rule set @now had its number before: nothing that it said about known classes has changed. */
static void check_kept(const struct image *image, const struct image *previous,
		       const struct image_ruleset *now, const struct image_ruleset *before)
{
	ck_assert_mem_eq(&now->header, &before->header, sizeof(now->header));
	ck_assert_uint_eq(now->port_count, before->port_count);
	ck_assert_uint_eq(now->cidr_count, before->cidr_count);
	for (size_t i = 0; i < now->port_count; i++) {
		ck_assert_mem_eq(&now->ports[i].key, &before->ports[i].key,
				 sizeof(now->ports[i].key));
		ck_assert_uint_eq(now->ports[i].bits, before->ports[i].bits);
	}
	for (size_t i = 0; i < now->cidr_count; i++) {
		ck_assert_int_eq(prefix_compare(&now->cidrs[i].prefix, &before->cidrs[i].prefix),
				 0);
		ck_assert_uint_eq(now->cidrs[i].bits, before->cidrs[i].bits);
	}
	for (size_t i = 0; i < image->class_count; i++) {
		uint32_t class = image->classes[i].id;

		if (ask_class(previous, class))
			ck_assert_uint_eq(bits_of_class(now, class), bits_of_class(before, class));
	}
}

/* What has a number of @previous says what it said there. */
static void check_stable(const struct image *image, const struct image *previous)
{
	for (size_t i = 0; i < image->ruleset_count; i++) {
		const struct image_ruleset *before = ask_ruleset(previous, image->rulesets[i].id);

		if (before)
			check_kept(image, previous, &image->rulesets[i], before);
	}
	for (size_t i = 0; i < image->row_count; i++) {
		const struct image_row *row = &image->rows[i];
		const struct policy_bits *before = ask_row(previous, row->row, row->chunk);

		if (has_row(previous, row->row))
			ck_assert_ptr_nonnull(before);
		if (before)
			ck_assert_mem_eq(before, &row->bits, sizeof(row->bits));
	}
}

/* What has a number of @previous comes from the same objects. */
static void check_meaning(const struct image *image, const struct image *previous)
{
	for (size_t i = 0; i < image->class_count; i++) {
		const struct image_class *before = ask_class(previous, image->classes[i].id);

		if (before)
			ck_assert_str_eq(image->classes[i].text, before->text);
	}
	for (size_t i = 0; i < image->ruleset_count; i++) {
		const struct image_ruleset *before = ask_ruleset(previous, image->rulesets[i].id);

		if (before)
			ck_assert_str_eq(image->rulesets[i].identity, before->identity);
	}
}

/* What @previous had and is still there has kept its number. */
static void check_numbers_kept(const struct image *image, const struct image *previous)
{
	for (size_t i = 0; i < image->class_count; i++)
		for (size_t k = 0; k < previous->class_count; k++)
			if (!strcmp(image->classes[i].text, previous->classes[k].text))
				ck_assert_uint_eq(image->classes[i].id, previous->classes[k].id);
	for (size_t i = 0; i < image->ruleset_count; i++)
		for (size_t k = 0; k < previous->ruleset_count; k++)
			if (!strcmp(image->rulesets[i].identity, previous->rulesets[k].identity))
				ck_assert_uint_eq(image->rulesets[i].id, previous->rulesets[k].id);
}

/* A number of @oldest that @previous no longer had is not in @image. */
static void check_rested(const struct image *image, const struct image *previous,
			 const struct image *oldest)
{
	for (size_t i = 0; i < image->class_count; i++)
		if (ask_class(oldest, image->classes[i].id))
			ck_assert_ptr_nonnull(ask_class(previous, image->classes[i].id));
	for (size_t i = 0; i < image->ruleset_count; i++)
		if (ask_ruleset(oldest, image->rulesets[i].id))
			ck_assert_ptr_nonnull(ask_ruleset(previous, image->rulesets[i].id));
	for (size_t i = 0; i < image->row_count; i++)
		if (has_row(oldest, image->rows[i].row))
			ck_assert(has_row(previous, image->rows[i].row));
}

static void check_order(const struct image *image)
{
	for (size_t i = 1; i < image->ruleset_count; i++)
		ck_assert_uint_lt(image->rulesets[i - 1].id, image->rulesets[i].id);
	for (size_t i = 1; i < image->class_count; i++)
		ck_assert_uint_lt(image->classes[i - 1].id, image->classes[i].id);
	for (size_t i = 1; i < image->binding_count; i++)
		ck_assert_uint_lt(image->bindings[i - 1].ifindex, image->bindings[i].ifindex);
	for (size_t i = 1; i < image->row_count; i++) {
		const struct image_row *a = &image->rows[i - 1], *b = &image->rows[i];

		ck_assert(a->row < b->row || (a->row == b->row && a->chunk < b->chunk));
	}
}

/* Shift the new image in, and the oldest out. */
static void remember(struct image *history[HISTORY], struct image *image)
{
	image_free(history[HISTORY - 1]);
	memmove(&history[1], &history[0], (HISTORY - 1) * sizeof(*history));
	history[0] = image;
}

static void run(uint64_t seed, unsigned int wide, int steps)
{
	struct image *history[HISTORY] = {};
	struct world world;

	world_init(&world, seed);
	world.wide = wide;
	for (int step = 0; step < steps; step++) {
		struct image *image;

		ck_assert_int_eq(image_compile(&image, &world.input, history[0]), 0);
		remember(history, image);
		check_order(image);
		compare_peers(&world, image);
		compare_packets(&world, image, PACKETS);
		if (history[1]) {
			check_stable(image, history[1]);
			check_meaning(image, history[1]);
			check_numbers_kept(image, history[1]);
		}
		if (history[2])
			check_rested(image, history[1], history[2]);
		for (unsigned int i = world_random(&world, 5); i > 0; i--)
			world_step(&world);
	}
	for (int i = 0; i < HISTORY; i++)
		image_free(history[i]);
	world_done(&world);
}

/* What the next agent makes of @before. */
static struct image *restart(const struct world *world, const struct image *before)
{
	cleanup(image_freep) struct image *bare = bare_image(before);
	struct image *image;

	ck_assert_int_eq(image_compile(&image, &world->input, NULL), 0);
	ck_assert_int_eq(image_renumber(image, bare), 0);
	return image;
}

static void check_identical(const struct image *image, const struct image *before)
{
	ck_assert_uint_eq(image->ruleset_count, before->ruleset_count);
	ck_assert_uint_eq(image->row_count, before->row_count);
	ck_assert_uint_eq(image->peer_count, before->peer_count);
	ck_assert_uint_eq(image->binding_count, before->binding_count);
	for (size_t i = 0; i < image->ruleset_count; i++)
		ck_assert_str_eq(image->rulesets[i].identity, before->rulesets[i].identity);
	for (size_t i = 0; i < image->peer_count; i++)
		ck_assert_uint_eq(image->peers[i].class, before->peers[i].class);
	for (size_t i = 0; i < image->binding_count; i++)
		ck_assert_mem_eq(&image->bindings[i], &before->bindings[i],
				 sizeof(image->bindings[i]));
}

/* The numbers of @before are scattered: it has a history. */
static void run_restarts(uint64_t seed, unsigned int wide, int steps)
{
	struct image *before;
	struct world world;

	world_init(&world, seed);
	world.wide = wide;
	ck_assert_int_eq(image_compile(&before, &world.input, NULL), 0);
	for (int step = 0; step < steps; step++) {
		cleanup(image_freep) struct image *same = NULL;
		struct image *image;

		world_step(&world);
		ck_assert_int_eq(image_compile(&image, &world.input, before), 0);
		image_free(before);
		before = image;
		same = restart(&world, before);
		check_order(same);
		check_identical(same, before);
		check_stable(same, before);
		/* And what the objects became while no agent was there. */
		for (unsigned int i = world_random(&world, 3); i > 0; i--)
			world_step(&world);
		image = restart(&world, before);
		check_order(image);
		compare_peers(&world, image);
		compare_packets(&world, image, PACKETS);
		check_stable(image, before);
		image_free(before);
		before = image;
	}
	image_free(before);
	world_done(&world);
}

static const int seeds[60];

START_TEST(images_judge_as_the_policies_do)
{
	run((uint64_t)_i + 1, (unsigned int)_i % 3, STEPS);
}
END_TEST

static const int seeds_of_huge[2];

START_TEST(so_do_rule_sets_of_several_chunks)
{
	run((uint64_t)_i + 1000, 3, 4);
}
END_TEST

static const int seeds_of_restarts[20];

START_TEST(the_next_agent_finds_the_numbers_again)
{
	run_restarts((uint64_t)_i + 2000, (unsigned int)_i % 3, STEPS);
}
END_TEST

START_TEST(also_those_of_rule_sets_of_several_chunks)
{
	run_restarts((uint64_t)_i + 3000, 3, 3);
}
END_TEST

CHECK_MAIN("image_differential", CHECK_LOOP(images_judge_as_the_policies_do, seeds),
	   CHECK_LOOP(so_do_rule_sets_of_several_chunks, seeds_of_huge),
	   CHECK_LOOP(the_next_agent_finds_the_numbers_again, seeds_of_restarts),
	   CHECK_LOOP(also_those_of_rule_sets_of_several_chunks, seeds_of_huge))
