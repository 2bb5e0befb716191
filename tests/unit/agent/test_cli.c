// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/output.h"

#define REQUEST_MAX 4096

/* An agent that answers once; its request line arrives through a pipe. */
struct agent {
	char dir[32];
	char path[64];
	int request;
	pid_t pid;
};

static void answer_once(int listener, int pipe_fd, int status, const char *body)
{
	int fd = accept(listener, NULL, NULL);
	char request[REQUEST_MAX] = "";
	size_t length = 0;

	while (length < sizeof(request) - 1 && !strstr(request, "\r\n\r\n")) {
		ssize_t n = read(fd, request + length, sizeof(request) - 1 - length);

		if (n <= 0)
			_exit(1);
		length += (size_t)n;
	}
	dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
	dprintf(pipe_fd, "%.*s", (int)strcspn(request, "\r"), request);
	_exit(0);
}

static void agent_start(struct agent *agent, int status, const char *body)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ends[2];

	strcpy(agent->dir, "/tmp/weir-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(agent->dir));
	snprintf(agent->path, sizeof(agent->path), "%s/sock", agent->dir);
	strcpy(addr.sun_path, agent->path);
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(pipe(ends), 0);
	agent->pid = fork();
	ck_assert_int_ge(agent->pid, 0);
	if (!agent->pid)
		answer_once(listener, ends[1], status, body);
	close(listener);
	close(ends[1]);
	agent->request = ends[0];
}

static void agent_done(struct agent *agent)
{
	close(agent->request);
	waitpid(agent->pid, NULL, 0);
	unlink(agent->path);
	rmdir(agent->dir);
}

/* What one run of the command left behind. */
struct run {
	enum cli_exit code;
	char *out;
	char *err;
	char request[REQUEST_MAX];
};

static void run_done(struct run *run)
{
	free(run->out);
	free(run->err);
}

static void run_words(struct run *run, const char *socket, enum cli_format format,
		      const char *line)
{
	cleanup(freep) char *copy = strdup(line);
	struct cli cli = { .format = format, .socket = socket };
	size_t out_length, err_length, count = 0;
	char *words[8], *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			words[count++] = word;
	cli.out = open_memstream(&run->out, &out_length);
	cli.err = open_memstream(&run->err, &err_length);
	run->code = cli_run(&cli, words, count);
	fclose(cli.out);
	fclose(cli.err);
}

static void ask(struct run *run, enum cli_format format, const char *line, int status,
		const char *body)
{
	cleanup(agent_done) struct agent agent;
	ssize_t n;

	agent_start(&agent, status, body);
	run_words(run, agent.path, format, line);
	n = read(agent.request, run->request, sizeof(run->request) - 1);
	ck_assert_int_ge(n, 0);
}

struct usage_row {
	const char *line;
	const char *err;
};

static const struct usage_row usages[] = {
	{ "", "a command is missing" },
	{ "pods", "no command \"pods\"" },
	{ "endpoint", "endpoint needs one of list, get" },
	{ "endpoint show", "endpoint cannot \"show\", only list, get" },
	{ "endpoint get", "endpoint get needs ID" },
	{ "endpoint get 1 2", "\"2\" is one word too many" },
	{ "endpoint list x", "\"x\" is one word too many" },
	{ "status x", "status: \"x\" is one word too many" },
	{ "policy get", "policy get needs NAMESPACE/POD" },
	{ "policy get front", "\"front\" is not of the form NAMESPACE/POD" },
	{ "conntrack", "conntrack needs one of list, flush" },
};

START_TEST(a_misspelt_command_is_explained_without_a_call)
{
	cleanup(run_done) struct run run = {};

	run_words(&run, "/nonexistent/sock", CLI_TABLE, usages[_i].line);
	ck_assert_int_eq(run.code, CLI_USAGE);
	ck_assert_msg(strstr(run.err, usages[_i].err), "%s", run.err);
	ck_assert_str_eq(run.out, "");
}
END_TEST

struct call_row {
	const char *line;
	const char *request;
};

