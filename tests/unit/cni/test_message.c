// SPDX-License-Identifier: Apache-2.0
/* Netlink messages are what the kernel's macros read, and what does not fit is not read. */
#include "lib/check_main.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "cni/message.h"

static union {
	struct nlmsghdr message;
	char bytes[512];
} room;

static struct nlmsghdr *begin(void)
{
	struct nlmsghdr *message;

	memset(&room, 0xff, sizeof(room));
	message = message_begin(room.bytes);
	message_extend(message, sizeof(struct ifinfomsg));
	return message;
}

static const struct nlattr *next(const struct nlattr *last)
{
	return message_next(&room.message, sizeof(struct ifinfomsg), last);
}

START_TEST(a_message_is_padded_with_zeros)
{
	const struct ifinfomsg none = {};
	struct nlmsghdr *message = begin();
	const struct rtattr *name = IFLA_RTA(NLMSG_DATA(message));

	ck_assert_mem_eq(message_payload(message), &none, sizeof(none));
	message_put_text(message, IFLA_IFNAME, "eth0");
	message_put_u32(message, IFLA_MTU, 1400);
	ck_assert_uint_eq(message->nlmsg_len, NLMSG_LENGTH(sizeof(none)) + RTA_SPACE(5) + RTA_SPACE(4));
	ck_assert_int_eq(name->rta_type, IFLA_IFNAME);
	ck_assert_uint_eq(RTA_PAYLOAD(name), 5);
	ck_assert_mem_eq(RTA_DATA(name), "eth0\0\0\0", RTA_ALIGN(5));
}
END_TEST

START_TEST(what_was_put_is_read_in_its_order)
{
	struct nlmsghdr *message = begin();
	const struct nlattr *attribute;

	message_put_text(message, IFLA_IFNAME, "eth0");
	message_put_u32(message, IFLA_MTU, 1400);
	attribute = next(NULL);
	ck_assert_uint_eq(attribute_type(attribute), IFLA_IFNAME);
	ck_assert_uint_eq(attribute_length(attribute), 5);
	ck_assert_str_eq(attribute_data(attribute), "eth0");
	ck_assert_uint_eq(attribute_u32(attribute), 0);
	attribute = next(attribute);
	ck_assert_uint_eq(attribute_type(attribute), IFLA_MTU);
	ck_assert_uint_eq(attribute_u32(attribute), 1400);
	ck_assert_ptr_null(next(attribute));
}
END_TEST

START_TEST(nests_hold_what_is_put_inside)
{
	struct nlmsghdr *message = begin();
	struct nlattr *outer = message_nest(message, IFLA_LINKINFO), *inner;
	const struct nlattr *found;

	message_put_text(message, IFLA_INFO_KIND, "veth");
	inner = message_nest(message, IFLA_INFO_DATA);
	message_put_u32(message, 1, 7);
	message_end_nest(message, inner);
	message_end_nest(message, outer);
	message_put_u32(message, IFLA_MTU, 1400);

	ck_assert_uint_eq(attribute_type(next(NULL)), IFLA_LINKINFO);
	ck_assert_uint_eq(attribute_type(next(next(NULL))), IFLA_MTU);
	found = attribute_next(next(NULL), NULL);
	ck_assert_str_eq(attribute_data(found), "veth");
	found = attribute_next(next(NULL), found);
	ck_assert_uint_eq(attribute_type(found), IFLA_INFO_DATA);
	ck_assert_uint_eq(attribute_u32(attribute_next(found, NULL)), 7);
	ck_assert_ptr_null(attribute_next(found, attribute_next(found, NULL)));
	ck_assert_ptr_null(attribute_next(next(NULL), found));
}
END_TEST

/* Lengths of a last attribute of 8 bytes that lead outside, or nowhere. */
static const uint16_t wrong[] = { 0, 3, 9, 12, 0xffff };

START_TEST(an_attribute_that_does_not_end_inside_is_none)
{
	struct nlmsghdr *message = begin();
	struct nlattr *last;

	message_put_u32(message, IFLA_MTU, 1400);
	last = message_nest(message, IFLA_LINKINFO);
	message_put(message, IFLA_INFO_KIND, NULL, 0);
	message_end_nest(message, last);
	last->nla_len = wrong[_i];
	ck_assert_uint_eq(attribute_type(next(NULL)), IFLA_MTU);
	ck_assert_ptr_null(next(next(NULL)));
}
END_TEST

START_TEST(an_answer_is_read_message_by_message)
{
	const struct nlmsghdr *first, *second;
	struct nlmsghdr *message = begin();
	size_t length;

	message_put_text(message, IFLA_IFNAME, "eth0");
	length = NLMSG_ALIGN(message->nlmsg_len);
	message_begin(room.bytes + length)->nlmsg_seq = 7;
	first = message_of(&room, length + NLMSG_HDRLEN, NULL);
	ck_assert_ptr_eq(first, message);
	second = message_of(&room, length + NLMSG_HDRLEN, first);
	ck_assert_uint_eq(second->nlmsg_seq, 7);
	ck_assert_ptr_null(message_of(&room, length + NLMSG_HDRLEN, second));
	ck_assert_ptr_null(message_of(&room, length + NLMSG_HDRLEN - 1, first));
	message->nlmsg_len = NLMSG_HDRLEN - 1;
	ck_assert_ptr_null(message_of(&room, length, NULL));
}
END_TEST

START_TEST(a_message_without_room_for_its_fixed_part_has_no_attributes)
{
	struct nlmsghdr *message = begin();

	message->nlmsg_len = NLMSG_HDRLEN + 4;
	ck_assert_ptr_null(next(NULL));
}
END_TEST

CHECK_MAIN("cni_message",
	   CHECK_TEST(a_message_is_padded_with_zeros),
	   CHECK_TEST(what_was_put_is_read_in_its_order),
	   CHECK_TEST(nests_hold_what_is_put_inside),
	   CHECK_LOOP(an_attribute_that_does_not_end_inside_is_none, wrong),
	   CHECK_TEST(an_answer_is_read_message_by_message),
	   CHECK_TEST(a_message_without_room_for_its_fixed_part_has_no_attributes))
