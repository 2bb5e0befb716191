// SPDX-License-Identifier: Apache-2.0
#include "path.h"

/* First chunks of packets. */
enum {
	SCTP_INIT = 1,
	SCTP_INIT_ACK = 2,
	SCTP_COOKIE_ECHO = 10,
};

struct packet path_packet(const struct path *path, bool from_server, uint8_t flags)
{
	const struct path_service *service = &path->service;
	struct packet packet = path->packet;

	if (from_server != path->from_server) {
		packet.src = path->packet.dst;
		packet.dst = path->packet.src;
		packet.sport = path->packet.dport;
		packet.dport = path->packet.sport;
	}
	if (packet.kind == PACKET_ECHO || packet.kind == PACKET_ECHO_REPLY) {
		packet.kind = from_server ? PACKET_ECHO_REPLY : PACKET_ECHO;
		packet.sport = path->packet.sport;
	}
	if (service->vip && from_server) {
		packet.src = service->backend;
		packet.sport = service->target;
		packet.dst = service->by_node ? HOST : packet.dst;
		packet.dport = service->by_node ? SOURCE_PORT : packet.dport;
	} else if (service->vip) {
		packet.src = service->by_node ? WORLD : packet.src;
		packet.dst = service->vip;
		packet.dport = service->port;
	}
	packet.flags = flags;
	return packet;
}

#define STEPS(...)                                                                      \
	({                                                                              \
		static const struct path_step steps_[] = { __VA_ARGS__ };               \
                                                                                        \
		*ret = steps_;                                                          \
		sizeof(steps_) / sizeof(*steps_);                                       \
	})

size_t path_history(const struct path_step **ret, const struct path *path)
{
	switch (path->history) {
	case TCP_OPEN:
		return STEPS({ false, SYN }, { true, SYN | ACK }, { false, ACK });
	case SCTP_OPEN:
		return STEPS({ false, SCTP_INIT }, { true, SCTP_INIT_ACK },
			     { false, SCTP_COOKIE_ECHO });
	case ANSWERED:
		return STEPS({ false }, { true }, { false });
	case ONE_WAY:
		return STEPS({ false });
	case FRESH:
	case NO_FLOW:
		break;
	}
	return 0;
}