static const struct call_row calls[] = {
	{ "status", "GET /v1/status HTTP/1.1" },
	{ "endpoint list", "GET /v1/endpoints HTTP/1.1" },
	{ "endpoint get 17", "GET /v1/endpoints/17 HTTP/1.1" },
	{ "endpoint get shop/front-1", "GET /v1/endpoints/shop/front-1 HTTP/1.1" },
	{ "endpoint get a?b%c#d", "GET /v1/endpoints/a%3Fb%25c%23d HTTP/1.1" },
	{ "policy list", "GET /v1/policies HTTP/1.1" },
	{ "policy get shop/front-1", "GET /v1/policies/shop/front-1 HTTP/1.1" },
	{ "identity list", "GET /v1/identities HTTP/1.1" },
	{ "service list", "GET /v1/services HTTP/1.1" },
	{ "service get shop/web", "GET /v1/services/shop/web HTTP/1.1" },
	{ "conntrack list", "GET /v1/conntrack HTTP/1.1" },
	{ "conntrack flush", "DELETE /v1/conntrack HTTP/1.1" },
};

START_TEST(a_command_is_one_call_and_survives_an_empty_answer)
{
	cleanup(run_done) struct run run = {};

	ask(&run, CLI_TABLE, calls[_i].line, 200, "{}");
	ck_assert_str_eq(run.request, calls[_i].request);
	ck_assert_str_eq(run.err, "");
	ck_assert_int_eq(run.code, CLI_OK);
	ck_assert_str_ne(run.out, "");
}
END_TEST

#define RULE(tier, priority, action, name)                                                \
	"{\"tier\":\"" tier "\",\"priority\":" priority ",\"action\":\"" action "\","      \
	"\"policy\":\"P p\",\"rule\":3,\"name\":\"" name "\",\"text\":\"from app=back\"}"
#define RULES                                                                             \
	RULE("Admin", "12", "deny", "no-one") "," RULE("Admin", "1000", "pass", "") ","    \
	RULE("NetworkPolicy", "null", "allow", "") "," RULE("Baseline", "null", "deny", "")
#define RULESET(isolated)                                                                 \
	"{\"id\":5,\"isolated\":" isolated ",\"policies\":[{\"policy\":\"P p\","           \
	"\"why\":\"selects pods *\"}],\"rules\":[" RULES "]}"
#define RULES_BEFORE                                                                      \
	"  P p selects pods *\n"                                                          \
	"  Admin 12       deny   from app=back (P p rule 3 \"no-one\")\n"                 \
	"  Admin 1000     pass   from app=back (P p rule 3)\n"                            \
	"  NetworkPolicy  allow  from app=back (P p rule 3)\n"

struct print_row {
	const char *line;
	const char *answer;
	const char *out; /* complete, or with a leading '~' a part of it */
};

#define PORT(family, number, address, more)                                               \
	"{\"name\":\"http\",\"protocol\":\"tcp\",\"family\":" family ",\"number\":" number     \
	",\"affinitySeconds\":10800,\"frontends\":[{\"address\":\"" address "\",\"port\":80,"  \
	"\"kind\":\"ClusterIP\",\"policy\":\"Cluster\"}],\"clusterBackends\":2,"               \
	"\"localBackends\":1,\"connections\":30,\"refused\":4,\"silent\":5" more "}"
#define BACKEND(address, node, local, ready, serving, terminating, cluster, in_local)      \
	"{\"address\":\"" address "\",\"port\":8080,\"node\":\"" node "\",\"local\":" local    \
	",\"ready\":" ready ",\"serving\":" serving ",\"terminating\":" terminating             \
	",\"inCluster\":" cluster ",\"inLocal\":" in_local "}"

