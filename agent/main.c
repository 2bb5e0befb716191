// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/heap.h"
#include "base/log.h"

int main(int argc, char **argv)
{
	cleanup(agent_freep) struct agent *agent = NULL;
	char error[CONFIG_ERROR_MAX];
	struct config config;
	int r;

	heap_init();
	if (config_load(&config, argc, argv, error) < 0) {
		log_error("%s", error);
		return 2;
	}
	log_set_level(config.log_level);
	if (config.cleanup) {
		r = agent_cleanup(&config);
		config_done(&config);
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	r = agent_new(&agent, &config);
	config_done(&config);
	if (r < 0)
		return EXIT_FAILURE;
	return agent_run(agent) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
