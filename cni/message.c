// SPDX-License-Identifier: Apache-2.0
#include "cni/message.h"

#include <string.h>

static void *end_of(struct nlmsghdr *message)
{
	return (char *)message + NLMSG_ALIGN(message->nlmsg_len);
}

struct nlmsghdr *message_begin(void *where)
{
	struct nlmsghdr *message = memset(where, 0, NLMSG_HDRLEN);

	message->nlmsg_len = NLMSG_HDRLEN;
	return message;
}

void *message_extend(struct nlmsghdr *message, size_t length)
{
	void *room = memset(end_of(message), 0, NLMSG_ALIGN(length));

	message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + (uint32_t)NLMSG_ALIGN(length);
	return room;
}

void message_put(struct nlmsghdr *message, uint16_t type, const void *data, size_t length)
{
	struct nlattr *attribute = message_extend(message, NLA_HDRLEN + length);

	attribute->nla_type = type;
	attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
	if (length)
		memcpy((char *)attribute + NLA_HDRLEN, data, length);
}

void message_put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	message_put(message, type, &value, sizeof(value));
}

void message_put_text(struct nlmsghdr *message, uint16_t type, const char *text)
{
	message_put(message, type, text, strlen(text) + 1);
}

struct nlattr *message_nest(struct nlmsghdr *message, uint16_t type)
{
	struct nlattr *nest = end_of(message);

	message_put(message, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void message_end_nest(struct nlmsghdr *message, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)end_of(message) - (char *)nest);
}

const struct nlmsghdr *message_of(const void *answer, size_t length, const struct nlmsghdr *last)
{
	const char *at = last ? (const char *)last + NLMSG_ALIGN(last->nlmsg_len) : answer;
	const char *end = (const char *)answer + length;
	const struct nlmsghdr *message = (const struct nlmsghdr *)at;

	if (end - at < NLMSG_HDRLEN || message->nlmsg_len < NLMSG_HDRLEN ||
	    message->nlmsg_len > end - at)
		return NULL;
	return message;
}

/* The attribute at @at, if it ends before @end. */
static const struct nlattr *attribute_at(const char *at, const char *end)
{
	const struct nlattr *attribute = (const struct nlattr *)at;

	if (end - at < NLA_HDRLEN || attribute->nla_len < NLA_HDRLEN ||
	    attribute->nla_len > end - at)
		return NULL;
	return attribute;
}

const struct nlattr *message_next(const struct nlmsghdr *message, size_t fixed,
				  const struct nlattr *last)
{
	const char *start = (const char *)message + NLMSG_HDRLEN + NLMSG_ALIGN(fixed);

	return attribute_at(last ? (const char *)last + NLA_ALIGN(last->nla_len) : start,
			    (const char *)message + message->nlmsg_len);
}

const struct nlattr *attribute_next(const struct nlattr *nest, const struct nlattr *last)
{
	const char *start = attribute_data(nest);

	return attribute_at(last ? (const char *)last + NLA_ALIGN(last->nla_len) : start,
			    (const char *)nest + nest->nla_len);
}

uint32_t attribute_u32(const struct nlattr *attribute)
{
	uint32_t value;

	if (attribute_length(attribute) != sizeof(value))
		return 0;
	memcpy(&value, attribute_data(attribute), sizeof(value));
	return value;
}