static const struct print_row prints[] = {
	{ "endpoint list",
	  "{\"endpoints\":[{\"id\":7,\"state\":\"ready\",\"namespace\":\"shop\",\"pod\":\"a\","
	  "\"ips\":[\"10.0.0.5\",\"fd00::5\"],\"hostIfname\":\"weir0\",\"ingress\":\"isolated\","
	  "\"egress\":\"open\"},{\"id\":300,\"state\":\"reserved\",\"namespace\":\"\","
	  "\"pod\":\"\xc3\xbc\",\"ips\":[],\"hostIfname\":\"weir1\",\"ingress\":\"open\","
	  "\"egress\":\"open\"}]}",
	  " ID  STATE     NAMESPACE  POD  ADDRESSES          DEVICE  INGRESS   EGRESS\n"
	  "  7  ready     shop       a    10.0.0.5, fd00::5  weir0   isolated  open\n"
	  "300  reserved             \xc3\xbc                       weir1   open      open\n" },
	{ "policy get shop/a",
	  "{\"namespace\":\"shop\",\"pod\":\"a\",\"ingress\":" RULESET("true")
	  ",\"egress\":null}",
	  "Pod         shop/a\n"
	  "Ingress     isolated, rule set 5\n" RULES_BEFORE
	  "  NetworkPolicy  deny   everything else\n"
	  "  Baseline       1 rule is not asked\n"
	  "Egress      open: no policy selects the pod\n" },
	{ "policy get shop/a", "{\"ingress\":" RULESET("false") "}",
	  "~Ingress     open, rule set 5\n" RULES_BEFORE
	  "  Baseline       deny   from app=back (P p rule 3)\n"
	  "                 allow  everything else\n" },
	{ "policy get shop/a", "{\"ingress\":{\"id\":1,\"isolated\":true}}",
	  "~Ingress     isolated, rule set 1\n  NetworkPolicy  deny   everything else\n" },
	{ "policy list",
	  "{\"policies\":[{\"kind\":\"NetworkPolicy\",\"namespace\":\"s\",\"name\":\"p\","
	  "\"directions\":[\"ingress\"],\"endpoints\":[\"s/a\",\"s/b\",\"s/c\",\"s/d\"]}]}",
	  "~s/a, s/b, s/c and 1 more\n" },
	{ "policy list",
	  "{\"policies\":[{\"kind\":\"ClusterNetworkPolicy\",\"namespace\":\"\","
	  "\"name\":\"x\",\"tier\":\"Admin\",\"priority\":5,\"directions\":[\"egress\"],"
	  "\"endpoints\":[\"s/a\"]},{\"kind\":\"NetworkPolicy\",\"namespace\":\"s\",\"name\":\"p\","
	  "\"tier\":\"NetworkPolicy\",\"priority\":null,\"directions\":[\"ingress\"],"
	  "\"endpoints\":[\"s/b\"]}]}",
	  "KIND                  NAMESPACE  NAME  TIER           PRIORITY  DIRECTIONS  "
	  "PODS OF THIS NODE\n"
	  "ClusterNetworkPolicy             x     Admin                 5  egress      s/a\n"
	  "NetworkPolicy         s          p     NetworkPolicy            ingress     s/b\n" },
	{ "service list",
	  "{\"services\":[{\"namespace\":\"shop\",\"name\":\"web\",\"problem\":\"\",\"ports\":["
	  PORT("4", "7", "10.96.0.1", "") "," PORT("6", "0", "fd00::1", "") "]},"
	  "{\"namespace\":\"shop\",\"name\":\"bad\",\"problem\":\"no room\",\"ports\":["
	  PORT("4", "8", "10.96.0.2", "") "]}],\"more\":2}",
	  "NAMESPACE  NAME  PORT  PROTOCOL  FRONTENDS     BACKENDS  LOCAL  CONNECTIONS  REFUSED  "
	  "STATE\n"
	  "shop       web   http  tcp       10.96.0.1:80         2      1           30        4  "
	  "in force\n"
	  "shop       web   http  tcp       [fd00::1]:80         2      1           30        4  "
	  "not in force\n"
	  "shop       bad   http  tcp       10.96.0.2:80         2      1           30        4  "
	  "see weir service get\n"
	  "and 2 more\n" },
	{ "service get shop/web",
	  "{\"namespace\":\"shop\",\"name\":\"web\",\"problem\":\"no room\","
	  "\"healthCheckNodePort\":30999,\"readyLocal\":1,\"ports\":["
	  PORT("4", "7", "10.96.0.1", ",\"backends\":["
	  BACKEND("10.0.0.5", "here", "true", "true", "true", "false", "true", "true") ","
	  BACKEND("10.0.0.6", "", "false", "false", "true", "true", "false", "false") "]")
	  "," PORT("6", "0", "fd00::1", ",\"backends\":[]") "]}",
	  "Service shop/web\n"
	  "PROBLEM no room\n"
	  "Health check on port 30999: 1 ready endpoints on this node\n"
	  "\nPort http/tcp, IPv4: service port 7, clients keep their backend for 3h 0m\n"
	  "  30 connections, 4 refused, 5 dropped\n"
	  "  ClusterIP 10.96.0.1:80, policy Cluster\n"
	  "  BACKEND        STATE                 SETS            NODE\n"
	  "  10.0.0.5:8080  ready                 Cluster, Local  here (this one)\n"
	  "  10.0.0.6:8080  terminating, serving  none            unknown\n"
	  "\nPort http/tcp, IPv6: not in force, clients keep their backend for 3h 0m\n"
	  "  30 connections, 4 refused, 5 dropped\n"
	  "  ClusterIP [fd00::1]:80, policy Cluster\n"
	  "  no backends\n" },
	{ "service get shop/web", "{\"namespace\":\"shop\",\"name\":\"web\"}",
	  "Service shop/web\nNothing of it is to be served here\n" },
	{ "status",
	  "{\"services\":{\"services\":3,\"endpointSlices\":4,\"appliedMicroseconds\":1500,"
	  "\"problems\":[{\"text\":\"Service a/b: no\",\"warning\":true},"
	  "{\"text\":\"Service a/c: full\"}]}}",
	  "~\nPROBLEMS\n  warning: Service a/b: no\n  Service a/c: full\n" },
	{ "status",
	  "{\"services\":{\"services\":3,\"endpointSlices\":4,\"appliedMicroseconds\":1500}}",
	  "~Services    3 Services, 4 EndpointSlices, applied in 1.5 ms\n" },
	{ "conntrack list",
	  "{\"flows\":[{\"protocol\":\"tcp\",\"opener\":{\"address\":\"10.0.0.5\",\"port\":4},"
	  "\"answerer\":{\"address\":\"fd00::1\",\"port\":80},\"state\":\"new\","
	  "\"expiresSeconds\":9,\"packets\":[1,2],\"bytes\":[1023,1536],"
	  "\"was\":{\"answerer\":{\"address\":\"10.96.0.1\",\"port\":443}}}]}",
	  "~tcp       10.0.0.5:4  [fd00::1]:80  new         9s        1  1023 B     2     1.5 KiB  "
	  "from 10.96.0.1:443\n" },
	{ "conntrack list",
	  "{\"flows\":[{\"protocol\":\"tcp\",\"opener\":{\"address\":\"10.0.0.5\",\"port\":4},"
	  "\"answerer\":{\"address\":\"10.96.0.1\",\"port\":443},\"state\":\"new\","
	  "\"expiresSeconds\":9,\"packets\":[0,0],\"bytes\":[0,0],"
	  "\"becomes\":{\"answerer\":{\"address\":\"fd00::1\",\"port\":80}}}]}",
	  "~  9s        0    0 B     0         0 B  to [fd00::1]:80\n" },
	{ "conntrack list", "{\"flows\":[],\"more\":3}", "~and 3 more\n" },
	{ "conntrack flush", "{\"removed\":1}", "1 connection forgotten\n" },
	{ "conntrack flush", "{\"removed\":20}", "20 connections forgotten\n" },
	{ "status", "{\"healthy\":true,\"version\":\"1\",\"node\":\"n\",\"uptimeSeconds\":90061}",
	  "~healthy: weir 1 on n, up 1d 1h\n" },
	{ "status", "{\"healthy\":false}", "~NOT HEALTHY: " },
	{ "status",
	  "{\"outside\":{\"addresses\":[\"192.0.2.1\",\"fd00::1\"],"
	  "\"nodePortAddresses\":[\"192.0.2.1\"]}}",
	  "~Outside     this node is 192.0.2.1, fd00::1; NodePorts on 192.0.2.1\n" },
	{ "status", "{\"policy\":{\"inForce\":false,\"error\":\"no room\"}}",
	  "~NOT IN FORCE, generation 0: 0 rule sets, 0 classes, 0 peers, applied in 0.0 ms\n"
	  "            no room\n" },
	{ "status", "{\"maps\":[{\"name\":\"a\",\"entries\":1,\"max\":2}]}",
	  "~Tables      room in all 1; the fullest is a with 50 %\n" },
	{ "status",
	  "{\"maps\":[{\"name\":\"a\",\"entries\":51,\"max\":100},{\"name\":\"b\",\"max\":0}]}",
	  "~Tables      a is 51 % full: 51 of 100\n" },
	{ "status", "{\"drops\":[{\"reason\":\"A\",\"ingress\":{\"packets\":0}}]}",
	  "~Dropped     nothing\n" },
	{ "status",
	  "{\"drops\":[{\"reason\":\"A\",\"text\":\"x\",\"ingress\":{\"packets\":1}},"
	  "{\"reason\":\"B\",\"text\":\"y\",\"egress\":{\"packets\":2}}]}",
	  "~DROPPED  INGRESS  EGRESS  BECAUSE\n"
	  "B              0       2  y\n"
	  "A              1       0  x\n" },
	{ "status",
	  "{\"sources\":[{\"problems\":[{\"file\":\"/f\",\"line\":3,\"document\":2,\"object\":\"Pod s/a\","
	  "\"field\":\"spec\",\"text\":\"wrong\"},{\"file\":\"/g\",\"warning\":true,"
	  "\"text\":\"odd\"}]}]}",
	  "~\nPROBLEMS\n  /f:3: document 2: Pod s/a: spec: wrong\n  /g: warning: odd\n" },
	/* A name is not a command for the terminal. */
	{ "identity list",
	  "{\"identities\":[{\"class\":1,\"text\":\"a\\u001b[2Jb\\nc\\u009bd\\u007f\"}]}",
	  "~        0  a [2Jb c  d \n" },
};

