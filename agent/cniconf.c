// SPDX-License-Identifier: Apache-2.0
#include "cniconf.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#define BYTES_MAX 65536

char *cniconf_text(const struct config *config)
{
	char socket[PATH_MAX];
	json_t *conf;
	char *text;

	snprintf(socket, sizeof(socket), "%s/weir.sock", config->run_dir);
	conf = json_pack("{s:s, s:s, s:[{s:s, s:s, s:{s:b, s:b, s:b}}]}",
			 "cniVersion", "1.0.0", "name", "weir", "plugins",
			 "type", "weir-cni", "socket", socket, "capabilities",
			 "portMappings", 1, "ips", 1, "mac", 1);
	text = conf ? json_dumps(conf, JSON_INDENT(2)) : NULL;
	json_decref(conf);
	return text;
}

static int write_conf(const struct config *config)
{
	cleanup(freep) char *wanted = cniconf_text(config), *found = NULL, *dir = NULL;
	int r;

	if (!wanted)
		return -ENOMEM;
	if (!file_read(&found, NULL, config->cni_conf, BYTES_MAX) && !strcmp(found, wanted))
		return 0;
	dir = strndup(config->cni_conf, (size_t)(strrchr(config->cni_conf, '/') - config->cni_conf));
	if (!dir)
		return -ENOMEM;
	r = *dir ? file_make_dirs(dir, 0755) : 0;
	r = r ?: file_replace(config->cni_conf, wanted, strlen(wanted), 0644);
	if (!r)
		log_info("%s is written: pods can start", config->cni_conf);
	return r;
}

void cniconf_write(struct agent *agent)
{
	int r;

	if (!agent->config.cni_conf || agent->cni_conf_written || agent->waiting ||
	    !reconcile_in_force(agent->rec) || (!agent->pools[FAMILY_IP4] && !agent->pools[FAMILY_IP6]))
		return;
	r = write_conf(&agent->config);
	if (r < 0 && r != agent->cni_conf_failed)
		log_error_errno(r, "cni-conf: %s cannot be written, it is tried again",
				agent->config.cni_conf);
	agent->cni_conf_failed = r;
	agent->cni_conf_written = !r;
}

int cniconf_remove(const struct config *config)
{
	if (!config->cni_conf || !unlink(config->cni_conf) || errno == ENOENT)
		return 0;
	return -errno;
}
