// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WORDS 4

static const char usage[] =
	"usage: weir-probe serve NAME [on:ADDRESS]... [tcp:PORT|udp:PORT]...\n"
	"       weir-probe try tcp|udp|icmp ADDRESS PORT TIMEOUT_MS\n"
	"       weir-probe try TIMEOUT_MS    (lines \"PROTOCOL ADDRESS PORT [SOURCE]\" on stdin)\n"
	"       weir-probe repeat INTERVAL_MS TIMEOUT_MS     (the same lines)\n"
	"\n"
	"serve answers NAME on every port, of every address or of those after on:.\n"
	"try prints a line for each target:\n"
	"PROTOCOL ADDRESS PORT RESULT MILLISECONDS [ANSWER], where RESULT is open, refused,\n"
	"unreachable, silent, timeout or error. Exit status 0: all are open; 1: some are not.\n"
	"repeat tries them again and again until SIGTERM, and prints what they came to:\n"
	"PROTOCOL ADDRESS PORT RESULT COUNT FIRST_MS LAST_MS SLOWEST_MS [ANSWER].\n";

static const char *const proto_names[] = { "tcp", "udp", "icmp" };
static const char *const result_names[] = {
	[PROBE_PENDING] = "pending", [PROBE_OPEN] = "open", [PROBE_REFUSED] = "refused",
	[PROBE_UNREACHABLE] = "unreachable", [PROBE_SILENT] = "silent",
	[PROBE_TIMEOUT] = "timeout", [PROBE_ERROR] = "error",
};

struct target_list {
	struct target *items;
	size_t count, room;
};

int probe_parse_proto(enum probe_proto *ret, const char *text)
{
	for (int i = 0; i < 3; i++) {
		if (!strcmp(text, proto_names[i])) {
			*ret = (enum probe_proto)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *probe_proto_name(enum probe_proto proto)
{
	return proto_names[proto];
}

static int parse_number(unsigned long *ret, const char *text, unsigned long max)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	return errno || *end || end == text || *text == '-' || *ret > max ? -EINVAL : 0;
}

int probe_parse_address(struct sockaddr_storage *ret, const char *address, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	unsigned long number;

	if (parse_number(&number, port, 65535) < 0)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)number);
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)number);
	return 0;
}

/* words: protocol, address, port, and perhaps source. */
static int add_target(struct target_list *list, char *const *words, size_t count)
{
	struct target target = { .fd = -1 };

	if (count < 3 || probe_parse_proto(&target.proto, words[0]) < 0 ||
	    probe_parse_address(&target.addr, words[1],
				target.proto == PROBE_ICMP ? "0" : words[2]) < 0 ||
	    (count == 4 && probe_parse_address(&target.source, words[3], "0") < 0))
		return -EINVAL;
	if (list->count == list->room) {
		size_t room = list->room * 2 ?: 64;
		struct target *items = reallocarray(list->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = target;
	return 0;
}

static int read_targets(struct target_list *list)
{
	char line[512], *words[LINE_WORDS], *save, *word;

	for (int number = 1; fgets(line, sizeof(line), stdin); number++) {
		size_t count = 0;

		for (word = strtok_r(line, " \t\n", &save); word && count < LINE_WORDS;
		     word = strtok_r(NULL, " \t\n", &save))
			words[count++] = word;
		if (count && add_target(list, words, count) < 0) {
			fprintf(stderr, "weir-probe: line %d is not \"PROTOCOL ADDRESS PORT"
				" [SOURCE]\"\n", number);
			return -EINVAL;
		}
	}
	return 0;
}

/* "PROTOCOL ADDRESS PORT RESULT" of a line of output. */
static void print_target(const struct target *target, enum probe_result result)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&target->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&target->addr;
	bool is_v4 = target->addr.ss_family == AF_INET;
	char address[INET6_ADDRSTRLEN];

	inet_ntop(target->addr.ss_family,
		  is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr, address,
		  sizeof(address));
	printf("%s %s %u %s", probe_proto_name(target->proto), address,
	       ntohs(is_v4 ? v4->sin_port : v6->sin6_port), result_names[result]);
}

static int print_results(const struct target_list *list)
{
	int status = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct target *target = &list->items[i];

		print_target(target, target->result);
		printf(" %lld%s%s\n", (long long)target->took_ms, target->answer[0] ? " " : "",
		       target->answer);
		if (target->result != PROBE_OPEN)
			status = 1;
	}
	return status;
}

static int print_tallies(const struct target_list *list, const struct tally *tallies, size_t count)
{
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		const struct tally *tally = &tallies[i];

		print_target(&list->items[tally->target], tally->result);
		printf(" %llu %lld %lld %lld%s%s\n", (unsigned long long)tally->count,
		       (long long)tally->first_ms, (long long)tally->last_ms,
		       (long long)tally->slowest_ms, tally->answer[0] ? " " : "", tally->answer);
		if (tally->result != PROBE_OPEN)
			status = 1;
	}
	return status;
}

static int run_try(int argc, char **argv)
{
	struct target_list list = {};
	unsigned long timeout;
	int status = 2;

	if ((argc != 1 && argc != 4) || parse_number(&timeout, argv[argc - 1], 3600000) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc == 4 && add_target(&list, argv, 3) < 0)
		fputs(usage, stderr);
	else if ((argc == 4 || read_targets(&list) == 0) &&
		 probe_try(list.items, list.count, (int64_t)timeout) == 0)
		status = print_results(&list);
	free(list.items);
	return status;
}

static int run_repeat(int argc, char **argv)
{
	struct target_list list = {};
	unsigned long interval, timeout;
	struct tally *tallies = NULL;
	size_t count = 0;
	int status = 2;

	if (argc != 2 || parse_number(&interval, argv[0], 3600000) < 0 || !interval ||
	    parse_number(&timeout, argv[1], 3600000) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (read_targets(&list) == 0 &&
	    probe_repeat(&tallies, &count, list.items, list.count, (int64_t)interval,
			 (int64_t)timeout) == 0)
		status = print_tallies(&list, tallies, count);
	free(tallies);
	free(list.items);
	return status;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 3 && !strcmp(argv[1], "serve"))
		return probe_serve(argv[2], argv + 3, (size_t)(argc - 3)) < 0;
	if (argc >= 3 && !strcmp(argv[1], "try"))
		return run_try(argc - 2, argv + 2);
	if (argc >= 3 && !strcmp(argv[1], "repeat"))
		return run_repeat(argc - 2, argv + 2);
	fputs(usage, stderr);
	return 2;
}