START_TEST(an_answer_is_printed_for_people)
{
	const struct print_row *row = &prints[_i];
	cleanup(run_done) struct run run = {};

	ask(&run, CLI_TABLE, row->line, 200, row->answer);
	ck_assert_int_eq(run.code, CLI_OK);
	if (*row->out == '~')
		ck_assert_msg(strstr(run.out, row->out + 1), "%s", run.out);
	else
		ck_assert_str_eq(run.out, row->out);
}
END_TEST

START_TEST(problems_leave_room_on_the_screen)
{
	cleanup(run_done) struct run run = {};
	char body[4096];
	size_t length;

	length = (size_t)sprintf(body, "{\"sources\":[{\"problems\":[");
	for (int i = 0; i < 20; i++)
		length += (size_t)sprintf(body + length, "%s{\"file\":\"/f\",\"text\":\"t\"}",
					  i ? "," : "");
	strcpy(body + length, "]}]}");
	ask(&run, CLI_TABLE, "status", 200, body);
	ck_assert_ptr_nonnull(strstr(run.out, "and 12 more; all: weir status -o yaml\n"));
}
END_TEST

START_TEST(json_is_the_answer_itself)
{
	static const char answer[] = "{\"b\":[1,\"x\\u001b\",null],\"a\":{\"c\":true}}";
	cleanup(json_dropp) json_t *sent = json_loads(answer, 0, NULL);
	cleanup(json_dropp) json_t *got = NULL;
	cleanup(run_done) struct run run = {};

	ask(&run, CLI_JSON, "status", 200, answer);
	ck_assert_int_eq(run.code, CLI_OK);
	got = json_loads(run.out, 0, NULL);
	ck_assert(json_equal(sent, got));
}
END_TEST

