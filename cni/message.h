/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink messages: headers and attributes, written at the end of a message and read from one.
 * The plugin runs on machines of any distribution, so it is linked statically and brings what
 * it needs of libmnl, which has no static library everywhere.
 *
 * Source: linux/netlink.h, linux/rtnetlink.h. Numbers are in host byte order.
 */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* An empty message at @where, which has room and is aligned to NLMSG_ALIGNTO. */
struct nlmsghdr *message_begin(void *where);

/* The fixed part behind the header, zeroed: ifinfomsg and its like. The caller has the room. */
void *message_extend(struct nlmsghdr *message, size_t length);

void message_put(struct nlmsghdr *message, uint16_t type, const void *data, size_t length);
void message_put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value);
/* With its NUL. */
void message_put_text(struct nlmsghdr *message, uint16_t type, const char *text);

/* Attributes put between the two are inside the nest. */
struct nlattr *message_nest(struct nlmsghdr *message, uint16_t type);
void message_end_nest(struct nlmsghdr *message, struct nlattr *nest);

/*
 * Of @length bytes that the kernel sent the message after @last, or the first for NULL. NULL:
 * there is none, or it does not end inside.
 */
const struct nlmsghdr *message_of(const void *answer, size_t length, const struct nlmsghdr *last);

static inline void *message_payload(const struct nlmsghdr *message)
{
	return NLMSG_DATA(message);
}

/*
 * The attribute after @last, or the first for NULL: behind the fixed part of @fixed bytes of a
 * message, or inside another one. NULL: there is none, or it does not end inside.
 */
const struct nlattr *message_next(const struct nlmsghdr *message, size_t fixed,
				  const struct nlattr *last);
const struct nlattr *attribute_next(const struct nlattr *nest, const struct nlattr *last);

static inline unsigned int attribute_type(const struct nlattr *attribute)
{
	return attribute->nla_type & NLA_TYPE_MASK;
}

static inline const void *attribute_data(const struct nlattr *attribute)
{
	return (const char *)attribute + NLA_HDRLEN;
}

static inline size_t attribute_length(const struct nlattr *attribute)
{
	return attribute->nla_len - NLA_HDRLEN;
}

/* 0 when it is no number of four bytes. */
uint32_t attribute_u32(const struct nlattr *attribute);