static const struct print_row yamls[] = {
	{ "status", "{\"a\":1,\"b\":true,\"c\":null,\"d\":\"text\",\"e\":[\"x\",2],\"f\":{\"g\":[]}}",
	  "a: 1\nb: true\nc: null\nd: text\ne:\n- x\n- 2\nf:\n  g: []\n" },
	/* Strings that look like something else. */
	{ "status", "{\"a\":\"1\",\"b\":\"true\",\"c\":\"\",\"d\":\"~\",\"e\":\"No\",\"f\":\"-1\"}",
	  "a: '1'\nb: 'true'\nc: ''\nd: '~'\ne: 'No'\nf: '-1'\n" },
	{ "status", "{\"a\":\"x: y\",\"b\":\"# z\",\"c\":\"l1\\nl2\",\"d\":\"\\u001b\"}",
	  "a: 'x: y'\nb: '# z'\nc: 'l1\n\n  l2'\nd: \"\\e\"\n" },
	{ "status", "{\"a\":\"fd00::1\",\"on\":\"10.0.0.0/24\"}",
	  "a: fd00::1\n'on': '10.0.0.0/24'\n" },
};

START_TEST(yaml_keeps_types_apart)
{
	cleanup(run_done) struct run run = {};

	ask(&run, CLI_YAML, yamls[_i].line, 200, yamls[_i].answer);
	ck_assert_int_eq(run.code, CLI_OK);
	ck_assert_str_eq(run.out, yamls[_i].out);
}
END_TEST

struct refusal_row {
	int status;
	const char *body;
	const char *err;
};

static const struct refusal_row refusals[] = {
	{ 404, "{\"code\":3,\"msg\":\"no such endpoint\",\"details\":\"17\"}",
	  "weir: no such endpoint: 17\n" },
	{ 503, "{\"code\":11,\"msg\":\"try again\",\"details\":\"\"}", "weir: try again\n" },
	{ 503, "{\"code\":11,\"msg\":\"a\\u001bb\"}", "weir: a b\n" },
	{ 500, "", "weir: weir-agent refused with HTTP status 500\n" },
	{ 500, "[]", "weir: weir-agent refused with HTTP status 500\n" },
	{ 200, "", "weir: the answer of weir-agent is not understood\n" },
	{ 200, "[]", "weir: the answer of weir-agent is not understood\n" },
	{ 200, "{\"a\":", "weir: the answer of weir-agent is not understood\n" },
};

START_TEST(a_refusal_is_said_and_fails)
{
	cleanup(run_done) struct run run = {};

	ask(&run, CLI_JSON, "endpoint get 17", refusals[_i].status, refusals[_i].body);
	ck_assert_int_eq(run.code, CLI_FAILED);
	ck_assert_str_eq(run.err, refusals[_i].err);
	ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(nobody_on_the_socket_is_said_with_its_name)
{
	cleanup(run_done) struct run run = {};

	run_words(&run, "/nonexistent/weir.sock", CLI_TABLE, "status");
	ck_assert_int_eq(run.code, CLI_FAILED);
	ck_assert_msg(strstr(run.err, "nobody serves /nonexistent/weir.sock"), "%s", run.err);
}
END_TEST

START_TEST(a_full_disk_is_a_failure)
{
	cleanup(agent_done) struct agent agent;
	cleanup(fclosep) FILE *full = fopen("/dev/full", "w");
	cleanup(freep) char *err = NULL;
	char *words[] = { "conntrack", "flush" };
	struct cli cli = { .out = full };
	size_t length;

	ck_assert_ptr_nonnull(full);
	agent_start(&agent, 200, "{\"removed\":1}");
	cli.socket = agent.path;
	cli.err = open_memstream(&err, &length);
	ck_assert_int_eq(cli_run(&cli, words, 2), CLI_FAILED);
	fclose(cli.err);
	ck_assert_str_eq(err, "weir: the output cannot be written\n");
}
END_TEST

struct unit_row {
	json_int_t value;
	const char *bytes;
	const char *duration;
};

static const struct unit_row units[] = {
	{ 0, "0 B", "0s" },
	{ 59, "59 B", "59s" },
	{ 60, "60 B", "1m 0s" },
	{ 1023, "1023 B", "17m 3s" },
	{ 1024, "1.0 KiB", "17m 4s" },
	{ 3600, "3.5 KiB", "1h 0m" },
	{ 86399, "84.4 KiB", "23h 59m" },
	{ 86400, "84.4 KiB", "1d 0h" },
	{ 1LL << 40, "1.0 TiB", "12725829d 0h" },
};

START_TEST(quantities_have_readable_units)
{
	char buf[UNIT_TEXT_MAX];

	ck_assert_str_eq(bytes_text(buf, units[_i].value), units[_i].bytes);
	ck_assert_str_eq(duration_text(buf, units[_i].value), units[_i].duration);
}
END_TEST

CHECK_MAIN("cli",
	   CHECK_LOOP(a_misspelt_command_is_explained_without_a_call, usages),
	   CHECK_LOOP(a_command_is_one_call_and_survives_an_empty_answer, calls),
	   CHECK_LOOP(an_answer_is_printed_for_people, prints),
	   CHECK_TEST(problems_leave_room_on_the_screen),
	   CHECK_TEST(json_is_the_answer_itself),
	   CHECK_LOOP(yaml_keeps_types_apart, yamls),
	   CHECK_LOOP(a_refusal_is_said_and_fails, refusals),
	   CHECK_TEST(nobody_on_the_socket_is_said_with_its_name),
	   CHECK_TEST(a_full_disk_is_a_failure),
	   CHECK_LOOP(quantities_have_readable_units, units))
